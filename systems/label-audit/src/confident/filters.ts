/** The seven filters: which samples are flagged as label issues.  Semantics of cleanlab 2.9. */
import { runInMemory } from '../passes.ts';
import type { Passes } from '../passes.ts';
import { NO_CLASS } from '../types.ts';
import type { ConfidentLearning, Filter, Probabilities } from '../types.ts';
import { noiseRatePasses } from './prune-by-noise-rate.ts';
import { pruneCountsFromJoint } from './prune-counts.ts';
import type { PruneOptions } from './prune-counts.ts';
import { scorePass } from './scores.ts';
import { selectSmallest } from './select.ts';

export interface FilterOptions extends PruneOptions {
  readonly filter: Filter;
}

/** Flags of one filter.
 *  @param learned  of the same labels and probabilities
 *  @returns [N] 1 where the label is flagged
 *  Differs: among equal scores the lower index is flagged first (cleanlab takes them as NumPy's unstable sort leaves them). */
export function findIssues(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  learned: ConfidentLearning,
  options: FilterOptions,
): Uint8Array {
  return runInMemory(issuePasses(labels, learned, options), probabilities);
}

/** As findIssues, in passes. */
export function* issuePasses(
  labels: ArrayLike<number>,
  learned: ConfidentLearning,
  { filter, ...prune }: FilterOptions,
): Passes<Uint8Array> {
  switch (filter) {
    case 'low_self_confidence':
      return flagLowest(
        yield* scorePass(labels, learned, { method: 'self_confidence' }),
        numOffDiagonal(labels, learned),
      );
    case 'low_normalized_margin':
      return flagLowest(
        yield* scorePass(labels, learned, { method: 'normalized_margin' }),
        numOffDiagonal(labels, learned),
      );
    case 'prune_by_noise_rate':
      return withoutPredicted(yield* noiseRatePasses(labels, learned, prune), learned);
    case 'prune_by_class':
      return withoutPredicted(yield* classPasses(labels, learned, prune), learned);
    case 'both': {
      const flags = yield* noiseRatePasses(labels, learned, prune);
      const byClass = yield* classPasses(labels, learned, prune);
      for (let i = 0; i < flags.length; i++) flags[i] &= byClass[i];
      return withoutPredicted(flags, learned);
    }
    case 'confident_learning':
      return withoutPredicted(confidentOffDiagonal(labels, learned), learned);
    case 'predicted_neq_given':
      return withoutPredicted(
        Uint8Array.from(learned.predicted, (predicted, i) => (predicted === labels[i] ? 0 : 1)),
        learned,
      );
  }
}

/** In each class the count − diagonal rows with the smallest self-confidence. */
function* classPasses(labels: ArrayLike<number>, learned: ConfidentLearning, prune: PruneOptions): Passes<Uint8Array> {
  const { labelCounts, joint, numClasses } = learned;
  const counts = pruneCountsFromJoint(joint, numClasses, prune);
  const own = yield* scorePass(labels, learned, { method: 'self_confidence' });
  const { starts, members } = groupByLabel(labels, labelCounts);
  const flags = new Uint8Array(members.length);
  const order = new Float64Array(labelCounts.reduce((largest, count) => Math.max(largest, count), 0));
  for (let given = 0; given < numClasses; given++) {
    const size = labelCounts[given];
    if (size <= (prune.minPerClass ?? 1)) continue;
    for (let m = 0; m < size; m++) order[m] = own[members[starts[given] + m]];
    const rows = members.subarray(starts[given], starts[given + 1]);
    flagSmallest(flags, rows, order, size - counts[given * numClasses + given]);
  }
  return flags;
}

/** Rows of each class: `members[starts[k] … starts[k+1])`, ascending. */
function groupByLabel(
  labels: ArrayLike<number>,
  labelCounts: Uint32Array,
): { starts: Uint32Array; members: Uint32Array } {
  const starts = new Uint32Array(labelCounts.length + 1);
  for (let k = 0; k < labelCounts.length; k++) starts[k + 1] = starts[k] + labelCounts[k];
  const next = starts.slice();
  const members = new Uint32Array(starts[labelCounts.length]);
  for (let i = 0; i < members.length; i++) members[next[labels[i]]++] = i;
  return { starts, members };
}

function confidentOffDiagonal(labels: ArrayLike<number>, { confidentClass }: ConfidentLearning): Uint8Array {
  const flags = new Uint8Array(confidentClass.length);
  for (let i = 0; i < flags.length; i++) {
    if (confidentClass[i] !== NO_CLASS && confidentClass[i] !== labels[i]) flags[i] = 1;
  }
  return flags;
}

function numOffDiagonal(labels: ArrayLike<number>, learned: ConfidentLearning): number {
  const flags = withoutPredicted(confidentOffDiagonal(labels, learned), learned);
  let count = 0;
  for (let i = 0; i < flags.length; i++) count += flags[i];
  return count;
}

/** Takes back the flags of rows whose prediction is the given label.  Mutates: flags. */
function withoutPredicted(flags: Uint8Array, { isGivenLargest }: ConfidentLearning): Uint8Array {
  for (let i = 0; i < flags.length; i++) if (isGivenLargest[i] === 1) flags[i] = 0;
  return flags;
}

function flagLowest(scores: Float64Array, count: number): Uint8Array {
  const flags = new Uint8Array(scores.length);
  flagSmallest(flags, Uint32Array.from(scores.keys()), scores, count);
  return flags;
}

/** Flags the rows of the count smallest values, of equal ones the first.  Mutates: flags.
 *  @param values  values[m] belongs to rows[m] */
function flagSmallest(flags: Uint8Array, rows: Uint32Array, values: Float64Array, count: number): void {
  if (count <= 0) return;
  const cut = selectSmallest(values.slice(0, rows.length), rows.length, Math.min(count, rows.length) - 1);
  let numLeft = count;
  for (let m = 0; m < rows.length; m++) {
    if (values[m] >= cut) continue;
    flags[rows[m]] = 1;
    numLeft--;
  }
  for (let m = 0; m < rows.length && numLeft > 0; m++) {
    if (values[m] !== cut) continue;
    flags[rows[m]] = 1;
    numLeft--;
  }
}
