/** What a member's block in its shared heap looks like: [number of dims, dims, number of parts, part sizes][data]. */
import { DTYPES, formatShape, type Dtype, type Shape, type TensorData } from '../tensor/index.ts';
import { ranksError } from './ranks-errors.ts';

/** One member's block as the others see it, without copying. */
export interface MemberBlock {
  readonly shape: Shape;
  readonly parts: readonly number[];
  readonly data: TensorData;
}

export interface BlockPlace {
  readonly heap: SharedArrayBuffer;
  readonly offsetBytes: number;
}

const MAX_DIMS = 8;
/** Dims, and two sizes for each of at most 32 members. */
const HEADER_WORDS = 80;
const HEADER_BYTES = HEADER_WORDS * Int32Array.BYTES_PER_ELEMENT;
const NUM_PARTS_AT = 1 + MAX_DIMS;

export function blockBytes(data: TensorData | undefined): number {
  return HEADER_BYTES + (data?.byteLength ?? 0);
}

export function writeBlock(
  place: BlockPlace,
  dtype: Dtype,
  { shape, parts, data }: { shape: Shape; parts: readonly number[]; data?: TensorData },
): void {
  if (shape.length > MAX_DIMS)
    throw ranksError('TF-RANKS-007', {
      subject: 'issue',
      expected: `a tensor of at most ${MAX_DIMS} axes`,
      actual: formatShape(shape),
    });
  const header = headerOf(place);
  header[0] = shape.length;
  header.set(shape, 1);
  header[NUM_PARTS_AT] = parts.length;
  header.set(parts, NUM_PARTS_AT + 1);
  if (data) dataOf(place, dtype, data.length).set(data as never);
}

export function readBlock(place: BlockPlace, dtype: Dtype, numElements: number): MemberBlock {
  const header = headerOf(place);
  return {
    shape: [...header.subarray(1, 1 + header[0]!)],
    parts: partsOfBlock(place),
    data: dataOf(place, dtype, numElements),
  };
}

export function partsOfBlock(place: BlockPlace): number[] {
  const header = headerOf(place);
  return [...header.subarray(NUM_PARTS_AT + 1, NUM_PARTS_AT + 1 + header[NUM_PARTS_AT]!)];
}

function headerOf({ heap, offsetBytes }: BlockPlace): Int32Array {
  return new Int32Array(heap, offsetBytes, HEADER_WORDS);
}

function dataOf({ heap, offsetBytes }: BlockPlace, dtype: Dtype, length: number): TensorData {
  const ArrayType = DTYPES[dtype].ArrayType as new (
    buffer: SharedArrayBuffer,
    offset: number,
    length: number,
  ) => TensorData;
  return new ArrayType(heap, offsetBytes + HEADER_BYTES, length);
}
