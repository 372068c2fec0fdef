/** What operations and their parts cost on a machine that was measured: times of the written order, and of two orders
 *  that cut whole ranges into 2 and 4 parts (`PROFILE_PARTS`); medians over layers, which are alike. Between these counts times are linear in 1/k; beyond the last
 *  the slope goes on. An operation that was never cut gets time/k and the median overhead of those that were. */
import { median } from '@tenfold/core/base';
import type { MeasuredFile, MeasuredSetting } from './measured-file.ts';
import type { OverlapOp, PartCosts } from './types.ts';

export const PROFILE_PARTS = [2, 4] as const;
export const profileMode = (numParts: number): string => `parts${numParts}`;

export interface MeasuredCosts {
  readonly wholeMs: Readonly<Record<string, number>>;
  /** ms of one of k parts of operation `id`, which as a whole takes `wholeMs` (scaled if that is not what was measured). */
  partMs(id: string, wholeMs: number, numParts: number): number;
  /** ms to put parts together. */
  mergeMs(bytes: number): number;
  /** What cutting adds to a part, median over operations and counts. */
  readonly overheadMs: number;
  readonly slowdown: { readonly compute: number; readonly comm: number };
  /** How often exchanges are sent to emulate the link; absent: as the runner finds. */
  readonly repeat?: number;
}

type Times = Readonly<Record<string, number>>;

/** The setting on the link as it is, or else the first. */
export function nativeSetting({ settings }: MeasuredFile): MeasuredSetting {
  return settings.find(({ asked }) => !asked) ?? settings[0]!;
}

/** @param overheadMs  of a part, where the file holds no parts
 *  @returns undefined unless the written order was measured */
export function measuredCosts(file: MeasuredFile, overheadMs: number): MeasuredCosts | undefined {
  const { modes } = nativeSetting(file);
  const written = timesOf(modes['none']);
  if (!written || Object.keys(written).length === 0) return undefined;
  const byName = new Map<string, number[]>();
  for (const [id, ms] of Object.entries(written)) byName.set(nameOf(id), [...(byName.get(nameOf(id)) ?? []), ms]);
  const wholeOf = new Map([...byName].map(([name, times]) => [name, median(times)]));
  const wholeMs = Object.fromEntries(Object.keys(written).map((id) => [id, wholeOf.get(nameOf(id))!]));
  const partsOf = new Map<string, Map<number, number>>();
  const overheads: number[] = [];
  const merges: number[] = [];
  for (const numParts of PROFILE_PARTS) {
    const times = timesOf(modes[profileMode(numParts)]) ?? {};
    for (const [name, parts] of partTimes(times, numParts)) {
      // A mean: the first part of a pipeline may take longer than the rest.
      const mean = parts.reduce((sum, ms) => sum + ms, 0) / parts.length;
      const table = partsOf.get(name) ?? new Map<number, number>();
      partsOf.set(name, table.set(numParts, mean));
      const whole = wholeOf.get(name);
      if (whole !== undefined) overheads.push(mean - whole / numParts);
    }
    for (const [id, ms] of Object.entries(times)) if (id.startsWith('merge ')) merges.push(ms);
  }
  const partOverheadMs = overheads.length > 0 ? Math.max(0, median(overheads)) : overheadMs;
  const mergingMs = merges.length > 0 ? median(merges) : overheadMs;
  return {
    wholeMs,
    partMs(id, ms, numParts) {
      const table = partsOf.get(nameOf(id));
      const measuredMs = wholeMs[id];
      if (!table || !measuredMs) return ms / numParts + partOverheadMs;
      return (ms / measuredMs) * partAt(table, measuredMs, numParts);
    },
    mergeMs: () => mergingMs,
    overheadMs: partOverheadMs,
    slowdown: file.slowdown ?? { compute: 1, comm: 1 },
  };
}

/** Costs for planning; times of the graph's operations may differ from the measured ones (slower links). */
export function partCostsFrom({ partMs, mergeMs }: MeasuredCosts): PartCosts {
  return {
    partMs: (op: OverlapOp, numParts) => (numParts === 1 ? op.timeMs : partMs(op.id, op.timeMs, numParts)),
    mergeMs,
    sideBySideMs: mergeMs,
  };
}

