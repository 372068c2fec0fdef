/** Label noise for benchmarks. Every kind repeats with its generator; clean labels are not changed. */
import type { Rng } from '@tenfold/core/base';
import { labelError } from './label-errors.ts';

/** Exactly floor(rate·N / K) samples of each class get a uniformly chosen other class; remainders of the division are drawn
 *  from all classes, so that floor(rate·N) labels change in all.
 *  Differs: the published code draws floor(rate·N)/K per class and drops the remainder. */
export function symmetricNoise(labels: Int32Array, numClasses: number, rate: number, rng: Rng): Int32Array {
  assertRate('symmetricNoise', rate);
  const noisy = labels.slice();
  const total = Math.floor(rate * labels.length);
  const perClass = Math.floor(total / numClasses);
  const left: number[] = [];
  let numChanged = 0;
  const change = (i: number) => {
    noisy[i] = (labels[i] + 1 + rng.integer(numClasses - 1)) % numClasses;
    numChanged++;
  };
  for (let k = 0; k < numClasses; k++) {
    const members = rng.shuffle(rowsOfClass(labels, k));
    members.slice(0, perClass).forEach(change);
    left.push(...members.slice(perClass));
  }
  rng
    .shuffle(left)
    .slice(0, total - numChanged)
    .forEach(change);
  return noisy;
}

/** floor(rate · n_k) samples of each class with a target get that class, decided on the clean labels.
 *  @param targets  true class → wrong class
 *  @param options.isSequential  the published order: pairs act one after another on labels already changed, so some return */
export function asymmetricNoise(
  labels: Int32Array,
  targets: ReadonlyMap<number, number>,
  rate: number,
  rng: Rng,
  { isSequential = false }: { readonly isSequential?: boolean } = {},
): Int32Array {
  assertRate('asymmetricNoise', rate);
  const noisy = labels.slice();
  for (const [from, to] of targets) {
    const members = rng.shuffle(rowsOfClass(isSequential ? noisy : labels, from));
    for (const i of members.slice(0, Math.floor(rate * members.length))) noisy[i] = to;
  }
  return noisy;
}

/** Each label becomes, with the given probability, the next class of its group; the last becomes the first. Groups are
 *  consecutive classes, as the superclasses of CIFAR-100 are five each.
 *  @throws TF-LABEL-007 unless the classes are whole groups of at least two */
export function superclassNoise(
  labels: Int32Array,
  { numClasses, groupSize }: { readonly numClasses: number; readonly groupSize: number },
  rate: number,
  rng: Rng,
): Int32Array {
  assertRate('superclassNoise', rate);
  if (groupSize < 2 || numClasses % groupSize !== 0) {
    throw labelError('TF-LABEL-007', {
      subject: 'superclassNoise',
      expected: `groups of at least two that divide the ${numClasses} classes`,
      actual: String(groupSize),
    });
  }
  return labels.map((label) => {
    if (rng.uniform() >= rate) return label;
    const first = label - (label % groupSize);
    return first + ((label - first + 1) % groupSize);
  });
}

/** Each label is drawn from the column of its class. @param matrix  [given · K + true], columns sum to 1
 *  @throws TF-LABEL-007 if a column does not sum to 1 */
export function matrixNoise(labels: Int32Array, matrix: ArrayLike<number>, rng: Rng): Int32Array {
  const numClasses = Math.round(Math.sqrt(matrix.length));
  for (let k = 0; k < numClasses; k++) {
    let sum = 0;
    for (let given = 0; given < numClasses; given++) sum += matrix[given * numClasses + k];
    if (Math.abs(sum - 1) <= 1e-6) continue;
    throw labelError('TF-LABEL-007', {
      subject: 'matrixNoise',
      expected: 'p(given | true) whose columns sum to 1',
      actual: `${sum.toPrecision(6)} in column ${k}`,
    });
  }
  return labels.map((label) => {
    let u = rng.uniform();
    for (let given = 0; given < numClasses - 1; given++) {
      u -= matrix[given * numClasses + label];
      if (u < 0) return given;
    }
    return numClasses - 1;
  });
}

/** Instance-dependent noise: the floor(rate · N) samples that a model is least sure of get its second choice.
 *  @param probabilities  [N, K] row-major */
export function instanceNoise(labels: Int32Array, probabilities: ArrayLike<number>, rate: number): Int32Array {
  assertRate('instanceNoise', rate);
  const numClasses = probabilities.length / labels.length;
  const order = Uint32Array.from({ length: labels.length }, (_, i) => i).sort(
    (a, b) => probabilities[a * numClasses + labels[a]] - probabilities[b * numClasses + labels[b]] || a - b,
  );
  const noisy = labels.slice();
  for (const i of order.subarray(0, Math.floor(rate * labels.length))) {
    let best = -1;
    for (let k = 0; k < numClasses; k++) {
      if (k !== labels[i] && (best < 0 || probabilities[i * numClasses + k] > probabilities[i * numClasses + best]))
        best = k;
    }
    noisy[i] = best;
  }
  return noisy;
}

function rowsOfClass(labels: Int32Array, k: number): number[] {
  const rows: number[] = [];
  for (let i = 0; i < labels.length; i++) if (labels[i] === k) rows.push(i);
  return rows;
}

function assertRate(subject: string, rate: number): void {
  if (rate >= 0 && rate <= 1) return;
  throw labelError('TF-LABEL-007', { subject, expected: 'a rate in 0..1', actual: String(rate) });
}
