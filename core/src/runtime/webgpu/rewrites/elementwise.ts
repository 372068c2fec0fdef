/** Element by element. */
import type { ValueId } from '../../../graph/index.ts';
import type { Expansion } from './expansion.ts';

export function rewriteSign({ node, valueOf, add, finish, scalar }: Expansion): void {
  const [x] = node.inputs;
  const { shape, dtype } = valueOf(x);
  const zero = scalar(0, dtype);
  const isPositive = add('Greater', [x, zero], { shape, dtype: 'bool' });
  const isNegative = add('Less', [x, zero], { shape, dtype: 'bool' });
  const below = add('Where', [isNegative, scalar(-1, dtype), zero], { shape });
  finish('Where', [isPositive, scalar(1, dtype), below]);
}

/** r = ⌊x + ½⌋, one less where x lies halfway and r is odd. */
export function rewriteRound({ node, valueOf, add, finish, scalar }: Expansion): void {
  const [x] = node.inputs;
  const { shape, dtype } = valueOf(x);
  const up = add('Floor', [add('Add', [x, scalar(0.5, dtype)], { shape })], { shape });
  const isHalfway = add('Equal', [add('Sub', [up, x], { shape }), scalar(0.5, dtype)], { shape, dtype: 'bool' });
  const half = add('Mul', [up, scalar(0.5, dtype)], { shape });
  const isOdd = add('Greater', [half, add('Floor', [half], { shape })], { shape, dtype: 'bool' });
  const down = add('Sub', [up, scalar(1, dtype)], { shape });
  finish('Where', [add('And', [isHalfway, isOdd], { shape, dtype: 'bool' }), down, up]);
}

/** a ∨ b = ¬(¬a ∧ ¬b) */
export function rewriteOr({ node, valueOf, add, finish }: Expansion): void {
  const not = (id: ValueId): ValueId => add('Not', [id], { shape: valueOf(id).shape, dtype: 'bool' });
  const [a, b] = node.inputs;
  finish('Not', [add('And', [not(a), not(b)], { shape: valueOf(node.outputs[0]).shape, dtype: 'bool' })]);
}
