/** Comparing tensors: how far apart, where first, and whether within the dtype's tolerance. */
import { numbersFromTensor } from './cast.ts';
import { decodeFloats } from './codecs.ts';
import { equalShapes, formatShape, indicesFromOffset } from './shape.ts';
import { isSmallFloat } from './small-floats.ts';
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
  const pair: NumberPair = {
    actual: numbersFromTensor(actual),
    expected: numbersFromTensor(expected),
    tolerance,
    equalNan: options.equalNan ?? false,
    isSame: bigintEquality(actual, expected),
  };
  const figures = createFigures();
  const numElements = pair.expected.length;
  for (let start = 0; start < numElements; start += BLOCK_ELEMENTS) {
    const end = Math.min(numElements, start + BLOCK_ELEMENTS);
    if (pair.isSame || !addFiniteBlock(pair, figures, start, end)) addBlock(pair, figures, start, end);
  }
  const { firstOffset, sumSquaredDifference, sumSquaredExpected } = figures;
  const firstMismatch = firstOffset < 0 ? undefined : mismatchAt(pair, firstOffset, expected);
  return {
    isClose: figures.numMismatches === 0,
    numElements,
    numMismatches: figures.numMismatches,
    firstMismatch,
    maxAbs: figures.maxAbs,
    maxAbsOffset: figures.maxAbsOffset,
    maxRel: figures.maxRel,
    relFrobenius: sumSquaredDifference === 0 ? 0 : Math.sqrt(sumSquaredDifference / sumSquaredExpected),
    numNan: { actual: figures.numNanActual, expected: figures.numNanExpected },
    numInfinite: { actual: figures.numInfiniteActual, expected: figures.numInfiniteExpected },
    tolerance,
  };
}

type Numbers = Float32Array | Float64Array;

interface NumberPair {
  readonly actual: Numbers;
  readonly expected: Numbers;
  readonly tolerance: Tolerance;
  readonly equalNan: boolean;
  /** Set for 64-bit integers: exact equality. */
  readonly isSame: ((offset: number) => boolean) | undefined;
}

type Figures = ReturnType<typeof createFigures>;

function createFigures() {
  return {
    numMismatches: 0,
    firstOffset: -1,
    maxAbs: 0,
    maxAbsOffset: -1,
    maxRel: 0,
    sumSquaredDifference: 0,
    sumSquaredExpected: 0,
    numNanActual: 0,
    numNanExpected: 0,
    numInfiniteActual: 0,
    numInfiniteExpected: 0,
  };
}

/** Elements per step: small enough that looking for a place again costs little. */
const BLOCK_ELEMENTS = 2048;

/** The common case without branches that mispredict. Adds nothing and returns false if anything in the block is not finite. */
function addFiniteBlock(pair: NumberPair, figures: Figures, start: number, end: number): boolean {
  const { actual, expected, tolerance } = pair;
  const { absolute, relative } = tolerance;
  let { maxRel } = figures;
  let [blockMax, numMismatches, sumDifference, sumExpected] = [0, 0, 0, 0];
  for (let i = start; i < end; i++) {
    const y = expected[i];
    const difference = Math.abs(actual[i] - y);
    const magnitude = Math.abs(y);
    sumDifference += difference * difference;
    sumExpected += y * y;
    blockMax = Math.max(blockMax, difference);
    if (difference > maxRel * magnitude && magnitude > 0) maxRel = difference / magnitude;
    numMismatches += difference <= absolute + relative * magnitude ? 0 : 1;
  }
  if (!(sumDifference < Infinity && sumExpected < Infinity)) return false;
  figures.maxRel = maxRel;
  figures.sumSquaredDifference += sumDifference;
  figures.sumSquaredExpected += sumExpected;
  if (blockMax > figures.maxAbs) {
    figures.maxAbs = blockMax;
    let i = start;
    while (Math.abs(actual[i] - expected[i]) !== blockMax) i++;
    figures.maxAbsOffset = i;
  }
  if (numMismatches > 0 && figures.firstOffset < 0) {
    let i = start;
    while (Math.abs(actual[i] - expected[i]) <= absolute + relative * Math.abs(expected[i])) i++;
    figures.firstOffset = i;
  }
  figures.numMismatches += numMismatches;
  return true;
}

