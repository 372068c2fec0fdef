/** Orders of one step on one time scale: what computes, what is communicated behind it, and what stays exposed (red, with
 *  stripes and taller than the rest). */
import type { TimelineBlock, TimelineSpan } from '@tenfold/core/report';

interface Strip {
  readonly startMs: number;
  endMs: number;
  readonly category: string;
}

const CATEGORIES = [
  { id: 'fwd', label: 'forward' },
  { id: 'dX', label: 'gradients of activations (dX)' },
  { id: 'dW', label: 'gradients of weights (dW)' },
  { id: 'opt', label: 'update' },
  { id: 'hidden', label: 'communication behind computation' },
  { id: 'exposed', label: 'exposed communication' },
] as const;
/** Spans of one category closer than this share of the step are drawn as one. */
const MERGE_SHARE = 1 / 3000;

export function LaneCompare({ orders }: { readonly orders: readonly { name: string; block: TimelineBlock }[] }) {
  const ends = orders.map(({ block }) => endOf(block));
  const totalMs = Math.max(...ends, 1e-9);
  const used = new Set(orders.flatMap(({ block }) => block.spans.map(({ category = '' }) => category)));
  return (
    <figure className="overlap-compare">
      {orders.map(({ name, block }, index) => {
        const endMs = ends[index]!;
        const exposedMs = lengthOf(block.spans.filter(({ lane }) => lane === 'exposed'));
        const saved = 1 - endMs / ends[0]!;
        return (
          <div key={name} className="overlap-order">
            <div className="overlap-order-head">
              <strong>{name}</strong>
              <span>
                {endMs.toFixed(1)} ms{saved > 0.0005 ? ` (−${(100 * saved).toFixed(1)} %)` : ''}
              </span>
              <span className="overlap-exposed-text">{exposedMs.toFixed(1)} ms exposed</span>
            </div>
            <svg
              className="overlap-strips"
              role="img"
              aria-label={`${name}: ${endMs.toFixed(1)} ms, of which ${exposedMs.toFixed(1)} ms are exposed communication`}
            >
              <defs>
                <pattern id={`overlap-hatch-${index}`} width="5" height="5" patternUnits="userSpaceOnUse">
                  <rect width="5" height="5" className="is-exposed-base" />
                  <path d="M0 5 L5 0" className="is-exposed-line" />
                </pattern>
              </defs>
              <Strips strips={stripsOf(block, 'compute', totalMs)} totalMs={totalMs} y={2} height={22} />
              <Strips
                strips={stripsOf(block, 'communication', totalMs).map((strip) => ({ ...strip, category: 'hidden' }))}
                totalMs={totalMs}
                y={30}
                height={10}
              />
              <Strips
                strips={stripsOf(block, 'exposed', totalMs)}
                totalMs={totalMs}
                y={27}
                height={16}
                fill={`url(#overlap-hatch-${index})`}
              />
              {endMs < totalMs && <line className="overlap-end" {...atMs(endMs, totalMs)} y1={0} y2={46} />}
            </svg>
          </div>
        );
      })}
      <figcaption className="overlap-legend">
        {CATEGORIES.filter(({ id }) => id === 'hidden' || used.has(id)).map(({ id, label }) => (
          <span key={id}>
            <i className={`is-${id}`} aria-hidden="true" />
            {label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function Strips({
  strips,
  totalMs,
  y,
  height,
  fill,
}: {
  readonly strips: readonly Strip[];
  readonly totalMs: number;
  readonly y: number;
  readonly height: number;
  readonly fill?: string;
}) {
  const percent = (ms: number): string => `${(100 * ms) / totalMs}%`;
  return strips.map(({ startMs, endMs, category }) => (
    <rect
      key={`${startMs} ${category}`}
      className={`is-${category}`}
      x={percent(startMs)}
      width={percent(endMs - startMs)}
      y={y}
      height={height}
      {...(fill === undefined ? {} : { style: { fill } })}
    >
      <title>{`${category}: ${startMs.toFixed(2)} to ${endMs.toFixed(2)} ms`}</title>
    </rect>
  ));
}

function stripsOf({ spans }: TimelineBlock, lane: string, totalMs: number): Strip[] {
  const strips: Strip[] = [];
  for (const { startMs, endMs, category = '' } of inOrder(spans.filter((span) => span.lane === lane))) {
    const last = strips.at(-1);
    if (last?.category === category && startMs - last.endMs < totalMs * MERGE_SHARE) last.endMs = endMs;
    else strips.push({ startMs, endMs, category });
  }
  return strips;
}

function inOrder(spans: readonly TimelineSpan[]): TimelineSpan[] {
  return [...spans].sort((a, b) => a.startMs - b.startMs);
}

const endOf = ({ spans }: TimelineBlock): number => spans.reduce((most, { endMs }) => Math.max(most, endMs), 0);
const lengthOf = (spans: readonly TimelineSpan[]): number =>
  spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);

function atMs(ms: number, totalMs: number): { readonly x1: string; readonly x2: string } {
  const x = `${(100 * ms) / totalMs}%`;
  return { x1: x, x2: x };
}
