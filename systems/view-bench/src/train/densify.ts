/** Adaptive density control: clone small Gaussians that pull hard, split large ones, prune faint ones.
 *  Source: Kerbl et al. 2023 (arXiv 2308.04079), section 5; the abs-grad statistic is that of AbsGS (arXiv 2404.10484). */
import type { Rng } from '@tenfold/core/base';
import { createCloud, rowWidths } from '../cloud.ts';
import { sigmoid } from '../reals.ts';
import type { GaussianCloud, Reals } from '../types.ts';
import { PARAMETER_KINDS } from '../types.ts';

/** Children of a split are this much smaller. */
const SPLIT_SHRINK = 1.6;
const LOG_SHRINK = Math.log(SPLIT_SHRINK);

export interface DensifyOptions {
  /** Mean gradient of the position in normalised device units above which a Gaussian grows. */
  readonly gradientThreshold: number;
  /** Clone below, split above this largest standard deviation, metres. */
  readonly splitScaleM: number;
  /** Prune below this opacity. */
  readonly minOpacity: number;
  /** Prune above this largest standard deviation, metres; Infinity: never. */
  readonly maxScaleM: number;
  /** No growth beyond this many. */
  readonly cap: number;
}

export interface DensifyResult {
  readonly cloud: GaussianCloud;
  /** Old row that new row r continues, -1 for rows that are new. */
  readonly sources: Int32Array;
  readonly numCloned: number;
  readonly numSplit: number;
  readonly numPruned: number;
}

/** @param meanGradients  [N] mean over views of the positional gradient. Decided on the cloud as it came. Mutates: nothing. */
export function densifyCloud(
  cloud: GaussianCloud,
  meanGradients: Float32Array,
  options: DensifyOptions,
  rng: Rng,
): DensifyResult {
  const { count, logScales, opacityLogits } = cloud;
  const kept: number[] = [];
  const clones: number[] = [];
  const splits: number[] = [];
  let numPruned = 0;
  let room = options.cap - count;
  for (let i = 0; i < count; i++) {
    const scale = Math.exp(Math.max(logScales[3 * i], logScales[3 * i + 1], logScales[3 * i + 2]));
    if (sigmoid(opacityLogits[i]) < options.minOpacity || scale > options.maxScaleM) {
      numPruned++;
      continue;
    }
    const grows = meanGradients[i] >= options.gradientThreshold && room > 0;
    if (grows) room--;
    if (grows && scale > options.splitScaleM) splits.push(i);
    else {
      kept.push(i);
      if (grows) clones.push(i);
    }
  }
  const parents = [...kept, ...clones, ...splits, ...splits];
  const result = createCloud(parents.length, cloud.shDegree, cloud.means);
  const widths = rowWidths(cloud.shDegree);
  for (const kind of PARAMETER_KINDS) copyRows(cloud[kind], result[kind], parents, widths[kind]);
  for (let r = kept.length + clones.length; r < parents.length; r++) placeChild(result, r, rng);
  const sources = Int32Array.from(parents, (parent, r) => (r < kept.length ? parent : -1));
  return { cloud: result, sources, numCloned: clones.length, numSplit: splits.length, numPruned };
}

/** Moves a copied row to a sample of its own Gaussian and shrinks it. Mutates: cloud. */
function placeChild({ means, quats, logScales }: GaussianCloud, r: number, rng: Rng): void {
  const w = quats[4 * r];
  const x = quats[4 * r + 1];
  const y = quats[4 * r + 2];
  const z = quats[4 * r + 3];
  const double = 2 / (w * w + x * x + y * y + z * z);
  const a = rng.normal() * Math.exp(logScales[3 * r]);
  const b = rng.normal() * Math.exp(logScales[3 * r + 1]);
  const c = rng.normal() * Math.exp(logScales[3 * r + 2]);
  // q v q* = v + 2 w (u × v) + 2 u × (u × v), u the vector part.
  const crossX = y * c - z * b;
  const crossY = z * a - x * c;
  const crossZ = x * b - y * a;
  means[3 * r] += a + double * (w * crossX + y * crossZ - z * crossY);
  means[3 * r + 1] += b + double * (w * crossY + z * crossX - x * crossZ);
  means[3 * r + 2] += c + double * (w * crossZ + x * crossY - y * crossX);
  for (let k = 3 * r; k < 3 * r + 3; k++) logScales[k] -= LOG_SHRINK;
}

/** Row r of the target is row rows[r] of the source. Mutates: target. */
function copyRows(source: Reals, target: Reals, rows: readonly number[], width: number): void {
  let to = 0;
  for (const row of rows) {
    for (let from = row * width; from < (row + 1) * width; from++) target[to++] = source[from];
  }
}
