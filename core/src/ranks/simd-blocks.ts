/** Float32 block arithmetic with 128-bit vectors in WebAssembly.
 *  Every function is (target, operand, byteLength) → nothing: target[i] = target[i] ∘ operand[i], ∘ one of + max min ÷.
 *  The results are those of scalar float32 arithmetic, element by element. */
import {
  advance,
  assembleModule,
  block,
  branch,
  branchIf,
  f32x4,
  i32,
  local,
  locals,
  loop,
  v128,
  type WasmFunction,
} from '../wasm/index.ts';

export const BLOCK_ELEMENTS = 4096;
const BLOCK_BYTES = BLOCK_ELEMENTS * Float32Array.BYTES_PER_ELEMENT;
const PAGE_BYTES = 65536;
const VECTOR_BYTES = 16;

const OPS = ['add', 'div', 'min', 'max'] as const;
export type BlockOp = (typeof OPS)[number];
type Kernel = (target: number, operand: number, byteLength: number) => void;

export interface SimdBlocks {
  /** Views of one memory; block i starts at i · BLOCK_ELEMENTS. */
  readonly blocks: readonly Float32Array[];
  /** blocks[target] ∘= blocks[operand] on the first `length` elements (and up to three more). */
  apply(op: BlockOp, target: number, operand: number, length: number): void;
}

let compiled: WebAssembly.Module | undefined;
let shared: SimdBlocks | undefined;

/** Scratch of this thread with at least `count` blocks; its contents are whatever the last user left. */
export function simdBlocks(count: number): SimdBlocks {
  if (shared && shared.blocks.length >= count) return shared;
  compiled ??= new WebAssembly.Module(
    assembleModule({ memory: { module: 'host', name: 'memory' }, functions: OPS.map(kernel) }),
  );
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

function kernel(op: BlockOp): WasmFunction {
  const params = locals('i32', 3);
  const [target, operand, byteLength] = params;
  const count = local('i32');
  const place = i32.add(target, count);
  const result = f32x4[op](v128.load(place), v128.load(i32.add(operand, count)));
  const body = block(
    loop(
      branchIf(i32.geU(count, byteLength), 1), // done
      v128.store(place, result),
      advance(count, VECTOR_BYTES),
      branch(0), // again
    ),
  );
  return { name: op, params, locals: [count], body: [body] };
}
