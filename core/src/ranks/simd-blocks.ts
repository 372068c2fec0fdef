/** Float32 block arithmetic with 128-bit vectors: a tiny WebAssembly module, written out here instruction by instruction.
 *  Every function is (target, operand, byteLength) → nothing: target[i] = target[i] ∘ operand[i], ∘ one of + max min ÷.
 *  The results are those of scalar float32 arithmetic, element by element. */
export const BLOCK_ELEMENTS = 4096;
const BLOCK_BYTES = BLOCK_ELEMENTS * Float32Array.BYTES_PER_ELEMENT;
const PAGE_BYTES = 65536;
const VECTOR_BYTES = 16;

export type BlockOp = 'add' | 'max' | 'min' | 'div';
type Kernel = (target: number, operand: number, byteLength: number) => void;

export interface SimdBlocks {
  /** Views of one memory; block i starts at i · BLOCK_ELEMENTS. */
  readonly blocks: readonly Float32Array[];
  /** blocks[target] ∘= blocks[operand] on the first `length` elements (and up to three more). */
  apply(op: BlockOp, target: number, operand: number, length: number): void;
}

/** The f32x4 opcodes behind the prefix 0xfd (two bytes each, LEB128). */
const VECTOR_OPCODES: Readonly<Record<BlockOp, readonly [number, number]>> = {
  add: [0xe4, 0x01],
  div: [0xe7, 0x01],
  min: [0xe8, 0x01],
  max: [0xe9, 0x01],
};
const OPS = Object.keys(VECTOR_OPCODES) as BlockOp[];

let compiled: WebAssembly.Module | undefined;
let shared: SimdBlocks | undefined;

/** Scratch of this thread with at least `count` blocks; its contents are whatever the last user left. */
export function simdBlocks(count: number): SimdBlocks {
  if (shared && shared.blocks.length >= count) return shared;
  compiled ??= new WebAssembly.Module(moduleBytes());
  const memory = new WebAssembly.Memory({ initial: Math.ceil((count * BLOCK_BYTES) / PAGE_BYTES) });
  const { exports } = new WebAssembly.Instance(compiled, { host: { memory } });
  const kernels = exports as unknown as Readonly<Record<BlockOp, Kernel>>;
  shared = {
    blocks: Array.from(
      { length: count },
      (_, index) => new Float32Array(memory.buffer, index * BLOCK_BYTES, BLOCK_ELEMENTS),
    ),
    apply(op, target, operand, length) {
      const byteLength = Math.ceil((length * Float32Array.BYTES_PER_ELEMENT) / VECTOR_BYTES) * VECTOR_BYTES;
      kernels[op](target * BLOCK_BYTES, operand * BLOCK_BYTES, byteLength);
    },
  };
  return shared;
}

const I32 = 0x7f;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const END = 0x0b;
const VECTOR_LOAD = [0xfd, 0x00, 0x04, 0x00]; // alignment 2⁴, offset 0
const VECTOR_STORE = [0xfd, 0x0b, 0x04, 0x00];
const I32_ADD = 0x6a;

/** Parameters are locals 0 (target), 1 (operand), 2 (byteLength); local 3 counts bytes. */
function kernelBody(op: BlockOp): number[] {
  const address = (base: number): number[] => [LOCAL_GET, base, LOCAL_GET, 3, I32_ADD];
  const instructions = [
    [0x02, 0x40], // block
    [0x03, 0x40], // loop
    [LOCAL_GET, 3, LOCAL_GET, 2, 0x4f, 0x0d, 1], // leave when count ≥ byteLength (unsigned)
    address(0), // where the result goes
    [...address(0), ...VECTOR_LOAD],
    [...address(1), ...VECTOR_LOAD],
    [0xfd, ...VECTOR_OPCODES[op]],
    VECTOR_STORE,
    [LOCAL_GET, 3, 0x41, VECTOR_BYTES, I32_ADD, LOCAL_SET, 3], // count += 16
    [0x0c, 0], // again
    [END, END, END],
  ];
  const locals = [1, 1, I32]; // one group: one i32
  return sized([...locals, ...instructions.flat()]);
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const text = (value: string): number[] => sized([...new TextEncoder().encode(value)]);
  const section = (id: number, items: readonly number[][]): number[] => [id, ...sized([items.length, ...items.flat()])];
  const parts = [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic and version
    section(1, [[0x60, 3, I32, I32, I32, 0]]), // type 0: (i32, i32, i32) → ()
    section(2, [[...text('host'), ...text('memory'), 0x02, 0x00, 1]]), // memory of at least one page
    section(
      3,
      OPS.map(() => [0]),
    ),
    section(
      7,
      OPS.map((op, index) => [...text(op), 0x00, index]),
    ),
    section(10, OPS.map(kernelBody)),
  ];
  return Uint8Array.from(parts.flat());
}

/** Prefixes a byte list with its length (LEB128; lengths here are below 2¹⁴). */
function sized(bytes: readonly number[]): number[] {
  const { length } = bytes;
  return length < 0x80 ? [length, ...bytes] : [(length & 0x7f) | 0x80, length >> 7, ...bytes];
}
