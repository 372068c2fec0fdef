/** Shapes and strides of row-major tensors. Strides are in elements. */
import type { Shape } from './types.ts';

/** Number of elements; 1 for a scalar. */
export function numel(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** Row-major strides in elements. */
export function stridesFromShape(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** `[2, 3]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two shapes have the same rank and the same sizes. */
export function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Position of each axis for a row-major offset. */
export function indicesFromOffset(offset: number, shape: Shape): number[] {
  const indices = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    indices[axis] = offset % shape[axis];
    offset = Math.floor(offset / shape[axis]);
  }
  return indices;
}
