/** NumPy's .npy: magic, version, header length, a Python dict literal, then the elements. Never unpickles.
 *  Source: NumPy Enhancement Proposal 1 (format versions 1.0, 2.0, 3.0). */
import { bytesPerElement, createTensor, numel, stridesFromShape, tensorFromView } from '../tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../tensor/index.ts';
import { dataError, truncatedError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { withSource } from './file-source.ts';
import { bytesOf, swapBytesInPlace } from './element-bytes.ts';
import type { ByteSource, SinkOutput, SourceInput, WriteOptions } from './types.ts';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const; // \x93NUMPY
/** Data start at a multiple of this. */
const ALIGNMENT = 64;
/** NumPy itself refuses longer headers of files it does not trust. */
const MAX_HEADER_BYTES = 10_000;
const SUBJECT = 'readNpy';

const DTYPE_FROM_CODE: Readonly<Record<string, Dtype>> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

interface NpyHeader {
  readonly dtype: Dtype;
  readonly isBigEndian: boolean;
  readonly isFortranOrder: boolean;
  readonly shape: Shape;
  readonly dataStart: number;
}

/** One tensor, row-major whatever the order of the file.
 *  @throws TF-DATA-002 … 006 if it is not .npy, is cut or damaged, or holds objects, texts or records */
export async function readNpy(input: SourceInput): Promise<Tensor> {
  return withSource(input, async (source) => {
    const { dtype, shape, dataStart, isBigEndian, isFortranOrder } = await readHeader(source);
    const end = dataStart + numel(shape) * bytesPerElement(dtype);
    if (end > source.byteLength) {
      throw truncatedError(SUBJECT, `the array [${shape.join(', ')}]`, { start: dataStart, end }, source);
    }
    const tensor = createTensor(dtype, shape);
    const bytes = bytesOf(tensor.data);
    await source.readInto(bytes, dataStart);
    if (isBigEndian) swapBytesInPlace(bytes, bytesPerElement(dtype));
    if (!isFortranOrder || shape.length < 2) return tensor;
    const strides = stridesFromShape(shape.toReversed()).toReversed();
    return tensorFromView({ dtype, shape, strides, offset: 0, data: tensor.data });
  });
}

/** Writes one tensor, version 1.0, little endian, row-major. @throws TF-DATA-006 for bfloat16 and float8, which NumPy lacks */
export async function writeNpy(output: SinkOutput, tensor: Tensor, options: WriteOptions = {}): Promise<void> {
  await withSink(output, options, async (sink) => {
    await sink.write(encodeNpyHeader(tensor));
    await sink.write(bytesOf(tensor.data));
  });
}

function encodeNpyHeader({ dtype, shape }: Tensor): Uint8Array {
  const code = Object.keys(DTYPE_FROM_CODE).find((key) => DTYPE_FROM_CODE[key] === dtype);
  if (code === undefined) {
    throw dataError('TF-DATA-006', {
      subject: 'writeNpy',
      expected: 'a dtype that NumPy has',
      actual: dtype,
      hints: ['Cast the tensor to float32, or write safetensors.'],
    });
  }
  const order = code.endsWith('1') ? '|' : '<';
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const literal = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const prefixBytes = MAGIC.length + 4;
  const total = Math.ceil((prefixBytes + literal.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(total).fill(0x20);
  bytes.set([...MAGIC, 1, 0]);
  new DataView(bytes.buffer).setUint16(MAGIC.length + 2, total - prefixBytes, true);
  bytes.set(new TextEncoder().encode(literal), prefixBytes);
  bytes[total - 1] = 0x0a;
  return bytes;
}

async function readHeader(source: ByteSource): Promise<NpyHeader> {
  const head = await source.read(0, Math.min(source.byteLength, 12));
  if (!MAGIC.every((byte, i) => i >= head.length || head[i] === byte) || head.length === 0) {
    throw dataError('TF-DATA-002', {
      subject: SUBJECT,
      expected: 'a .npy file (it begins with \\x93NUMPY)',
      actual: head.length === 0 ? 'an empty file' : 'another beginning',
      location: source.name,
      hints: ['Save it by numpy.save.'],
    });
  }
  if (head.length < 12) throw truncatedError(SUBJECT, 'the header length', { start: 6, end: 12 }, source);
  const view = new DataView(head.buffer, head.byteOffset);
  const version = head[6];
  if (version < 1 || version > 3) {
    throw dataError('TF-DATA-006', {
      subject: SUBJECT,
      expected: 'version 1, 2 or 3 of the .npy format',
      actual: `${version}`,
      location: source.name,
    });
  }
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) {
    throw dataError('TF-DATA-011', {
      subject: SUBJECT,
      expected: `a header of at most ${MAX_HEADER_BYTES} bytes`,
      actual: `${length}`,
      location: `${source.name}:8`,
    });
  }
  const dataStart = start + length;
  if (dataStart > source.byteLength) throw truncatedError(SUBJECT, 'the header', { start, end: dataStart }, source);
  const literal = new TextDecoder().decode(await source.read(start, dataStart));
  return { ...parseLiteral(literal, source.name), dataStart };
}

function parseLiteral(literal: string, fileName: string): Omit<NpyHeader, 'dataStart'> {
  const fail = (code: 'TF-DATA-004' | 'TF-DATA-006', expected: string, actual: string, hint?: string) =>
    dataError(code, { subject: SUBJECT, expected, actual, location: fileName, hints: hint ? [hint] : [] });
  const shown = literal.trim().slice(0, 120);
  const descr = /'descr':\s*(?:'([^']*)'|\[)/.exec(literal);
  const order = /'fortran_order':\s*(True|False)/.exec(literal);
  const sizes = /'shape':\s*\(([\d,\sL]*)\)/.exec(literal);
  if (!descr || !order || !sizes) throw fail('TF-DATA-004', 'a header with descr, fortran_order and shape', shown);
  const shape = sizes[1]
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => Number.parseInt(part, 10));
  if (!shape.every(Number.isSafeInteger)) throw fail('TF-DATA-004', 'a shape of integers', `(${sizes[1]})`);
  if (descr[1] === undefined) {
    throw fail('TF-DATA-006', 'one dtype for all elements', 'a structured dtype', 'Save each field as its own array.');
  }
  const [, byteOrder, code] = /^([<>|=]?)([^]*)$/.exec(descr[1])!;
  if (code.startsWith('O')) {
    const hint = 'Save numbers instead: such a file would have to be unpickled, which can run code.';
    throw fail('TF-DATA-006', 'numbers or booleans', 'Python objects', hint);
  }
  const dtype = Object.hasOwn(DTYPE_FROM_CODE, code) ? DTYPE_FROM_CODE[code] : undefined;
  if (!dtype)
    throw fail('TF-DATA-006', 'a real number dtype or bool', JSON.stringify(descr[1]), 'Convert it by astype.');
  return { dtype, isBigEndian: byteOrder === '>', isFortranOrder: order[1] === 'True', shape };
}
