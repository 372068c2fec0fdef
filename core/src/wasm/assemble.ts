/** Functions to the bytes of a module that imports one memory and exports every function.
 *  Format: WebAssembly Core Specification 2.0, chapter 5. */
import { unsignedLeb } from './leb.ts';
import { wasmError } from './wasm-errors.ts';
import type { Item, Local, MemoryImport, ValueType, WasmFunction, WasmModule } from './types.ts';

type Bytes = readonly number[];

const TYPE_BYTES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const MAGIC_AND_VERSION: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const SECTION = { types: 1, imports: 2, functions: 3, exports: 7, bodies: 10 } as const;
const [FUNCTION, MEMORY] = [0x00, 0x02]; // kinds of imports and exports
const FUNCTION_TYPE = 0x60;
const LOCAL_GET = 0x20;
const END = 0x0b;
const SHARED_WITH_MAXIMUM = 0x03;

/** @returns the module's bytes; `WebAssembly.validate` tells whether this engine knows all its instructions
 *  @throws TF-WASM-001 if a size is no whole number
 *  @throws TF-WASM-002 if a function uses a local that it does not list, or lists one twice */
export function assembleModule({ memory, functions }: WasmModule): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(SECTION.types, functions.map(signature)),
    ...section(SECTION.imports, [memoryImport(memory)]),
    ...section(
      SECTION.functions,
      functions.map((_, index) => unsignedLeb(index)),
    ),
    ...section(
      SECTION.exports,
      functions.map(({ name }, index) => [...text(name), FUNCTION, ...unsignedLeb(index)]),
    ),
    ...section(SECTION.bodies, functions.map(functionBody)),
  ]);
}

function signature({ params, result }: WasmFunction): Bytes {
  const types = (values: readonly { readonly type: ValueType }[]): Bytes =>
    sized(values.map(({ type }) => TYPE_BYTES[type]));
  return [FUNCTION_TYPE, ...types(params), ...types(result ? [result] : [])];
}

function memoryImport({ module, name, minPages = 1, sharedMaxPages }: MemoryImport): Bytes {
  const limits =
    sharedMaxPages === undefined
      ? [0x00, ...unsignedLeb(minPages)]
      : [SHARED_WITH_MAXIMUM, ...unsignedLeb(minPages), ...unsignedLeb(sharedMaxPages)];
  return [...text(module), ...text(name), MEMORY, ...limits];
}

function functionBody({ name, params, locals = [], body, result }: WasmFunction): Bytes {
  const all = [...params, ...locals];
  const indices = new Map(all.map((one, index) => [one, unsignedLeb(index)]));
  if (indices.size < all.length) throw unlisted(name, 'each once', `${all.length - indices.size} listed again`);
  const indexOf = (one: Local): Bytes => {
    const index = indices.get(one);
    if (index === undefined)
      throw unlisted(name, 'all that the body names', `one of type ${one.type} outside the list`);
    return index;
  };
  const bytes: number[] = [];
  const write = (item: Item): void => {
    if (typeof item === 'number') bytes.push(item);
    else if (item.kind === 'code') for (const inner of item.items) write(inner);
    else if (item.kind === 'local') bytes.push(LOCAL_GET, ...indexOf(item));
    else bytes.push(item.opcode, ...indexOf(item.local));
  };
  for (const statement of body) write(statement);
  if (result) write(result);
  return sized([...vector(localGroups(locals)), ...bytes, END]);
}

/** Neighbours of one type are declared together. */
function localGroups(locals: readonly Local[]): Bytes[] {
  const groups: { readonly type: ValueType; count: number }[] = [];
  for (const { type } of locals) {
    const last = groups.at(-1);
    if (last?.type === type) last.count++;
    else groups.push({ type, count: 1 });
  }
  return groups.map(({ type, count }) => [...unsignedLeb(count), TYPE_BYTES[type]]);
}

const section = (id: number, items: readonly Bytes[]): Bytes => [id, ...sized(vector(items))];
const vector = (items: readonly Bytes[]): Bytes => [...unsignedLeb(items.length), ...items.flat()];
const sized = (bytes: Bytes): Bytes => [...unsignedLeb(bytes.length), ...bytes];
const text = (value: string): Bytes => sized([...new TextEncoder().encode(value)]);

function unlisted(name: string, expected: string, actual: string): Error {
  return wasmError('TF-WASM-002', {
    subject: 'assembleModule',
    expected: `params and locals must list ${expected}`,
    actual,
    location: `function "${name}"`,
  });
}