/** Any block: counts NaN and infinities, leaves equal ones out of the norms. */
function addBlock(pair: NumberPair, figures: Figures, start: number, end: number): void {
  const { actual, expected, equalNan, isSame } = pair;
  const { absolute, relative } = pair.tolerance;
  for (let i = start; i < end; i++) {
    const x = actual[i];
    const y = expected[i];
    const difference = Math.abs(x - y);
    const magnitude = Math.abs(y);
    if (difference < Infinity) {
      figures.sumSquaredDifference += difference * difference;
      figures.sumSquaredExpected += y * y;
      if (difference > figures.maxAbs) {
        figures.maxAbs = difference;
        figures.maxAbsOffset = i;
      }
      if (difference > figures.maxRel * magnitude && magnitude > 0) figures.maxRel = difference / magnitude;
      if (difference <= absolute + relative * magnitude && (!isSame || isSame(i))) continue;
    } else {
      // at least one side is not finite
      const [xNan, yNan] = [Number.isNaN(x), Number.isNaN(y)];
      if (xNan) figures.numNanActual++;
      else if (Math.abs(x) === Infinity) figures.numInfiniteActual++;
      if (yNan) figures.numNanExpected++;
      else if (magnitude === Infinity) figures.numInfiniteExpected++;
      if (x === y || (equalNan && xNan && yNan)) continue;
      figures.sumSquaredDifference += difference;
      if (!xNan && !yNan && figures.maxAbs < Infinity) {
        figures.maxAbs = Infinity;
        figures.maxAbsOffset = i;
      }
    }
    if (figures.firstOffset < 0) figures.firstOffset = i;
    figures.numMismatches++;
  }
}

function mismatchAt(pair: NumberPair, offset: number, { shape }: Tensor): ElementMismatch {
  const [actual, expected] = [pair.actual[offset], pair.expected[offset]];
  return { offset, indices: indicesFromOffset(offset, shape), actual, expected };
}

/** ‖actual − expected‖_F / ‖expected‖_F in float64; NaN if any element is NaN or infinite; 0 if both are zero, Infinity if only expected is.
 *  Cost: O(N) time; O(1) memory for floats, narrow ones being decoded in blocks.   @throws TF-TENSOR-002 if the shapes differ */
export function relativeFrobeniusError(actual: Tensor, expected: Tensor): number {
  assertSameShape('relativeFrobeniusError', actual, expected);
  const [readActual, readExpected] = [blockReader(actual), blockReader(expected)];
  let sumSquaredDifference = 0;
  let sumSquaredExpected = 0;
  for (let start = 0; start < expected.data.length; start += BLOCK_ELEMENTS) {
    const a = readActual(start);
    const e = readExpected(start);
    for (let i = 0; i < e.length; i++) {
      const difference = a[i] - e[i];
      sumSquaredDifference += difference * difference;
      sumSquaredExpected += e[i] * e[i];
    }
  }
  return sumSquaredDifference === 0 ? 0 : Math.sqrt(sumSquaredDifference / sumSquaredExpected);
}

/** Reads blocks of a tensor as numbers; the block is valid until the next is read. */
function blockReader(tensor: Tensor): (start: number) => Numbers {
  const { dtype, data } = tensor;
  if (!isSmallFloat(dtype)) {
    const numbers = numbersFromTensor(tensor);
    return (start) => numbers.subarray(start, start + BLOCK_ELEMENTS);
  }
  const scratch = new Float32Array(BLOCK_ELEMENTS);
  return (start) => {
    const bits = (data as Uint16Array).subarray(start, start + BLOCK_ELEMENTS);
    return decodeFloats(dtype, bits, scratch).subarray(0, bits.length);
  };
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
