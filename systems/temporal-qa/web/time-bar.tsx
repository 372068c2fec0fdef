/** Intervals on one axis of years. The condition is a band behind all rows; ends that are not known exactly fade, open
 *  ends run out of the picture; a line marks the reference date. */
import { useId } from 'react';
import type { TimeSpan } from '../src/types.ts';
import { DAY_MAX, DAY_MIN } from '../src/time/day-number.ts';
import { DAYS_PER_YEAR, knownDays, spanText, yearText } from './days.ts';

export interface TimeRow {
  readonly id: string;
  readonly label: string;
  readonly spans: readonly TimeSpan[];
  readonly tone: 'certain' | 'possible' | 'removed' | 'plain';
  /** Said with the bar: why it was kept or removed. */
  readonly note?: string;
}

const WIDTH = 720;
const LABEL_WIDTH = 190;
const ROW_HEIGHT = 26;
const BAR_HEIGHT = 14;
const AXIS_HEIGHT = 24;
const MAX_LABEL = 27;
/** Share of the axis left free on both sides. */
const MARGIN = 0.06;
const TARGET_TICKS = 6;
const MIN_BAR_PX = 4;
/** Room for half a tick's label. */
const EDGE = 16;

export function TimeBar({
  rows,
  condition = [],
  refDay,
  label,
}: {
  readonly rows: readonly TimeRow[];
  readonly condition?: readonly TimeSpan[];
  readonly refDay?: number;
  readonly label: string;
}) {
  const id = useId();
  const days = [...rows.flatMap((row) => row.spans), ...condition].flatMap(knownDays);
  if (days.length === 0) return null;
  const [first, last] = [Math.min(...days), Math.max(...days)];
  const pad = Math.max(DAYS_PER_YEAR, (last - first) * MARGIN);
  const [from, to] = [first - pad, last + pad];
  const x = (day: number) =>
    LABEL_WIDTH + ((Math.max(from, Math.min(to, day)) - from) / (to - from)) * (WIDTH - LABEL_WIDTH);
  const height = rows.length * ROW_HEIGHT + AXIS_HEIGHT;
  const showsRef = refDay !== undefined && refDay > from && refDay < to;
  return (
    <figure className="temporal-bar" tabIndex={0} aria-label={label}>
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={`${label}: ${describe(rows, condition)}`}>
        <defs>
          <linearGradient id={`${id}-in`}>
            <stop offset="0" stopOpacity="0.12" stopColor="currentColor" />
            <stop offset="1" stopOpacity="1" stopColor="currentColor" />
          </linearGradient>
          <linearGradient id={`${id}-out`}>
            <stop offset="0" stopOpacity="1" stopColor="currentColor" />
            <stop offset="1" stopOpacity="0.12" stopColor="currentColor" />
          </linearGradient>
        </defs>
        {ticksOf(from, to)
          .filter((year) => x(dayOfYear(year)) < WIDTH - EDGE)
          .map((year) => (
            <g key={year}>
              <line
                className="temporal-grid"
                x1={x(dayOfYear(year))}
                x2={x(dayOfYear(year))}
                y1={0}
                y2={height - AXIS_HEIGHT}
              />
              <text className="temporal-tick" x={x(dayOfYear(year))} y={height - 7} textAnchor="middle">
                {yearText(year)}
              </text>
            </g>
          ))}
        {condition.map((span, index) => (
          <rect
            key={index}
            className="temporal-band"
            x={x(span.s0)}
            width={Math.max(2, x(span.e1) - x(span.s0))}
            y={0}
            height={height - AXIS_HEIGHT}
          />
        ))}
        {showsRef && (
          <line className="temporal-ref" x1={x(refDay)} x2={x(refDay)} y1={0} y2={height - AXIS_HEIGHT}>
            <title>reference date</title>
          </line>
        )}
        {rows.map((row, index) => (
          <g key={row.id} className={`temporal-row is-${row.tone}`} transform={`translate(0 ${index * ROW_HEIGHT})`}>
            <title>{[row.label, row.spans.map(spanText).join(', '), row.note].filter(Boolean).join(' · ')}</title>
            <text className="temporal-name" x={LABEL_WIDTH - 10} y={ROW_HEIGHT / 2 + 4} textAnchor="end">
              {row.label.length > MAX_LABEL ? `${row.label.slice(0, MAX_LABEL - 1)}…` : row.label}
            </text>
            {row.spans.slice(0, 4).map((span, place) => (
              <Bar key={place} span={span} x={x} id={id} />
            ))}
          </g>
        ))}
      </svg>
    </figure>
  );
}

function Bar({ span, x, id }: { readonly span: TimeSpan; readonly x: (day: number) => number; readonly id: string }) {
  const y = (ROW_HEIGHT - BAR_HEIGHT) / 2;
  const part = (a: number, b: number, fill: string, key: string) =>
    x(b) - x(a) > 0.3 && <rect key={key} x={x(a)} width={x(b) - x(a)} y={y} height={BAR_HEIGHT} fill={fill} />;
  if (span.openEnd && !span.openStart)
    return (
      <>
        {part(span.s0, span.s1, `url(#${id}-in)`, 'start')}
        {part(span.s1, DAY_MAX, `url(#${id}-out)`, 'end')}
      </>
    );
  if (span.openStart && !span.openEnd)
    return (
      <>
        {part(DAY_MIN, span.e0, `url(#${id}-in)`, 'start')}
        {part(span.e0, span.e1, `url(#${id}-out)`, 'end')}
      </>
    );
  if (span.kind === 'event' || span.s1 >= span.e0) {
    const width = Math.max(MIN_BAR_PX, x(span.e1) - x(span.s0));
    return <rect x={x(span.s0)} width={width} y={y} height={BAR_HEIGHT} rx={3} fill="currentColor" />;
  }
  return (
    <>
      {part(span.s0, span.s1, `url(#${id}-in)`, 'start')}
      {part(span.s1, span.e0, 'currentColor', 'middle')}
      {part(span.e0, span.e1, `url(#${id}-out)`, 'end')}
    </>
  );
}

function dayOfYear(year: number): number {
  return Math.round((year - 1970) * DAYS_PER_YEAR);
}

/** Round years, about TARGET_TICKS of them. */
function ticksOf(from: number, to: number): number[] {
  const years = (to - from) / DAYS_PER_YEAR;
  const step =
    [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000].find((size) => years / size <= TARGET_TICKS) ?? 5000;
  const ticks: number[] = [];
  const end = 1970 + to / DAYS_PER_YEAR;
  for (let year = Math.ceil((1970 + from / DAYS_PER_YEAR) / step) * step; year <= end; year += step) ticks.push(year);
  return ticks;
}

function describe(rows: readonly TimeRow[], condition: readonly TimeSpan[]): string {
  const parts = rows.map((row) => `${row.label} ${row.spans.map(spanText).join(' and ')}`);
  return [...(condition.length > 0 ? [`condition ${condition.map(spanText).join(' and ')}`] : []), ...parts].join('; ');
}
