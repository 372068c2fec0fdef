/** How long an iteration of given instructions takes, from the costs of `mini-profile.ts`: passes wait for those before
 *  them, and a worker is faster while the others wait. */
import { createProgramBuilder, simulate, type Simulation } from '@tenfold/core/schedule';
import type { MiniCosts } from './mini-profile.ts';
import type { FrozenItem } from './rank-frozen.ts';
import type { RankMode } from './rank-program.ts';

export interface MiniPrediction {
  readonly iterationMs: number;
  /** Without the meetings at the end of an iteration. */
  readonly simulation: Simulation;
}

const MACHINE = 'machine';

export function predictMini(
  { instructions, frozen, isFilled }: Pick<RankMode, 'instructions' | 'frozen' | 'isFilled'>,
  costs: MiniCosts,
): MiniPrediction {
  const { sharing, cutForwardMs, cutBackwardMs } = costs;
  const numStages = instructions.length;
  const builder = createProgramBuilder();
  const computeOf = instructions.map((_, stage) => builder.addResource({ name: `stage ${stage}`, device: MACHINE }));
  // Times were taken while all workers computed; alone each operation is that much faster.
  const add = (name: string, stage: number, ms: number, after: readonly number[]): number =>
    builder.addOp({ name, on: computeOf[stage]!, durationMs: ms / sharing, after });
  const frozenOp = (stage: number, item: FrozenItem, after: readonly number[] = []): number =>
    add(`${item.component}.${item.layer} × ${item.count}`, stage, costs.itemMs(stage, item), after);
  const frozenEnds = isFilled ? [] : frozen.flatMap((items, stage) => items.map((item) => frozenOp(stage, item)));
  /** Per stage: what stands before its first word. */
  const starts = instructions.map((_, stage) => {
    const rest = builder.addResource({ name: `rest ${stage}`, device: `rest ${stage}`, kind: 'communication' });
    const durationMs = (isFilled ? 0 : costs.exchangeMs[stage]!) + costs.beginMs[stage]!;
    return builder.addOp({ name: `begin ${stage}`, on: rest, durationMs, after: frozenEnds });
  });
  const ops = new Map<string, number>();
  const links = new Map<string, number>();
  /** The transfer behind a pass; delays of different micro-batches do not add up. */
  const arrival = (from: string, stage: number, ms: number): number => {
    const known = links.get(from);
    if (known !== undefined) return known;
    const wire = builder.addResource({ name: `link ${from}`, device: `link ${stage}`, kind: 'communication' });
    const op = builder.addOp({ name: `send ${from}`, on: wire, durationMs: ms, after: [ops.get(from)!] });
    links.set(from, op);
    return op;
  };
  /** What a word waits for on other workers, or undefined if that is not there yet. */
  const needs = (word: string, stage: number): number[] | undefined => {
    const micro = word.slice(1);
    const kind = word[0]!;
    const needed: [from: string, ms: number][] = [];
    if ((kind === 'F' || kind === 'P') && stage > 0)
      needed.push([`${kind}${stage - 1}.${micro}`, cutForwardMs[stage - 1]!]);
    if (kind === 'B' && stage < numStages - 1) needed.push([`B${stage + 1}.${micro}`, cutBackwardMs[stage]!]);
    if (kind === 'F' && stage === 0 && instructions.some((words) => words.includes(`P${micro}`)))
      needed.push([`P${numStages - 1}.${micro}`, numStages > 1 ? cutForwardMs[0]! : 0]);
    if (!needed.every(([from]) => ops.has(from))) return undefined;
    return needed.map(([from, ms]) => arrival(from, stage, ms));
  };
  const passes: string[] = [];
  const next = instructions.map(() => 0);
  for (let isGoing = true; isGoing;) {
    isGoing = false;
    instructions.forEach((words, stage) => {
      while (next[stage]! < words.length) {
        const word = words[next[stage]!]!;
        const after = word[0] === 'Z' ? [] : needs(word, stage);
        if (!after) return;
        next[stage]!++;
        isGoing = true;
        if (word[0] === 'Z') {
          frozenOp(stage, frozen[stage]![Number(word.slice(1))]!, [starts[stage]!]);
          continue;
        }
        const kind = word[0] === 'B' ? 'B' : 'F';
        const nth = passes.filter((pass) => pass === `${kind}${stage}`).length;
        passes.push(`${kind}${stage}`);
        const ms = costs.passMs(kind, stage, nth);
        ops.set(
          `${word[0]}${stage}.${word.slice(1)}`,
          add(`${word[0]}${stage}.${word.slice(1)}`, stage, ms, [...after, starts[stage]!]),
        );
      }
    });
  }
  const simulation = simulate(builder.build(), {
    interference: sharing > 1 ? [{ victim: 'compute', aggressor: 'compute', factor: sharing }] : [],
  });
  const afterMs = (isFilled ? Math.max(...costs.exchangeMs) : 0) + Math.max(...costs.endMs);
  return { iterationMs: simulation.makespanMs + afterMs, simulation };
}
