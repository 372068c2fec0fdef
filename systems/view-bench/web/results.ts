/** What the page reads of a run's value. */
import type { CameraMark } from '../src/bench/experiment.ts';
import type { LevelRow } from '../src/bench/level-table.ts';
import type { TrustRadius } from '../src/bench/trust-radius.ts';
import type { LengthUnit, Level } from '../src/types.ts';

export interface ExperimentValue {
  readonly numGaussians: number;
  /** Not in runs of earlier versions. */
  readonly lengthUnit?: LengthUnit;
  readonly levels: readonly LevelRow[];
  readonly trust: TrustRadius | null;
  readonly cameras: readonly CameraMark[];
  readonly strips: readonly {
    readonly name: string;
    readonly level: Level;
    readonly psnr: number;
    readonly artifact: string;
  }[];
}

export const LEVELS: readonly {
  readonly level: Level;
  readonly title: string;
  readonly short: string;
  readonly color: string;
}[] = [
  { level: 'train', title: 'Training views', short: 'train', color: 'var(--ink-3)' },
  { level: 'control', title: 'Between training views', short: 'between', color: 'var(--series-3)' },
  { level: 'level1', title: 'Level 1 · moved aside', short: 'level 1', color: 'var(--series-1)' },
  { level: 'level2', title: 'Level 2 · turned', short: 'level 2', color: 'var(--series-4)' },
  { level: 'level3', title: 'Level 3 · moved and turned', short: 'level 3', color: 'var(--series-2)' },
];

/** dB expected at a distance from the path, from the monotone curve; beyond its end the last value. */
export function expectedPsnr({ points, monotone, referencePsnr }: TrustRadius, distanceM: number): number {
  const distances = [0, ...points.map((point) => point.distanceM)];
  const values = [Math.max(referencePsnr, monotone[0] ?? referencePsnr), ...monotone];
  const after = distances.findIndex((value) => value > distanceM);
  if (after < 0) return values.at(-1)!;
  if (after === 0) return values[0]!;
  const share = (distanceM - distances[after - 1]!) / (distances[after]! - distances[after - 1]!);
  return values[after - 1]! + share * (values[after]! - values[after - 1]!);
}
