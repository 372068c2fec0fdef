/** Comparing tensors: how far apart, where first, and whether within the dtype's tolerance. */
import { numbersFromTensor } from './cast.ts';
import { equalShapes, formatShape, indicesFromOffset } from './shape.ts';
import { tensorError } from './tensor-errors.ts';
import { toleranceOf } from './tolerances.ts';
import type { Tolerance } from './tolerances.ts';
import type { Tensor } from './types.ts';

export interface CompareOptions {
  /** Default: the wider of the two dtypes' tolerances (TOLERANCES). */
  readonly tolerance?: Partial<Tolerance>;
  /** NaN equals NaN. Default false. */
  readonly equalNan?: boolean;
}

export interface ElementMismatch {
  /** Position in row-major order. */
  readonly offset: number;
  readonly indices: readonly number[];
  readonly actual: number;
  readonly expected: number;
}

export interface TensorComparison {
  readonly isClose: boolean;
  readonly numElements: number;
  readonly numMismatches: number;
  readonly firstMismatch: ElementMismatch | undefined;
  /** Largest |actual − expected|; Infinity where only one side is infinite, NaN is counted apart. */
  readonly maxAbs: number;
  /** Offset of maxAbs, -1 if nothing differs. */
  readonly maxAbsOffset: number;
  /** Largest |actual − expected| / |expected| over elements whose expected value is not zero. */
  readonly maxRel: number;
  /** ‖actual − expected‖_F / ‖expected‖_F; equal infinities (and equal NaN, if allowed) are left out; Infinity if only the norm of expected is zero. */
  readonly relFrobenius: number;
  readonly numNan: { readonly actual: number; readonly expected: number };
  readonly numInfinite: { readonly actual: number; readonly expected: number };
  readonly tolerance: Tolerance;
}

/** Compares element by element in float64 (64-bit integers exactly).
 *  @param actual  any dtype @param expected  same shape, any dtype
 *  Cost: O(N) time; O(N) memory unless both are float32 or float64.   Mutates: nothing.
 *  @throws TF-TENSOR-002 if the shapes differ */
export function compareTensors(actual: Tensor, expected: Tensor, options: CompareOptions = {}): TensorComparison {
  assertSameShape('compareTensors', actual, expected);
  const tolerance = { ...toleranceOf(actual.dtype, expected.dtype), ...options.tolerance };
  const { equalNan = false } = options;
  const { absolute, relative } = tolerance;
  const a = numbersFromTensor(actual);
  const e = numbersFromTensor(expected);
  const exactlyEqual = bigintEquality(actual, expected);
  const numNan = { actual: 0, expected: 0 };
  const numInfinite = { actual: 0, expected: 0 };
  let numMismatches = 0;
  let firstOffset = -1;
  let maxAbs = 0;
  let maxAbsOffset = -1;
  let maxRel = 0;
  let sumSquaredDifference = 0;
  let sumSquaredExpected = 0;
  for (let i = 0; i < e.length; i++) {
    const x = a[i];
    const y = e[i];
    const difference = Math.abs(x - y);
    const magnitude = Math.abs(y);
    if (difference < Infinity) {
      sumSquaredDifference += difference * difference;
      sumSquaredExpected += y * y;
      if (difference > maxAbs) {
        maxAbs = difference;
        maxAbsOffset = i;
      }
      if (difference > maxRel * magnitude && magnitude > 0) maxRel = difference / magnitude;
      if (difference <= absolute + relative * magnitude && (!exactlyEqual || exactlyEqual(i))) {
        continue;
      }
    } else {
      // at least one side is not finite
      const [xNan, yNan] = [Number.isNaN(x), Number.isNaN(y)];
      if (xNan) numNan.actual++;
      else if (Math.abs(x) === Infinity) numInfinite.actual++;
      if (yNan) numNan.expected++;
      else if (Math.abs(y) === Infinity) numInfinite.expected++;
      if (x === y || (equalNan && xNan && yNan)) continue;
      sumSquaredDifference += difference;
      if (!xNan && !yNan) [maxAbs, maxAbsOffset] = [Infinity, maxAbs === Infinity ? maxAbsOffset : i];
    }
    if (firstOffset < 0) firstOffset = i;
    numMismatches++;
  }
  return {
    isClose: numMismatches === 0,
    numElements: e.length,
    numMismatches,
    firstMismatch:
      firstOffset < 0
        ? undefined
        : {
            offset: firstOffset,
            indices: indicesFromOffset(firstOffset, expected.shape),
            actual: a[firstOffset],
            expected: e[firstOffset],
          },
    maxAbs,
    maxAbsOffset,
    maxRel,
    relFrobenius: sumSquaredDifference === 0 ? 0 : Math.sqrt(sumSquaredDifference / sumSquaredExpected),
    numNan,
    numInfinite,
    tolerance,
  };
}

/** ‖actual − expected‖_F / ‖expected‖_F in float64; NaN if any element is NaN or infinite; 0 if both are zero, Infinity if only expected is.
 *  Cost: O(N) time.   @throws TF-TENSOR-002 if the shapes differ */
export function relativeFrobeniusError(actual: Tensor, expected: Tensor): number {
  assertSameShape('relativeFrobeniusError', actual, expected);
  const a = numbersFromTensor(actual);
  const e = numbersFromTensor(expected);
  let sumSquaredDifference = 0;
  let sumSquaredExpected = 0;
  for (let i = 0; i < e.length; i++) {
    const difference = a[i] - e[i];
    sumSquaredDifference += difference * difference;
    sumSquaredExpected += e[i] * e[i];
  }
  return sumSquaredDifference === 0 ? 0 : Math.sqrt(sumSquaredDifference / sumSquaredExpected);
}

/** Throws TF-TENSOR-004 with the figures and the first mismatch unless the tensors agree within the tolerance.
 *  @param options.name  of the tensor, for the message */
export function assertTensorsClose(
  actual: Tensor,
  expected: Tensor,
  options: CompareOptions & { readonly name?: string } = {},
): void {
  const comparison = compareTensors(actual, expected, options);
  if (comparison.isClose) return;
  const { firstMismatch: first, tolerance, numMismatches, numElements, maxAbs, relFrobenius } = comparison;
  throw tensorError('TF-TENSOR-004', {
    subject: 'assertTensorsClose',
    expected: `values within ${tolerance.absolute} + ${tolerance.relative} · |expected|`,
    actual: `${numMismatches} of ${numElements} outside, the first ${first!.actual} for ${first!.expected}`,
    location: `${options.name ? `tensor "${options.name}" ` : ''}at [${first!.indices.join(', ')}]`,
    hints: [`Largest difference ${maxAbs}, relative Frobenius error ${relFrobenius}.`],
  });
}

/** Two pairs of 64-bit integers may differ although their float64 roundings agree. */
function bigintEquality(actual: Tensor, expected: Tensor): ((offset: number) => boolean) | undefined {
  const isBigint = (tensor: Tensor) => tensor.dtype === 'int64' || tensor.dtype === 'uint64';
  if (!isBigint(actual) || !isBigint(expected)) return undefined;
  return (offset) => actual.data[offset] === expected.data[offset];
}

function assertSameShape(subject: string, actual: Tensor, expected: Tensor): void {
  if (equalShapes(actual.shape, expected.shape)) return;
  throw tensorError('TF-TENSOR-002', {
    subject,
    expected: `shape ${formatShape(expected.shape)}`,
    actual: formatShape(actual.shape),
  });
}
