/** Trust radius: how far from the training views the quality stays within a tolerance of what it is between them.
 *  The curve is PSNR against distance made monotone (pool adjacent violators), because quality cannot truly rise with distance
 *  from what was seen; the radius is where it crosses the threshold. */
import type { Evaluation, ViewScore } from './evaluate.ts';
import { mean } from './level-table.ts';

export interface TrustPoint {
  readonly distanceM: number;
  readonly psnr: number;
  readonly psnrSeen: number | null;
  readonly unseenShare: number | null;
  readonly numViews: number;
}

export interface TrustRadius {
  /** dB that views near the training views reach. */
  readonly referencePsnr: number;
  /** Allowed loss, dB. */
  readonly toleranceDb: number;
  /** Metres; 0 if even the nearest test view falls below. */
  readonly radiusM: number;
  /** True if no test view falls below: the radius is at least the farthest distance. */
  readonly isLowerBound: boolean;
  /** Groups of views by distance, nearest first; psnr as measured. */
  readonly points: readonly TrustPoint[];
  /** The monotone curve at the same distances. */
  readonly monotone: readonly number[];
}

const DEFAULT_TOLERANCE_DB = 3;
/** Views whose distances differ by less than this share stand in one group. */
const GROUP_SHARE = 0.15;
const GROUP_M = 0.1;

/** @returns undefined without level-1 views or without control views.
 *  Reference: control views (else training views). Distances: level-1 views, to the training path. */
export function computeTrustRadius({ views }: Evaluation, toleranceDb = DEFAULT_TOLERANCE_DB): TrustRadius | undefined {
  const control = views.filter(({ level }) => level === 'control');
  const reference = control.length > 0 ? control : views.filter(({ level }) => level === 'train');
  const aside = views.filter(({ level }) => level === 'level1');
  if (reference.length === 0 || aside.length === 0) return undefined;
  const referencePsnr = mean(reference.map(({ psnr }) => psnr));
  const points = groupByDistance(aside);
  const monotone = fallingFit(
    [referencePsnr, ...points.map(({ psnr }) => psnr)],
    [reference.length, ...points.map(({ numViews }) => numViews)],
  );
  const threshold = referencePsnr - toleranceDb;
  const distances = [0, ...points.map(({ distanceM }) => distanceM)];
  const below = monotone.findIndex((value) => value < threshold);
  const base = { referencePsnr, toleranceDb, points, monotone: monotone.slice(1) };
  if (below < 0) return { ...base, radiusM: distances.at(-1)!, isLowerBound: true };
  if (below === 0) return { ...base, radiusM: 0, isLowerBound: false };
  const [high, low] = [monotone[below - 1], monotone[below]];
  const share = (high - threshold) / (high - low);
  const radiusM = distances[below - 1] + share * (distances[below] - distances[below - 1]);
  return { ...base, radiusM, isLowerBound: false };
}

function groupByDistance(views: readonly ViewScore[]): readonly TrustPoint[] {
  const sorted = views.toSorted((a, b) => a.pathM - b.pathM);
  const groups: ViewScore[][] = [];
  for (const view of sorted) {
    const group = groups.at(-1);
    const start = group?.[0]!.pathM ?? 0;
    if (group && view.pathM - start <= GROUP_M + GROUP_SHARE * start) group.push(view);
    else groups.push([view]);
  }
  const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
  const meanKnown = (values: readonly (number | null)[]) => (known(values).length > 0 ? mean(known(values)) : null);
  return groups.map((group) => ({
    distanceM: mean(group.map(({ pathM }) => pathM)),
    psnr: mean(group.map(({ psnr }) => psnr)),
    psnrSeen: meanKnown(group.map(({ psnrSeen }) => psnrSeen)),
    unseenShare: meanKnown(group.map(({ unseenShare }) => unseenShare)),
    numViews: group.length,
  }));
}

/** Weighted least-squares fit that never rises. */
export function fallingFit(values: readonly number[], weights: readonly number[]): number[] {
  const blocks: { value: number; weight: number; length: number }[] = [];
  values.forEach((value, k) => {
    blocks.push({ value, weight: weights[k]!, length: 1 });
    while (blocks.length > 1 && blocks.at(-1)!.value > blocks.at(-2)!.value) {
      const [last, before] = [blocks.pop()!, blocks.pop()!];
      const weight = last.weight + before.weight;
      blocks.push({
        value: (last.value * last.weight + before.value * before.weight) / weight,
        weight,
        length: last.length + before.length,
      });
    }
  });
  return blocks.flatMap(({ value, length }) => Array.from({ length }, () => value));
}
