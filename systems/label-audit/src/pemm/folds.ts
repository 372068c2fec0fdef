/** Folds in which every class has its share; with groups, whole groups. */
import type { Diagnostic, Rng } from '@tenfold/core/base';
import { MISSING_LABEL } from '../class-names.ts';
import { labelError } from '../label-errors.ts';

const NUM_LISTED = 5;

export interface FoldOptions {
  readonly numFolds: number;
  readonly numClasses: number;
  readonly rng: Rng;
  /** [N] samples of one group stay in one fold. */
  readonly groups?: ArrayLike<number> | undefined;
  /** For messages; default the class numbers. */
  readonly classNames?: readonly string[] | undefined;
}

/** @param labels  [N] classes 0 … K−1 or MISSING_LABEL
 *  @returns fold of each sample, and a warning that names the classes that are smaller than the number of folds, and one for those in one fold only
 *  @throws TF-LABEL-004 for a class with one sample */
export function assignFolds(
  labels: Int32Array,
  options: FoldOptions,
): { foldOfSample: Uint8Array; warnings: Diagnostic[] } {
  const { numFolds, numClasses, rng, groups } = options;
  const nameOf = (k: number) => `"${options.classNames?.[k] ?? k}"`;
  const members: number[][] = Array.from({ length: numClasses + 1 }, () => []);
  labels.forEach((label, i) => members[label === MISSING_LABEL ? numClasses : label].push(i));
  const sizes = members.slice(0, numClasses).map(({ length }) => length);
  const alone = sizes.flatMap((length, k) => (length === 1 ? [k] : []));
  if (alone.length > 0) {
    throw labelError('TF-LABEL-004', {
      subject: 'outOfFold',
      expected: 'at least two samples of every class',
      actual: `one of class ${listOf(alone.map(nameOf))}`,
      location: `row ${members[alone[0]][0]}`,
      hints: [
        alone.length > sizes.length / 2 && alone.length > NUM_LISTED
          ? 'Most labels occur once: these look like measurements or names of samples, not classes. Name another column with --label.'
          : 'Merge the class with another, remove the row, or bring probabilities with --probs.',
      ],
    });
  }
  let foldOfSample = new Uint8Array(labels.length);
  if (groups !== undefined) foldOfSample = foldsOfGroups(labels, groups, options);
  else {
    let next = 0; // goes on across classes, so that remainders do not pile up
    for (const samples of members) for (const i of rng.shuffle(samples)) foldOfSample[i] = next++ % numFolds;
  }
  const inOneFold: string[] = [];
  const small: string[] = [];
  sizes.forEach((length, k) => {
    if (length === 0) return;
    if (members[k].every((i) => foldOfSample[i] === foldOfSample[members[k][0]]))
      inOneFold.push(`all ${length} of class ${nameOf(k)}`);
    else if (length < numFolds) small.push(`${length} of class ${nameOf(k)}`);
  });
  const warnings: Diagnostic[] = [];
  if (inOneFold.length > 0) {
    warnings.push(
      foldWarning('every class in at least two folds', `${listOf(inOneFold)} in one`, [
        'The model that judges such a class never saw it, so all its labels will look wrong: use more groups.',
      ]),
    );
  }
  if (small.length > 0) {
    warnings.push(
      foldWarning(`at least ${numFolds} samples of every class, one per fold`, listOf(small), [
        small.length === 1 ? 'Issues of this class are less certain.' : 'Issues of these classes are less certain.',
      ]),
    );
  }
  return { foldOfSample, warnings };
}

function foldWarning(expected: string, actual: string, hints: readonly string[]): Diagnostic {
  return { severity: 'warning', code: 'TF-LABEL-004', subject: 'outOfFold', expected, actual, hints };
}

/** The first few, and how many more. */
function listOf(texts: readonly string[]): string {
  const more = texts.length - NUM_LISTED;
  return texts.slice(0, NUM_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Largest groups first, each into the fold whose classes it repeats least.
 *  Math: fold f minimises Σ_k c_fk · g_k / n_k², the growth of Σ_f Σ_k (c_fk / n_k)² that depends on f; ties: the smallest fold. */
function foldsOfGroups(
  labels: Int32Array,
  groups: ArrayLike<number>,
  { numFolds, numClasses, rng }: FoldOptions,
): Uint8Array<ArrayBuffer> {
  const samplesOf = new Map<number, number[]>();
  const classSizes = new Float64Array(numClasses);
  for (let i = 0; i < labels.length; i++) {
    const known = samplesOf.get(groups[i]);
    if (known) known.push(i);
    else samplesOf.set(groups[i], [i]);
    if (labels[i] !== MISSING_LABEL) classSizes[labels[i]]++;
  }
  if (samplesOf.size < 2) {
    throw labelError('TF-LABEL-004', {
      subject: 'outOfFold',
      expected: 'at least two groups',
      actual: String(samplesOf.size),
      hints: ['Leave --group out, or name a column with more values.'],
    });
  }
  const ordered = rng.shuffle([...samplesOf.values()]).sort((a, b) => b.length - a.length);
  const counts = Array.from({ length: numFolds }, () => new Float64Array(numClasses));
  const sizes = new Float64Array(numFolds);
  const foldOfSample = new Uint8Array(labels.length);
  for (const samples of ordered) {
    const costs = counts.map((inFold) => {
      let cost = 0;
      for (const i of samples) if (labels[i] !== MISSING_LABEL) cost += inFold[labels[i]] / classSizes[labels[i]] ** 2;
      return cost;
    });
    let best = 0;
    for (let fold = 1; fold < numFolds; fold++) {
      if (costs[fold] < costs[best] || (costs[fold] === costs[best] && sizes[fold] < sizes[best])) best = fold;
    }
    for (const i of samples) {
      foldOfSample[i] = best;
      if (labels[i] !== MISSING_LABEL) counts[best][labels[i]]++;
    }
    sizes[best] += samples.length;
  }
  return foldOfSample;
}
