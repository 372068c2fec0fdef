/** Splitting tensors along an axis: parts one after another in memory, and back. */
import { copyBox, createTensor, numel, type Shape, type Tensor } from '../tensor/index.ts';
import { ranksError } from './ranks-errors.ts';

export interface Parts {
  /** All parts, each contiguous, in order. Shares the tensor's memory when the axis is the outermost. */
  readonly data: Tensor['data'];
  /** Elements per part. */
  readonly lengths: readonly number[];
  readonly shapes: readonly Shape[];
}

/** @param sizes  along the axis, one per part; must add up to its size */
export function splitIntoParts(call: string, tensor: Tensor, axis: number, sizes: readonly number[]): Parts {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== tensor.shape[axis] || sizes.some((size) => !Number.isInteger(size) || size < 0)) {
    throw ranksError('TF-RANKS-007', {
      subject: call,
      expected: `parts that add up to ${tensor.shape[axis]} on axis ${axis} of [${tensor.shape.join(', ')}]`,
      actual: `[${sizes.join(', ')}]`,
    });
  }
  const shapes = sizes.map((size) => tensor.shape.map((each, i) => (i === axis ? size : each)));
  const lengths = shapes.map(numel);
  const isOutermost = tensor.shape.slice(0, axis).every((size) => size === 1);
  if (isOutermost) return { data: tensor.data, lengths, shapes };
  const packed = createTensor(tensor.dtype, [numel(tensor.shape)]);
  let offset = 0;
  let start = 0;
  shapes.forEach((shape, part) => {
    const target = { ...tensor, shape, data: packed.data.subarray(offset, offset + lengths[part]!) as never };
    const sourceStart = shape.map((_, i) => (i === axis ? start : 0));
    copyBox({ source: tensor, sourceStart, target, size: shape });
    offset += lengths[part]!;
    start += sizes[part]!;
  });
  return { data: packed.data, lengths, shapes };
}

/** Concatenates along an axis into `target`. Mutates: target.data. */
export function joinParts(parts: readonly Tensor[], axis: number, target: Tensor): void {
  const isOutermost = target.shape.slice(0, axis).every((size) => size === 1);
  let offset = 0;
  let start = 0;
  for (const part of parts) {
    if (isOutermost) (target.data as Float32Array).set(part.data as Float32Array, offset);
    else
      copyBox({
        source: part,
        target,
        targetStart: target.shape.map((_, i) => (i === axis ? start : 0)),
        size: part.shape,
      });
    offset += part.data.length;
    start += part.shape[axis]!;
  }
}

export function equalSizes(call: string, tensor: Tensor, axis: number, count: number): number[] {
  const size = tensor.shape[axis];
  if (size === undefined || size % count !== 0) {
    throw ranksError('TF-RANKS-007', {
      subject: call,
      expected: `axis ${axis} of [${tensor.shape.join(', ')}] to be divisible by ${count} ranks`,
      ...(size === undefined ? {} : { actual: String(size) }),
    });
  }
  return new Array<number>(count).fill(size / count);
}
