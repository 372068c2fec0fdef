/** tokens: one layer's routing, whole, with capacity passing and with naive micro-batches. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { keptPairs, mergeParts, routeNaively, routeParts } from '../capacity-passing.ts';
import { routeWhole, type GateInput, type Routing } from '../gates.ts';
import type { GateName } from '../types.ts';

interface TokenParams {
  readonly gate: GateName;
  readonly tokens: number;
  readonly experts: number;
  readonly capacity: number;
  readonly parts: number;
  readonly skew: number;
  readonly topK: number;
}

export async function run(params: TokenParams, context: VerbContext): Promise<VerbResult> {
  const { gate, tokens, experts, capacity, parts, skew, topK } = params;
  const scores = Float64Array.from(
    { length: tokens * experts },
    (_, index) => context.rng.uniform() + (skew * (experts - (index % experts))) / (2 * experts),
  );
  const input: GateInput = { gate, numTokens: tokens, numExperts: experts, capacity, scores, topK };
  const whole = routeWhole(input);
  const passed = mergeParts(routeParts(input, parts), experts);
  const naiveParts = routeNaively(input, parts);
  const naive = mergeParts(naiveParts, experts);
  const isSame = keptPairs(whole).join() === keptPairs(passed).join();
  const lost = difference(keptPairs(whole), keptPairs(naive));
  const gained = difference(keptPairs(naive), keptPairs(whole));
  // Several experts may take the same token.
  const unit = gate === 'switch' || gate === 'hash' || gate === 'bpr' ? 'tokens' : 'assignments of tokens';
  const rows = [
    ['whole batch', whole],
    [`capacity passing, ${parts} parts`, passed],
    [`naive, ${parts} micro-batches`, naive],
  ].map(([name, routing]) => row(name as string, routing as Routing, tokens));
  return {
    ok: isSame,
    value: {
      experts,
      capacity,
      parts,
      whole: grid(whole),
      passed: grid(passed),
      naive: grid(naive),
      isSame,
      naiveLost: lost,
      naiveGained: gained,
    },
    report: {
      title: `Tokens of one layer, gate ${gate}`,
      verdict: {
        tone: isSame ? 'good' : 'bad',
        text:
          `Capacity passing keeps ${isSame ? 'exactly the' : 'other'} ${unit} of the whole batch; ` +
          `naive micro-batches lose ${lost.length} of them and keep ${gained.length} others.`,
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'name', label: 'batch' },
            { key: 'kept', label: `${unit}: kept`, format: 'count' },
            { key: 'dropped', label: 'dropped', format: 'count' },
            { key: 'without', label: 'tokens without an expert', format: 'count' },
            { key: 'fill', label: 'rows per expert' },
          ],
          rows,
        },
      ],
    },
  };
}

function row(name: string, { token, place, count }: Routing, numTokens: number) {
  const kept = place.filter((at) => at >= 0).length;
  // Where experts choose, nothing chosen is dropped, but a token may be chosen by none.
  const served = new Set(token.filter((_, index) => place[index]! >= 0));
  return { name, kept, dropped: place.length - kept, without: numTokens - served.size, fill: [...count].join(' · ') };
}

function grid({ token, expert, place }: Routing) {
  return [...token].map((t, index) => ({ token: t, expert: expert[index]!, place: place[index]! }));
}

function difference(a: readonly string[], b: readonly string[]): string[] {
  const other = new Set(b);
  return a.filter((pair) => !other.has(pair));
}