/** The same machine with a slower link: exchanges take `ratio` times as long as the experts. Where exchanges were profiled
 *  alone, sent once and more often, one more send costs the same every time, and what an exchange takes beyond sending
 *  (waiting for the other ranks) stays as it is; otherwise all times of exchanges grow alike. */
export function atRatio(
  costs: MeasuredCosts,
  ratio: number,
  { exchanges = [] }: Pick<MeasuredFile, 'exchanges'>,
): MeasuredCosts {
  if (ratio <= 0) return costs;
  const { wholeMs, partMs } = costs;
  const ids = Object.keys(wholeMs).filter(isExchange);
  const middle = (name: string): number =>
    median(Object.keys(wholeMs).flatMap((id) => (id.endsWith(name) ? [wholeMs[id]!] : [])));
  const wantedMs = ratio * (middle('.exp1') + middle('.exp2'));
  const dispatchMs = middle('.a2a.back');
  const once = exchanges.find(({ repeat }) => repeat === 1);
  const often = exchanges.reduce((most, table) => (table.repeat > (most?.repeat ?? 1) ? table : most), once);
  if (once && often && often.repeat > 1) {
    const sendMs = (numParts: number): number =>
      (aloneMs(often.ms, numParts) - aloneMs(once.ms, numParts)) / (often.repeat - 1);
    const repeat = Math.max(1, Math.round((wantedMs - dispatchMs) / sendMs(1)) + 1);
    const added = (numParts: number): number => (repeat - 1) * sendMs(numParts);
    return {
      ...costs,
      repeat,
      wholeMs: { ...wholeMs, ...Object.fromEntries(ids.map((id) => [id, wholeMs[id]! + added(1)])) },
      partMs: (id, ms, numParts) =>
        isExchange(id) ? partMs(id, wholeMs[id]!, numParts) + added(numParts) : partMs(id, ms, numParts),
    };
  }
  const factor = wantedMs / dispatchMs;
  return { ...costs, wholeMs: { ...wholeMs, ...Object.fromEntries(ids.map((id) => [id, factor * wholeMs[id]!])) } };
}

const isExchange = (id: string): boolean => id.includes('.a2a.');

/** Linear in 1/k between the profiled numbers of parts. */
function aloneMs(ms: Readonly<Record<string, number>>, numParts: number): number {
  const whole = ms['1'];
  if (whole === undefined) return 0;
  return partAt(new Map(PROFILE_PARTS.flatMap((k) => (ms[k] === undefined ? [] : [[k, ms[k]!]]))), whole, numParts);
}

function timesOf(mode: MeasuredSetting['modes'][string] | undefined): Times | undefined {
  return mode?.laneMs ?? mode?.spanMs;
}

/** Times of the parts of every kind of operation that was cut into so many. */
function partTimes(times: Times, numParts: number): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [id, ms] of Object.entries(times)) {
    const match = /^(.+)#\d+\/(\d+)$/.exec(id);
    if (!match || Number(match[2]) !== numParts) continue;
    const name = nameOf(match[1]!);
    found.set(name, [...(found.get(name) ?? []), ms]);
  }
  return found;
}

/** `3.exp1` → `exp1`. A feed-forward layer without experts has other names than one with them. */
const nameOf = (id: string): string => id.slice(id.indexOf('.') + 1);

/** Linear in 1/k between 1 (whole), 2 and 4, and on beyond. */
function partAt(table: ReadonlyMap<number, number>, wholeMs: number, numParts: number): number {
  const points: (readonly [inverse: number, ms: number])[] = [[1, wholeMs]];
  for (const count of PROFILE_PARTS) {
    const ms = table.get(count);
    if (ms !== undefined) points.push([1 / count, ms]);
  }
  const x = 1 / numParts;
  let left = points[0]!;
  let right = points[1] ?? points[0]!;
  for (let index = 1; index < points.length; index++) {
    [left, right] = [points[index - 1]!, points[index]!];
    if (x >= right[0]) break;
  }
  const [x0, y0] = left;
  const [x1, y1] = right;
  const ms = x0 === x1 ? y0 * x : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  return Math.max(ms, 0);
}
