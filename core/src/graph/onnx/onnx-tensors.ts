/** Tensors and dtypes in ONNX files. */
import { DTYPES, numel, type Dtype, type DtypeInfo, type Tensor } from '../../tensor/index.ts';
import { tensorFromNumbers } from '../build/scalar-tensor.ts';
import { graphError } from '../graph-errors.ts';
import type { OnnxTensor } from './onnx-types.ts';

/** Marks the Identity through which inputs, states and constants leave a model. */
export const OUTPUT_SUFFIX = '#out';

/** Starts the names of initializers that hold attributes. */
export const CONSTANT_INPUT_PREFIX = 'tenfold.constant/';

/** TensorProto.DataType. */
const CODES: Readonly<Record<Dtype, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e5m2: 19,
};

const DTYPE_OF_CODE = new Map(Object.entries(CODES).map(([dtype, code]) => [code, dtype as Dtype]));

/** ONNX's number of a dtype. */
export function onnxCodeFromDtype(dtype: Dtype): number {
  return CODES[dtype];
}

/** @throws TF-GRAPH-012 on strings, complex numbers, int4 and other kinds that we do not have */
export function dtypeFromOnnxCode(code: number | undefined, place: string): Dtype {
  const dtype = code === undefined ? undefined : DTYPE_OF_CODE.get(code);
  if (dtype === undefined) {
    throw graphError('TF-GRAPH-012', {
      subject: 'readOnnx',
      expected: 'an element type that Tenfold has',
      actual: `ONNX data type ${code ?? 'none'}`,
      location: place,
    });
  }
  return dtype;
}

/** The tensor's bytes, little-endian, without copying. */
export function bytesFromTensor(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** A tensor from little-endian bytes: wraps them if they are aligned, else copies.
 *  @throws TF-GRAPH-010 if their number does not fit */
export function tensorFromBytes(dtype: Dtype, shape: readonly number[], bytes: Uint8Array, place: string): Tensor {
  const info: DtypeInfo = DTYPES[dtype];
  const numElements = numel(shape);
  if (bytes.byteLength !== numElements * info.bytesPerElement) {
    throw graphError('TF-GRAPH-010', {
      subject: 'readOnnx',
      expected: `${numElements * info.bytesPerElement} bytes for ${dtype} [${shape.join(', ')}]`,
      actual: `${bytes.byteLength}`,
      location: place,
      hints: ['The file looks truncated; copy or export it again.'],
    });
  }
  // Not slice(): that of Node's Buffer does not copy.
  const aligned = bytes.byteOffset % info.bytesPerElement === 0 ? bytes : new Uint8Array(bytes);
  return { dtype, shape, data: new info.ArrayType(aligned.buffer, aligned.byteOffset, numElements) } as Tensor;
}

/** Where a tensor's bytes lie outside the file. */
export interface ExternalDataPlace {
  readonly location: string;
  readonly offset: number;
  readonly length?: number;
}

/** undefined unless the tensor is stored outside the file. */
export function externalPlaceOf(tensor: OnnxTensor): ExternalDataPlace | undefined {
  if (tensor.dataLocation !== 1) return undefined;
  const entry = (key: string) => tensor.externalData?.find((each) => each.key === key)?.value;
  const length = entry('length');
  return {
    location: entry('location') ?? '',
    offset: Number(entry('offset') ?? 0),
    ...(length === undefined ? {} : { length: Number(length) }),
  };
}

/** @param externalBytes  the bytes of external data, if it is external */
export function tensorFromOnnx(tensor: OnnxTensor, externalBytes?: Uint8Array): Tensor {
  const place = `tensor "${tensor.name ?? ''}"`;
  const dtype = dtypeFromOnnxCode(tensor.dataType, place);
  const shape = (tensor.dims ?? []).map(Number);
  const bytes = externalBytes ?? (tensor.rawData && tensor.rawData.length > 0 ? tensor.rawData : undefined);
  if (bytes !== undefined) return tensorFromBytes(dtype, shape, bytes, place);
  const numbers = typedData(tensor, dtype);
  if (numbers.length !== numel(shape)) return tensorFromBytes(dtype, shape, new Uint8Array(0), place);
  return numbersIntoTensor(dtype, shape, numbers);
}

function typedData(tensor: OnnxTensor, dtype: Dtype): readonly (number | bigint)[] {
  if (dtype === 'float32') return tensor.floatData ?? [];
  if (dtype === 'float64') return tensor.doubleData ?? [];
  if (dtype === 'int64') return tensor.int64Data ?? [];
  if (dtype === 'uint64' || dtype === 'uint32') return tensor.uint64Data ?? [];
  return tensor.int32Data ?? [];
}

/** int32_data holds the bit patterns of f16, bf16 and the two f8, which is also how they are stored here. */
function numbersIntoTensor(dtype: Dtype, shape: readonly number[], numbers: readonly (number | bigint)[]): Tensor {
  const isPattern = DTYPES[dtype].kind === 'float' && DTYPES[dtype].bytesPerElement < 4;
  if (!isPattern && dtype !== 'int64' && dtype !== 'uint64')
    return tensorFromNumbers(dtype, numbers.map(Number), shape);
  const info: DtypeInfo = DTYPES[dtype];
  const data = new info.ArrayType(numbers.length);
  for (let i = 0; i < numbers.length; i++) data[i] = (isPattern ? Number(numbers[i]) : BigInt(numbers[i]!)) as never;
  return { dtype, shape, data } as Tensor;
}
