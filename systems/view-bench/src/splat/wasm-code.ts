/** WebAssembly SIMD as expressions: every function gives the bytes of an expression or statement, `moduleOf` wraps kernels
 *  over one imported memory. */

export type Bytes = readonly number[];
type Unary = (x: Bytes) => Bytes;
type Binary = (x: Bytes, y: Bytes) => Bytes;
export type ValueType = 'i32' | 'f64' | 'v128';

const TYPE_BYTES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f64: 0x7c, v128: 0x7b };

const leb = (value: number): Bytes => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]);
const signedLeb = (value: number): Bytes =>
  value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signedLeb(value >> 7)];
const simd = (opcode: number): Bytes => [0xfd, ...leb(opcode)];
const unary =
  (opcode: Bytes): Unary =>
  (x) => [...x, ...opcode];
const binary =
  (opcode: Bytes): Binary =>
  (x, y) => [...x, ...y, ...opcode];
const reading =
  (opcode: Bytes) =>
  (address: Bytes, offset: number): Bytes => [...address, ...opcode, 0, ...leb(offset)];
const writing =
  (opcode: Bytes) =>
  (address: Bytes, offset: number, value: Bytes): Bytes => [...address, ...value, ...opcode, 0, ...leb(offset)];
const floatBytes = (value: number): Bytes => [...new Uint8Array(Float32Array.of(value).buffer)];
const doubleBytes = (value: number): Bytes => [...new Uint8Array(Float64Array.of(value).buffer)];

export const i32 = {
  of: (value: number): Bytes => [0x41, ...signedLeb(value)],
  add: binary([0x6a]),
  sub: binary([0x6b]),
  mul: binary([0x6c]),
  and: binary([0x71]),
  shiftLeft: binary([0x74]),
  isLess: binary([0x48]),
  isGreater: binary([0x4a]),
  isAtLeast: binary([0x4e]),
  isZero: unary([0x45]),
  countBits: unary([0x69]),
  /** x where the condition holds, else y */
  select: (x: Bytes, y: Bytes, condition: Bytes): Bytes => [...x, ...y, ...condition, 0x1b],
  fromF64: unary([0xfc, 0x02]),
  load: reading([0x28]),
};
export const f64 = {
  of: (value: number): Bytes => [0x44, ...doubleBytes(value)],
  add: binary([0xa0]),
  sub: binary([0xa1]),
  mul: binary([0xa2]),
  sqrt: unary([0x9f]),
  ceil: unary([0x9b]),
  floor: unary([0x9c]),
  isLess: binary([0x63]),
  isAtLeast: binary([0x66]),
  fromI32: unary([0xb7]),
  load: reading([0x2b]),
};
export const f32x4 = {
  of: (...lanes: readonly [number, number, number, number]): Bytes => [...simd(0x0c), ...lanes.flatMap(floatBytes)],
  all: (value: number): Bytes => f32x4.of(value, value, value, value),
  add: binary(simd(0xe4)),
  sub: binary(simd(0xe5)),
  mul: binary(simd(0xe6)),
  div: binary(simd(0xe7)),
  abs: unary(simd(0xe0)),
  /** y where y < x, else x */ smaller: binary(simd(0xea)),
  /** y where x < y, else x */ larger: binary(simd(0xeb)),
  isLess: binary(simd(0x43)),
  isGreater: binary(simd(0x44)),
  isAtMost: binary(simd(0x45)),
  isAtLeast: binary(simd(0x46)),
  /** A double, rounded, in all lanes. */
  splatF64: unary([0xb6, ...simd(0x13)]),
};
export const i32x4 = {
  add: binary(simd(0xae)),
  shiftLeft: binary(simd(0xab)),
  isGreater: binary(simd(0x3b)),
  signs: unary(simd(0xa4)),
  splat: unary(simd(0x11)),
};
export const v128 = {
  load: reading(simd(0x00)),
  /** One 32-bit value in all lanes. */
  loadSplat: reading(simd(0x09)),
  store: writing(simd(0x0b)),
  and: binary(simd(0x4e)),
  /** x where the bits of y are 0 */ andNot: binary(simd(0x4f)),
  xor: binary(simd(0x51)),
  hasAny: unary(simd(0x53)),
  select: (x: Bytes, y: Bytes, mask: Bytes): Bytes => [...x, ...y, ...mask, ...simd(0x52)],
  /** Lanes 0–3 of x and 4–7 of y. */
  pick: (x: Bytes, y: Bytes, lanes: readonly number[]): Bytes => [
    ...x,
    ...y,
    ...simd(0x0d),
    ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
  ],
};

/** A local variable is the code that reads it. */
export const set = (local: Bytes, value: Bytes): Bytes => [...value, 0x21, ...local.slice(1)];
export const tee = (local: Bytes, value: Bytes): Bytes => [...value, 0x22, ...local.slice(1)];
export const code = (...pieces: readonly Bytes[]): Bytes => pieces.flat();
export const when = (condition: Bytes, ...body: readonly Bytes[]): Bytes => [
  ...condition,
  0x04,
  0x40,
  ...body.flat(),
  0x0b,
];
export const block = (...body: readonly Bytes[]): Bytes => [0x02, 0x40, ...body.flat(), 0x0b];
/** Runs the body again while the condition holds, at least once. */
export const repeat = (condition: Bytes, ...body: readonly Bytes[]): Bytes => [
  0x03,
  0x40,
  ...body.flat(),
  ...condition,
  0x0d,
  0,
  0x0b,
];
/** Leaves the `depth`-th enclosing block, 0 the innermost. */
export const leaveIf = (condition: Bytes, depth: number): Bytes => [...condition, 0x0d, depth];

export interface Locals {
  readonly params: readonly Bytes[];
  readonly add: (type: ValueType) => Bytes;
  readonly types: readonly ValueType[];
}

/** Local variables of a kernel with so many i32 parameters. */
export function createLocals(numParams: number): Locals {
  const types: ValueType[] = [];
  return {
    params: Array.from({ length: numParams }, (_, index) => [0x20, ...leb(index)]),
    add: (type) => [0x20, ...leb(numParams + types.push(type) - 1)],
    types,
  };
}

export interface Kernel {
  readonly name: string;
  readonly locals: Locals;
  /** Leaves one i32, the answer. */
  readonly body: Bytes;
}

/** A module with these kernels; it imports host.memory. */
export function moduleOf(kernels: readonly Kernel[]): Uint8Array<ArrayBuffer> {
  const sized = (bytes: Bytes): Bytes => [...leb(bytes.length), ...bytes];
  const text = (value: string): Bytes => sized([...new TextEncoder().encode(value)]);
  const section = (id: number, items: readonly Bytes[]): Bytes => [
    id,
    ...sized([...leb(items.length), ...items.flat()]),
  ];
  const types = kernels.map(({ locals }) => [
    0x60,
    ...sized(locals.params.map(() => TYPE_BYTES.i32)),
    1,
    TYPE_BYTES.i32,
  ]);
  const bodies = kernels.map(({ locals, body }) =>
    sized([...leb(locals.types.length), ...locals.types.flatMap((type) => [1, TYPE_BYTES[type]]), ...body, 0x0b]),
  );
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    0x01,
    0x00,
    0x00,
    0x00,
    ...section(1, types),
    ...section(2, [[...text('host'), ...text('memory'), 0x02, 0x00, 1]]),
    ...section(
      3,
      kernels.map((_, index) => [index]),
    ),
    ...section(
      7,
      kernels.map(({ name }, index) => [...text(name), 0x00, index]),
    ),
    ...section(10, bodies),
  ]);
}
