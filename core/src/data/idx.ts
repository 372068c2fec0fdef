/** IDX, the format of MNIST: two zero bytes, a type byte, the rank, big-endian u32 sizes, then row-major big-endian elements.
 *  Source: LeCun, Cortes & Burges, "The MNIST database", file format section. Gzip is undone on the way. */
import { bytesPerElement, createTensor, numel } from '../tensor/index.ts';
import type { Dtype, Tensor } from '../tensor/index.ts';
import { dataError, truncatedError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { withSource } from './file-source.ts';
import { gunzipSource } from './gzip.ts';
import { bytesOf, swapBytesInPlace } from './element-bytes.ts';
import type { SinkOutput, SourceInput, WriteOptions } from './types.ts';

const DTYPE_FROM_CODE: Readonly<Record<number, Dtype>> = {
  0x08: 'uint8',
  0x09: 'int8',
  0x0b: 'int16',
  0x0c: 'int32',
  0x0d: 'float32',
  0x0e: 'float64',
};
const SUBJECT = 'readIdx';

export interface IdxReadOptions {
  /** Read at most this many items of the first axis. Default all. */
  readonly maxItems?: number;
}

/** One tensor. @throws TF-DATA-002 if it is not IDX, TF-DATA-003 if elements are missing, TF-DATA-005 if bytes are left over */
export async function readIdx(input: SourceInput, { maxItems = Infinity }: IdxReadOptions = {}): Promise<Tensor> {
  return withSource(input, async (packed) => {
    const source = await gunzipSource(packed, SUBJECT);
    const head = await source.read(0, Math.min(source.byteLength, 4 + 4 * 255));
    if (head.length < 4) throw truncatedError(SUBJECT, 'the magic number', { start: 0, end: 4 }, source);
    const dtype = DTYPE_FROM_CODE[head[2]];
    if (head[0] !== 0 || head[1] !== 0 || dtype === undefined) {
      throw dataError('TF-DATA-002', {
        subject: SUBJECT,
        expected: 'an IDX file (bytes 0, 0, type, rank)',
        actual: `bytes ${[...head.subarray(0, 4)].join(', ')}`,
        location: source.name,
        hints: ['Check that the right file was given.'],
      });
    }
    const rank = head[3];
    const dataStart = 4 + 4 * rank;
    if (head.length < dataStart) throw truncatedError(SUBJECT, 'the sizes', { start: 4, end: dataStart }, source);
    const view = new DataView(head.buffer, head.byteOffset);
    const sizes = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
    const end = dataStart + numel(sizes) * bytesPerElement(dtype);
    if (end > source.byteLength) {
      throw truncatedError(SUBJECT, `the tensor [${sizes.join(', ')}]`, { start: dataStart, end }, source);
    }
    if (end < source.byteLength) {
      throw dataError('TF-DATA-005', {
        subject: SUBJECT,
        expected: `the file to end at byte ${end}, after the tensor [${sizes.join(', ')}]`,
        actual: `${source.byteLength} bytes`,
        location: source.name,
      });
    }
    const shape = rank > 0 ? sizes.with(0, Math.min(sizes[0], maxItems)) : sizes;
    const tensor = createTensor(dtype, shape);
    const bytes = bytesOf(tensor.data);
    await source.readInto(bytes, dataStart);
    swapBytesInPlace(bytes, bytesPerElement(dtype));
    return tensor;
  });
}

/** Writes one tensor (not compressed). @throws TF-DATA-006 if IDX has no such dtype */
export async function writeIdx(output: SinkOutput, tensor: Tensor, options: WriteOptions = {}): Promise<void> {
  const { dtype, shape, data } = tensor;
  const code = Object.keys(DTYPE_FROM_CODE).find((key) => DTYPE_FROM_CODE[Number(key)] === dtype);
  if (code === undefined) {
    throw dataError('TF-DATA-006', {
      subject: 'writeIdx',
      expected: `one of ${Object.values(DTYPE_FROM_CODE).join(', ')}`,
      actual: dtype,
      hints: ['Cast the tensor first.'],
    });
  }
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, Number(code));
  header.setUint8(3, shape.length);
  shape.forEach((size, axis) => header.setUint32(4 + 4 * axis, size));
  const bytes = Uint8Array.from(bytesOf(data));
  swapBytesInPlace(bytes, bytesPerElement(dtype));
  await withSink(output, options, async (sink) => {
    await sink.write(new Uint8Array(header.buffer));
    await sink.write(bytes);
  });
}
