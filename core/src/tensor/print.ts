/** Tensors as text, for messages, logs and stored examples. */
import { DTYPES } from './dtype.ts';
import { isSmallFloat, numberFromBits } from './small-floats.ts';
import { formatShape, numel, stridesFromShape } from './shape.ts';
import type { Tensor } from './types.ts';

export interface PrintOptions {
  /** Longer axes show their first and last halves of this many. Default 6. */
  readonly maxPerAxis?: number;
  /** Significant digits of floats. Default 4. */
  readonly numDigits?: number;
}

/** `f32[2, 3] [[1, 2, 3], [4, 5, 6]]`; axes beyond `maxPerAxis` are shortened by `…`. */
export function formatTensor(tensor: Tensor, { maxPerAxis = 6, numDigits = 4 }: PrintOptions = {}): string {
  const { dtype, shape } = tensor;
  const strides = stridesFromShape(shape);
  const head = `${DTYPES[dtype].short}${formatShape(shape)}`;
  if (numel(shape) === 0) return `${head} []`;
  const formatAxis = (axis: number, offset: number): string => {
    if (axis === shape.length) return formatElement(tensor, offset, numDigits);
    const parts = shownIndices(shape[axis], maxPerAxis).map((index) =>
      index < 0 ? '…' : formatAxis(axis + 1, offset + index * strides[axis]),
    );
    return `[${parts.join(', ')}]`;
  };
  return `${head} ${formatAxis(0, 0)}`;
}

/** One element as text; decodes narrow floats. */
export function formatElement({ dtype, data }: Tensor, offset: number, numDigits = 4): string {
  const raw = data[offset];
  if (typeof raw === 'bigint') return `${raw}`;
  if (DTYPES[dtype].kind === 'bool') return raw === 0 ? 'false' : 'true';
  if (DTYPES[dtype].kind === 'int') return `${raw}`;
  const value = isSmallFloat(dtype) ? numberFromBits(dtype, raw) : raw;
  if (!Number.isFinite(value)) return `${value}`;
  return Object.is(value, -0) ? '-0' : `${Number(value.toPrecision(numDigits))}`;
}

/** Indices to show; -1 stands for the gap. */
function shownIndices(size: number, max: number): number[] {
  const all = Array.from({ length: Math.min(size, max) }, (_, i) => i);
  if (size <= max) return all;
  const numTail = Math.floor(max / 2);
  return [...all.slice(0, max - numTail), -1, ...all.slice(0, numTail).map((i) => size - numTail + i)];
}
