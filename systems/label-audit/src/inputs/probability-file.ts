/** Probabilities in a .npy file, read block by block, so that memory does not grow with the file. */
import { openSource, readNpy } from '@tenfold/core/data';
import type { ByteSource, SourceInput } from '@tenfold/core/data';
import { decodeFloats, numbersFromTensor } from '@tenfold/core/tensor';
import { labelError } from '../label-errors.ts';
import { rowsPerBlock, sourceFromMemory } from '../passes.ts';
import type { ProbabilitySource } from '../passes.ts';

export interface OpenProbabilities extends ProbabilitySource, AsyncDisposable {}

/** Elements that one reading brings. */
const READ_ELEMENTS = 1 << 20;
/** Headers of two-dimensional arrays in row order and little endian, which NumPy writes; all others are read as a whole. */
const PLAIN_HEADER = /^\{'descr': '<(f2|f4|f8)', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \}\s*$/;
const BYTES = { f2: 2, f4: 4, f8: 8 } as const;
const PREFIX_BYTES = 10;

/** Opens [N, K] probabilities. Must be closed.
 *  @throws TF-DATA-002 … 006 if it is not .npy or is cut; TF-LABEL-001 if it is not a float array of rank 2 */
export async function openProbabilities(input: SourceInput): Promise<OpenProbabilities> {
  const source = await openSource(input);
  try {
    return (await openPlain(source)) ?? (await openWhole(source));
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openPlain(source: ByteSource): Promise<OpenProbabilities | undefined> {
  if (source.byteLength < PREFIX_BYTES) return undefined;
  const prefix = await source.read(0, PREFIX_BYTES);
  const isVersionOne =
    prefix[0] === 0x93 && String.fromCharCode(...prefix.subarray(1, 6)) === 'NUMPY' && prefix[6] === 1;
  const dataStart = PREFIX_BYTES + prefix[8] + 256 * prefix[9];
  if (!isVersionOne || dataStart > source.byteLength) return undefined;
  const header = PLAIN_HEADER.exec(new TextDecoder().decode(await source.read(PREFIX_BYTES, dataStart)));
  if (header === null) return undefined;
  const dtype = header[1] as keyof typeof BYTES;
  const [numRows, numClasses] = [Number(header[2]), Number(header[3])];
  // A file that is cut has its error from readNpy.
  if (numClasses === 0 || dataStart + numRows * numClasses * BYTES[dtype] > source.byteLength) return undefined;
  return {
    numRows,
    numClasses,
    async *blocks() {
      const size = rowsPerBlock(numClasses);
      const rowsPerRead = Math.max(size, Math.floor(READ_ELEMENTS / numClasses / size) * size);
      const bytes = new Uint8Array(Math.min(rowsPerRead, numRows) * numClasses * BYTES[dtype]);
      for (let first = 0; first < numRows; first += rowsPerRead) {
        const last = Math.min(first + rowsPerRead, numRows);
        const read = bytes.subarray(0, (last - first) * numClasses * BYTES[dtype]);
        await source.readInto(read, dataStart + first * numClasses * BYTES[dtype]);
        const data = floatsFromBytes(read, dtype);
        for (let start = first; start < last; start += size) {
          const end = Math.min(start + size, last);
          const block = data.subarray((start - first) * numClasses, (end - first) * numClasses);
          yield { block: { numRows: end - start, numClasses, data: block }, start };
        }
      }
    },
    [Symbol.asyncDispose]: () => source.close(),
  };
}

function floatsFromBytes(bytes: Uint8Array, dtype: keyof typeof BYTES): Float32Array | Float64Array {
  const length = bytes.length / BYTES[dtype];
  if (dtype === 'f8') return new Float64Array(bytes.buffer, bytes.byteOffset, length);
  if (dtype === 'f4') return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  return decodeFloats('float16', new Uint16Array(bytes.buffer, bytes.byteOffset, length));
}

async function openWhole(source: ByteSource): Promise<OpenProbabilities> {
  const tensor = await readNpy(source);
  await source.close();
  if (tensor.shape.length !== 2 || !tensor.dtype.startsWith('float')) {
    throw labelError('TF-LABEL-001', {
      subject: 'openProbabilities',
      expected: 'a float array [N, K]',
      actual: `${tensor.dtype} [${tensor.shape.join(', ')}]`,
      location: source.name,
    });
  }
  const [numRows, numClasses] = tensor.shape as [number, number];
  return {
    ...sourceFromMemory({ numRows, numClasses, data: numbersFromTensor(tensor) }),
    [Symbol.asyncDispose]: async () => {},
  };
}
