/** Every backward all-to-all as a box as long as it takes, filled with the weight gradients that run behind it. */
import { Badge, Row, SelectField, Stack, useAddressState } from '@tenfold/ui';
import type { DwMatching } from '../src/dw-matching.ts';

type Rule = 'paper' | 'official' | 'exact';
const RULES: readonly { readonly value: Rule; readonly label: string }[] = [
  { value: 'exact', label: 'exact (integer program)' },
  { value: 'official', label: 'greedy (public code)' },
  { value: 'paper', label: 'greedy (paper, Algorithm 1)' },
];
const NUM_SERIES = 9;
/** A box longer than this many times its all-to-all is cut off. */
const MAX_OVERFLOW = 1.5;
/** An all-to-all is shown as covered from this share on. */
const FULL_SHARE = 0.98;

export function GradientMatching({ matching }: { readonly matching: Readonly<Record<Rule, DwMatching>> }) {
  const [rule, setRule] = useAddressState<Rule>('rule', 'exact');
  const { rows, hiddenMs, boundMs, isProved } = matching[rule];
  if (rows.length === 0) return <p>The backward pass of this graph has no all-to-all.</p>;
  const totalMs = rows.reduce((sum, { a2aMs }) => sum + a2aMs, 0);
  const longestMs = Math.max(...rows.map(({ a2aMs }) => a2aMs));
  const best = matching.exact.boundMs ?? matching.exact.hiddenMs;
  return (
    <Stack>
      <Row>
        <SelectField label="Assignment" value={rule} onChange={setRule} options={RULES} />
        <p className="overlap-gap">
          <strong>{hiddenMs.toFixed(2)} ms</strong> of {totalMs.toFixed(2)} ms hidden, {gapText(hiddenMs, best)}{' '}
          {isProved && boundMs !== null && <Badge tone="good">proved optimal</Badge>}
        </p>
      </Row>
      <div className="overlap-boxes">
        {rows.map(({ a2a, a2aMs, gradients }) => {
          const filledMs = gradients.reduce((sum, { ms }) => sum + ms, 0);
          const share = (ms: number): number => (100 * ms) / (longestMs * MAX_OVERFLOW);
          return [
            <code key={`${a2a} name`}>{a2a}</code>,
            <div
              key={`${a2a} box`}
              className="overlap-box"
              role="img"
              aria-label={`${a2a}: ${gradients.length} gradients, ${filledMs.toFixed(2)} ms behind ${a2aMs.toFixed(2)} ms`}
            >
              {gradients.map(({ name, ms }) => (
                <span
                  key={name}
                  style={{ width: `${share(ms)}%`, background: `var(--bar-${(layerOf(name) % NUM_SERIES) + 1})` }}
                  title={`${name}: ${ms.toFixed(3)} ms`}
                >
                  <b>{shortName(name)}</b>
                </span>
              ))}
              <i style={{ left: `${share(a2aMs)}%` }} title={`the all-to-all ends after ${a2aMs.toFixed(2)} ms`} />
            </div>,
            <span key={`${a2a} sum`} className={filledMs < a2aMs * FULL_SHARE ? 'is-short' : ''}>
              {filledMs.toFixed(2)} / {a2aMs.toFixed(2)} ms
            </span>,
          ];
        })}
      </div>
      <p className="overlap-hint">
        A vertical mark is where the all-to-all ends: blank before it is exposed, colour behind it is computation that
        would have run anyway. Colours are layers; long gradients are cut off.
      </p>
    </Stack>
  );
}

function gapText(hiddenMs: number, bestMs: number): string {
  const gap = bestMs > 0 ? 1 - hiddenMs / bestMs : 0;
  return gap < 0.0005 ? 'all that can be' : `${(100 * gap).toFixed(1)} % below what can be`;
}

function layerOf(name: string): number {
  return Number(/layers?\.(\d+)/.exec(name)?.[1] ?? 0);
}

/** `layers.7.ffn/Gemm_3` → `7 ffn`. */
function shortName(name: string): string {
  const parts = /layers\.(\d+)\.?([\w.]*)\//.exec(name);
  return parts ? `${parts[1]} ${parts[2]!.split('.').at(-1)}` : name.split('/')[0]!;
}
