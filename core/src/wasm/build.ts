/** How instructions are put together: operands first, in the order in which they are written, then the opcode. */
import { unsignedLeb } from './leb.ts';
import type { Code, Item, Value, ValueType } from './types.ts';

export function codeOf<T extends ValueType | 'none'>(type: T, items: readonly Item[]): Code<T> {
  return { kind: 'code', type, items };
}

/** Prefix of the vector instructions and their number. */
export const simd = (opcode: number): readonly number[] => [0xfd, ...unsignedLeb(opcode)];

export const unary =
  <A extends ValueType, R extends ValueType>(_of: A, gives: R, ...opcode: readonly number[]) =>
  (x: Value<A>): Code<R> =>
    codeOf(gives, [x, ...opcode]);

export const binary =
  <A extends ValueType, R extends ValueType>(_of: A, gives: R, ...opcode: readonly number[]) =>
  (x: Value<A>, y: Value<A>): Code<R> =>
    codeOf(gives, [x, y, ...opcode]);

/** No alignment is promised: engines take it as a hint, and a wrong one costs. */
const ALIGNMENT = 0;

export const load =
  <R extends ValueType>(gives: R, ...opcode: readonly number[]) =>
  (address: Value<'i32'>, offset = 0): Code<R> =>
    codeOf(gives, [address, ...opcode, ALIGNMENT, ...unsignedLeb(offset)]);

export const store =
  <A extends ValueType>(_of: A, ...opcode: readonly number[]) =>
  (address: Value<'i32'>, value: Value<A>, offset = 0): Code<'none'> =>
    codeOf('none', [address, value, ...opcode, ALIGNMENT, ...unsignedLeb(offset)]);
