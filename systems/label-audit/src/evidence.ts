/** What speaks for or against each label in feature space, and what else is odd about a sample. */
import type { Rng } from '@tenfold/core/base';
import { duplicateSteps } from './neighbours/near-duplicates.ts';
import { nearestNeighbours, neighbourAgreement, outlierRatios, projectFeatures } from './neighbours/nearest.ts';
import type { Steps } from './neighbours/steps.ts';
import type { Features } from './types.ts';

export interface Evidence {
  /** [N] share of the ten nearest neighbours with the same label. */
  readonly agreement: Float32Array;
  /** [N] mean neighbour distance over its median. */
  readonly outlierRatio: Float32Array;
  readonly numReferences: number;
  /** [N, k] rows, nearest first; k = neighbours.length / N. */
  readonly neighbours: Uint32Array;
  /** [N] number of the near-duplicate set, from 1; 0 for none. */
  readonly duplicateSet: Uint32Array;
  readonly numDuplicateSets: number;
  /** Sets whose members carry different labels. */
  readonly numConflictingSets: number;
}

const NUM_NEIGHBOURS = 10;
/** Near-duplicates are nearer than this part of the median distance to the nearest neighbour. */
const DUPLICATE_PART = 0.1;
/** Mean neighbour distance over the median from which a sample is called an outlier. */
export const OUTLIER_RATIO = 3;

/** Neighbours are sought in at most 64 projected dimensions, near-duplicates in all.
 *  @param features  any space in which near means alike; one space for all samples */
export function* gatherEvidence(features: Features, labels: ArrayLike<number>, rng: Rng): Steps<Evidence> {
  const nearest = yield* nearestNeighbours(yield* projectFeatures(features, rng), NUM_NEIGHBOURS, rng);
  const firstDistances = Float32Array.from({ length: features.numRows }, (_, i) => nearest.distances[i * nearest.k]);
  const median = firstDistances.sort()[features.numRows >> 1];
  const sets = yield* duplicateSteps(features, DUPLICATE_PART * median);
  const duplicateSet = new Uint32Array(features.numRows);
  let numConflictingSets = 0;
  sets.forEach(({ rows }, index) => {
    for (const row of rows) duplicateSet[row] = index + 1;
    if (rows.some((row) => labels[row] !== labels[rows[0]])) numConflictingSets++;
  });
  return {
    agreement: neighbourAgreement(nearest, labels),
    outlierRatio: outlierRatios(nearest),
    numReferences: nearest.numReferences,
    neighbours: nearest.rows,
    duplicateSet,
    numDuplicateSets: sets.length,
    numConflictingSets,
  };
}
