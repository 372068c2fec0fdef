/** The seven filters: which samples are flagged as label issues.  Semantics of cleanlab 2.9. */
import { NO_CLASS } from '../types.ts';
import type { ConfidentLearning, Filter, Probabilities } from '../types.ts';
import { pruneCountsFromJoint } from './prune-counts.ts';
import type { PruneOptions } from './prune-counts.ts';
import { scoreLabels } from './scores.ts';
import { selectSmallest } from './select.ts';

/** Flags of one filter.
 *  @param learned  of the same labels and probabilities
 *  @returns [N] 1 where the label is flagged
 *  Differs: among equal scores the lower index is flagged first (cleanlab's order of ties is NumPy's). */
export function findIssues(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  learned: ConfidentLearning,
  { filter, ...prune }: PruneOptions & { readonly filter: Filter },
): Uint8Array {
  switch (filter) {
    case 'low_self_confidence':
      return flagLowest(
        scoreLabels(labels, probabilities, { method: 'self_confidence' }),
        numOffDiagonal(labels, learned),
      );
    case 'low_normalized_margin':
      return flagLowest(
        scoreLabels(labels, probabilities, { method: 'normalized_margin' }),
        numOffDiagonal(labels, learned),
      );
    case 'prune_by_noise_rate':
      return withoutPredicted(pruneByNoiseRate(labels, probabilities, learned, prune), learned);
    case 'prune_by_class':
      return withoutPredicted(pruneByClass(labels, probabilities, learned, prune), learned);
    case 'both': {
      const flags = pruneByNoiseRate(labels, probabilities, learned, prune);
      const byClass = pruneByClass(labels, probabilities, learned, prune);
      for (let i = 0; i < flags.length; i++) flags[i] &= byClass[i];
      return withoutPredicted(flags, learned);
    }
    case 'confident_learning':
      return withoutPredicted(confidentOffDiagonal(labels, learned), learned);
    case 'predicted_neq_given':
      return withoutPredicted(
        learned.predicted.reduce((flags, predicted, i) => {
          flags[i] = predicted === labels[i] ? 0 : 1;
          return flags;
        }, new Uint8Array(learned.predicted.length)),
        learned,
      );
  }
}

