/** Local variables, sequences and structured control. */
import { codeOf } from './build.ts';
import { unsignedLeb } from './leb.ts';
import { i32 } from './scalars.ts';
import type { Code, Item, Local, Statement, Value, ValueType } from './types.ts';

const [BLOCK, LOOP, IF, END, BRANCH, BRANCH_IF] = [0x02, 0x03, 0x04, 0x0b, 0x0c, 0x0d];
/** The type of a block that leaves nothing. */
const VOID = 0x40;

export const local = <T extends ValueType>(type: T): Local<T> => ({ kind: 'local', type });
export const locals = <T extends ValueType>(type: T, count: number): Local<T>[] =>
  Array.from({ length: count }, () => local(type));

/** local = value */
export const set = <T extends ValueType>(target: Local<T>, value: Value<NoInfer<T>>): Statement =>
  codeOf('none', [value, { kind: 'write', opcode: 0x21, local: target }]);

/** local = value, and the value. */
export const tee = <T extends ValueType>(target: Local<T>, value: Value<NoInfer<T>>): Code<T> =>
  codeOf(target.type, [value, { kind: 'write', opcode: 0x22, local: target }]);

/** local += bytes */
export const advance = (pointer: Local<'i32'>, by: number | Value<'i32'>): Statement =>
  set(pointer, i32.add(pointer, typeof by === 'number' ? i32.const(by) : by));

export const sequence = (...statements: readonly Statement[]): Statement => codeOf('none', statements);

/** The value, computed after these statements; what stands before it in an expression stays below on the stack. */
export const after = <T extends ValueType>(statements: readonly Statement[], value: Value<T>): Code<T> =>
  codeOf(value.type, [...statements, value]);

export const block = (...body: readonly Statement[]): Statement => structure([BLOCK, VOID], body);
/** Only a branch goes back to the start. */
export const loop = (...body: readonly Statement[]): Statement => structure([LOOP, VOID], body);
export const when = (condition: Value<'i32'>, ...body: readonly Statement[]): Statement =>
  structure([condition, IF, VOID], body);

/** To the end of an enclosing block or the start of a loop, 0 the innermost. */
export const branch = (depth: number): Statement => codeOf('none', [BRANCH, ...unsignedLeb(depth)]);
export const branchIf = (condition: Value<'i32'>, depth: number): Statement =>
  codeOf('none', [condition, BRANCH_IF, ...unsignedLeb(depth)]);

/** The body at least once, then again as long as the condition holds after it. */
export const repeatWhile = (condition: Value<'i32'>, ...body: readonly Statement[]): Statement =>
  loop(...body, branchIf(condition, 0));

function structure(start: readonly Item[], body: readonly Statement[]): Statement {
  return codeOf('none', [...start, ...body, END]);
}
