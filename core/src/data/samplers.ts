/** Orders, batches, splits and folds of sample indices; every one repeats with its seed. */
import type { Rng } from '../base/index.ts';
import { dataError } from './data-errors.ts';

export interface Fold {
  /** Ascending. */
  readonly train: Uint32Array;
  /** Ascending. Every sample is in the test part of one fold. */
  readonly test: Uint32Array;
}

/** 0 … n−1 in random order. Advances rng. */
export function shuffledIndices(numSamples: number, rng: Rng): Uint32Array {
  const indices = Uint32Array.from({ length: numSamples }, (_, i) => i);
  return rng.shuffle(indices);
}

/** Consecutive batches of an order; views, not copies. @param options.dropLast  leave out a last batch that is short; default false */
export function* batchesOf(
  order: Uint32Array,
  batchSize: number,
  { dropLast = false }: { readonly dropLast?: boolean } = {},
): Generator<Uint32Array> {
  if (!(Number.isInteger(batchSize) && batchSize >= 1)) {
    throw dataError('TF-DATA-013', { subject: 'batchesOf', expected: 'a batch size ≥ 1', actual: `${batchSize}` });
  }
  for (let start = 0; start < order.length; start += batchSize) {
    const batch = order.subarray(start, start + batchSize);
    if (dropLast && batch.length < batchSize) return;
    yield batch;
  }
}

/** k folds of random samples; sizes differ by at most one. @throws TF-DATA-013 unless 2 ≤ k ≤ n */
export function kFold(numSamples: number, numFolds: number, rng: Rng): Fold[] {
  assertFolds('kFold', numFolds, numSamples, 'samples');
  const foldOfSample = new Uint32Array(numSamples);
  for (const [position, sample] of shuffledIndices(numSamples, rng).entries())
    foldOfSample[sample] = position % numFolds;
  return foldsFromAssignment(foldOfSample, numFolds);
}

/** k folds with every class spread evenly: counts of a class in two folds differ by at most one, as do the folds' sizes.
 *  @param labels  class of each sample, any integers
 *  @throws TF-DATA-013 unless 2 ≤ k ≤ the size of the smallest class */
export function stratifiedKFold(labels: ArrayLike<number>, numFolds: number, rng: Rng): Fold[] {
  const foldOfSample = new Uint32Array(labels.length);
  let next = 0; // goes on across classes, so that remainders do not pile up in the first folds
  for (const [label, members] of groupSamples(labels)) {
    assertFolds('stratifiedKFold', numFolds, members.length, `samples of class ${label}`);
    for (const sample of rng.shuffle(members)) foldOfSample[sample] = next++ % numFolds;
  }
  return foldsFromAssignment(foldOfSample, numFolds);
}

/** k folds that never divide a group: largest groups first, each to the fold that is smallest so far.
 *  @param groups  group of each sample, any integers
 *  @throws TF-DATA-013 unless 2 ≤ k ≤ number of groups */
export function groupKFold(groups: ArrayLike<number>, numFolds: number, rng: Rng): Fold[] {
  const members = rng.shuffle([...groupSamples(groups).values()]).sort((a, b) => b.length - a.length);
  assertFolds('groupKFold', numFolds, members.length, 'groups');
  const foldOfSample = new Uint32Array(groups.length);
  const sizes = new Array<number>(numFolds).fill(0);
  for (const samples of members) {
    const fold = sizes.indexOf(Math.min(...sizes));
    sizes[fold] += samples.length;
    for (const sample of samples) foldOfSample[sample] = fold;
  }
  return foldsFromAssignment(foldOfSample, numFolds);
}

/** Parts of given fractions with every class in proportion (largest remainders within each class).
 *  @param fractions  of each part, > 0, sum 1
 *  @returns ascending indices per part
 *  @throws TF-DATA-013 unless the fractions are positive and sum to 1 */
export function stratifiedSplit(labels: ArrayLike<number>, fractions: readonly number[], rng: Rng): Uint32Array[] {
  const sum = fractions.reduce((total, fraction) => total + fraction, 0);
  if (fractions.length === 0 || fractions.some((fraction) => !(fraction > 0)) || Math.abs(sum - 1) > 1e-9) {
    throw dataError('TF-DATA-013', {
      subject: 'stratifiedSplit',
      expected: 'positive fractions that sum to 1',
      actual: `[${fractions.join(', ')}]`,
    });
  }
  const partOfSample = new Uint32Array(labels.length);
  for (const members of groupSamples(labels).values()) {
    rng.shuffle(members);
    let at = 0;
    for (const [part, size] of largestRemainders(members.length, fractions).entries()) {
      for (const end = at + size; at < end; at++) partOfSample[members[at]] = part;
    }
  }
  return fractions.map((_, part) => samplesWhere(partOfSample, (assigned) => assigned === part));
}

/** Whole numbers in the given proportions that sum to total. */
function largestRemainders(total: number, fractions: readonly number[]): number[] {
  const sizes = fractions.map((fraction) => Math.floor(total * fraction));
  const order = fractions
    .map((fraction, part) => ({ part, remainder: total * fraction - sizes[part] }))
    .sort((a, b) => b.remainder - a.remainder || a.part - b.part);
  const numMissing = total - sizes.reduce((sum, size) => sum + size, 0);
  for (let i = 0; i < numMissing; i++) sizes[order[i % order.length].part]++;
  return sizes;
}

/** Samples of each label, labels in ascending order. */
function groupSamples(labels: ArrayLike<number>): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let sample = 0; sample < labels.length; sample++) {
    const members = groups.get(labels[sample]);
    if (members) members.push(sample);
    else groups.set(labels[sample], [sample]);
  }
  return new Map([...groups].sort(([a], [b]) => a - b));
}

function foldsFromAssignment(foldOfSample: Uint32Array, numFolds: number): Fold[] {
  return Array.from({ length: numFolds }, (_, fold) => ({
    train: samplesWhere(foldOfSample, (assigned) => assigned !== fold),
    test: samplesWhere(foldOfSample, (assigned) => assigned === fold),
  }));
}

function samplesWhere(assignment: Uint32Array, isWanted: (value: number) => boolean): Uint32Array {
  const samples: number[] = [];
  for (let sample = 0; sample < assignment.length; sample++) if (isWanted(assignment[sample])) samples.push(sample);
  return Uint32Array.from(samples);
}

function assertFolds(subject: string, numFolds: number, available: number, what: string): void {
  if (Number.isInteger(numFolds) && numFolds >= 2 && numFolds <= available) return;
  throw dataError('TF-DATA-013', {
    subject,
    expected: `between 2 folds and one per member of the ${available} ${what}`,
    actual: `${numFolds} folds`,
    hints: ['Use fewer folds or more samples.'],
  });
}