/** Rows of each class: `members[starts[k] … starts[k+1])`, ascending. */
export function groupByLabel(
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

/** For each pair (given, true): the counted number of rows with the largest P[true] − P[given], ties included. */
function pruneByNoiseRate(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  learned: ConfidentLearning,
  prune: PruneOptions,
): Uint8Array {
  const { labelCounts, joint, numClasses } = learned;
  const counts = pruneCountsFromJoint(joint, numClasses, prune);
  const { starts, members } = groupByLabel(labels, labelCounts);
  const flags = new Uint8Array(members.length);
  const largestClass = labelCounts.reduce((largest, count) => Math.max(largest, count), 0);
  const order = new Float64Array(largestClass);
  // Few classes: a class's rows are copied together, because every column of theirs is read.
  const isCopied = numClasses <= COPIED_CLASSES;
  const copied = new (probabilities.data.constructor as Float32ArrayConstructor)(
    isCopied ? largestClass * numClasses : 0,
  );
  for (let given = 0; given < numClasses; given++) {
    if (labelCounts[given] <= (prune.minPerClass ?? 1)) continue;
    const rows = members.subarray(starts[given], starts[given + 1]);
    if (isCopied) copyRows(probabilities, rows, copied);
    const data = isCopied ? copied : probabilities.data;
    for (let other = 0; other < numClasses; other++) {
      const numFlagged = counts[other * numClasses + given];
      if (other === given || numFlagged <= 0) continue;
      const pair = { data, rows: isCopied ? undefined : rows, numRows: rows.length, numClasses, given, other };
      flagLargestMargins(pair, { numFlagged, order, rows, flags });
    }
  }
  return flags;
}

const COPIED_CLASSES = 64;

function copyRows({ data, numClasses }: Probabilities, rows: Uint32Array, target: Float32Array | Float64Array): void {
  for (let m = 0, at = 0; m < rows.length; m++) {
    for (let from = rows[m] * numClasses, end = from + numClasses; from < end; from++) target[at++] = data[from];
  }
}

interface MarginsOfPair {
  readonly data: Float32Array | Float64Array;
  /** Rows in data; undefined if data holds exactly these rows in order. */
  readonly rows: Uint32Array | undefined;
  readonly numRows: number;
  readonly numClasses: number;
  readonly given: number;
  readonly other: number;
}

/** Flags the rows at or above the numFlagged-th largest margin.  Mutates: order (scratch), flags. */
function flagLargestMargins(
  { data, rows, numRows, numClasses, given, other }: MarginsOfPair,
  target: { numFlagged: number; order: Float64Array; rows: Uint32Array; flags: Uint8Array },
): void {
  const { numFlagged, order, flags } = target;
  // Usually enough margins are positive, and only those are looked at; else all.
  let floor = 0;
  let numAbove = 0;
  for (; ; floor = -Infinity) {
    numAbove = 0;
    for (let m = 0; m < numRows; m++) {
      const row = (rows === undefined ? m : rows[m]) * numClasses;
      const margin = data[row + other] - data[row + given];
      if (margin >= floor) order[numAbove++] = margin;
    }
    if (numAbove >= numFlagged || floor === -Infinity) break;
  }
  const cut = selectSmallest(order, numAbove, Math.max(numAbove - numFlagged, 0));
  for (let m = 0; m < numRows; m++) {
    const row = (rows === undefined ? m : rows[m]) * numClasses;
    if (data[row + other] - data[row + given] >= cut) flags[target.rows[m]] = 1;
  }
}

/** In each class the count − diagonal rows with the smallest self-confidence. */
function pruneByClass(
  labels: ArrayLike<number>,
  { data, numClasses }: Probabilities,
  learned: ConfidentLearning,
  prune: PruneOptions,
): Uint8Array {
  const { labelCounts, joint } = learned;
  const counts = pruneCountsFromJoint(joint, numClasses, prune);
  const { starts, members } = groupByLabel(labels, labelCounts);
  const flags = new Uint8Array(members.length);
  const order = new Float64Array(labelCounts.reduce((largest, count) => Math.max(largest, count), 0));
  for (let given = 0; given < numClasses; given++) {
    const size = labelCounts[given];
    if (size <= (prune.minPerClass ?? 1)) continue;
    const numFlagged = Math.min(size - counts[given * numClasses + given], size - 1);
    for (let m = 0; m < size; m++) order[m] = data[members[starts[given] + m] * numClasses + given];
    const cut = selectSmallest(order, size, Math.max(numFlagged, 0));
    for (let m = starts[given]; m < starts[given + 1]; m++) {
      if (data[members[m] * numClasses + given] < cut) flags[members[m]] = 1;
    }
  }
  return flags;
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
  return flags.reduce((sum, flag) => sum + flag, 0);
}

/** Takes back the flags of rows whose prediction is the given label.  Mutates: flags. */
function withoutPredicted(flags: Uint8Array, { isGivenLargest }: ConfidentLearning): Uint8Array {
  for (let i = 0; i < flags.length; i++) if (isGivenLargest[i] === 1) flags[i] = 0;
  return flags;
}

function flagLowest(scores: Float64Array, count: number): Uint8Array {
  const flags = new Uint8Array(scores.length);
  if (count === 0) return flags;
  const cut = selectSmallest(scores.slice(), scores.length, count - 1);
  let numLeft = count;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] < cut) {
      flags[i] = 1;
      numLeft--;
    }
  }
  for (let i = 0; i < scores.length && numLeft > 0; i++) {
    if (scores[i] !== cut) continue;
    flags[i] = 1;
    numLeft--;
  }
  return flags;
}
