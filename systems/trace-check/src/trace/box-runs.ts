/** A box as runs: stretches that are contiguous in the logical and in the local tensor alike. */
import { traceError } from '../trace-check-errors.ts';
import type { Box } from '../types.ts';

/** Run i covers logical elements starts[i] … +length and local elements locals[i] … +length; both rise with i. */
export interface Runs {
  readonly starts: Float64Array;
  readonly locals: Float64Array;
  readonly length: number;
}

/** @throws TF-TRACE-007 if the box leaves the logical or the local tensor */
export function runsOfBox(box: Box, global: readonly number[], local: readonly number[], id = ''): Runs {
  const rank = global.length;
  const isInside =
    box.g.length === rank &&
    box.n.length === rank &&
    box.l.length === rank &&
    local.length === rank &&
    box.g.every(
      (start, d) =>
        start >= 0 && box.n[d]! >= 0 && start + box.n[d]! <= global[d]! && box.l[d]! + box.n[d]! <= local[d]!,
    );
  if (!isInside)
    throw traceError('TF-TRACE-007', {
      subject: 'runsOfBox',
      expected: `a box inside the logical [${global.join(', ')}] and local [${local.join(', ')}] tensor`,
      actual: `start [${box.g.join(', ')}], extent [${box.n.join(', ')}], local start [${box.l.join(', ')}]`,
      ...(id === '' ? {} : { location: id }),
    });
  // Trailing dimensions that are whole on both sides join the run.
  let inner = rank - 1;
  let length = rank === 0 ? 1 : box.n[inner]!;
  while (inner > 0 && box.n[inner] === global[inner] && box.n[inner] === local[inner]) {
    inner--;
    length *= box.n[inner]!;
  }
  const outer = Math.max(inner, 0);
  const count = box.n.slice(0, outer).reduce((total, n) => total * n, 1);
  const starts = new Float64Array(length === 0 ? 0 : count);
  const locals = new Float64Array(starts.length);
  const globalStrides = stridesOf(global);
  const localStrides = stridesOf(local);
  const base = box.g.reduce((sum, start, d) => sum + start * globalStrides[d]!, 0);
  const localBase = box.l.reduce((sum, start, d) => sum + start * localStrides[d]!, 0);
  const index = new Array<number>(outer).fill(0);
  let at = base;
  let localAt = localBase;
  for (let i = 0; i < starts.length; i++) {
    starts[i] = at;
    locals[i] = localAt;
    for (let d = outer - 1; d >= 0; d--) {
      at += globalStrides[d]!;
      localAt += localStrides[d]!;
      if (++index[d]! < box.n[d]!) break;
      at -= globalStrides[d]! * box.n[d]!;
      localAt -= localStrides[d]! * box.n[d]!;
      index[d] = 0;
    }
  }
  return { starts, locals, length };
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= shape[d]!;
  }
  return strides;
}
