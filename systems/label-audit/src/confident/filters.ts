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

/** For each pair (given, true): the counted number of rows with the largest P[true] − P[given], ties included.
 *  Only rows that are not predicted as given have positive margins. Where those are enough, no other row is looked at. */
function pruneByNoiseRate(
  labels: ArrayLike<number>,
  probabilities: Probabilities,
  learned: ConfidentLearning,
  prune: PruneOptions,
): Uint8Array {
  const { labelCounts, joint, numClasses } = learned;
  const { data } = probabilities;
  const counts = pruneCountsFromJoint(joint, numClasses, prune);
  const positive = collectPositiveMargins(labels, probabilities, { learned, counts });
  const flags = new Uint8Array(learned.predicted.length);
  let classes: ReturnType<typeof groupByLabel> | undefined;
  let order = new Float64Array(0);
  for (let given = 0; given < numClasses; given++) {
    if (labelCounts[given] <= (prune.minPerClass ?? 1)) continue;
    for (let other = 0; other < numClasses; other++) {
      const numFlagged = counts[other * numClasses + given];
      if (other === given || numFlagged <= 0) continue;
      const pair = given * numClasses + other;
      const start = positive.starts[pair];
      const numPositive = positive.starts[pair + 1] - start;
      if (numPositive >= numFlagged) {
        const margins = positive.margins.subarray(start, start + numPositive);
        const cut = selectSmallest(margins.slice(), numPositive, numPositive - numFlagged);
        for (let m = 0; m < numPositive; m++) if (margins[m] >= cut) flags[positive.rows[start + m]] = 1;
        continue;
      }
      classes ??= groupByLabel(labels, labelCounts);
      const members = classes.members.subarray(classes.starts[given], classes.starts[given + 1]);
      if (order.length < members.length) order = new Float64Array(members.length);
      const marginOf = (row: number) => data[row * numClasses + other] - data[row * numClasses + given];
      for (let m = 0; m < members.length; m++) order[m] = marginOf(members[m]);
      const cut = selectSmallest(order, members.length, Math.max(members.length - numFlagged, 0));
      for (let m = 0; m < members.length; m++) if (marginOf(members[m]) >= cut) flags[members[m]] = 1;
    }
  }
  return flags;
}

/** Rows and margins P[other] − P[given] > 0 of each pair that has a count: those of pair p stand at starts[p] … starts[p + 1]. */
function collectPositiveMargins(
  labels: ArrayLike<number>,
  { data, numRows, numClasses }: Probabilities,
  { learned, counts }: { learned: ConfidentLearning; counts: Float64Array },
): { starts: Uint32Array; rows: Uint32Array; margins: Float64Array } {
  const { predicted } = learned;
  const starts = new Uint32Array(numClasses * numClasses + 1);
  let rows = new Uint32Array(0);
  let margins = new Float64Array(0);
  for (const isFilling of [false, true]) {
    const next = starts.slice();
    for (let i = 0; i < numRows; i++) {
      const given = labels[i];
      if (predicted[i] === given) continue;
      const row = i * numClasses;
      const own = data[row + given];
      for (let other = 0; other < numClasses; other++) {
        const margin = data[row + other] - own;
        if (!(margin > 0) || counts[other * numClasses + given] <= 0) continue;
        const pair = given * numClasses + other;
        if (!isFilling) starts[pair + 1]++;
        else {
          const at = next[pair]++;
          rows[at] = i;
          margins[at] = margin;
        }
      }
    }
    if (isFilling) break;
    for (let pair = 0; pair < numClasses * numClasses; pair++) starts[pair + 1] += starts[pair];
    rows = new Uint32Array(starts[numClasses * numClasses]);
    margins = new Float64Array(rows.length);
  }
  return { starts, rows, margins };
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
