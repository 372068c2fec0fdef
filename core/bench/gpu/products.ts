/** Which tile of our matrix product a device runs fastest: device times and a check of the sums, for the shapes of the
 *  large step. Usage: node core/bench/gpu/products.ts [rounds] */
import { streamFromId, uniformAt } from '../../src/base/index.ts';
import { openGpu } from '../../src/runtime/fused/gpu-device.ts';
import { createKernelClock } from '../../src/runtime/fused/kernel-clock.ts';
import type { Kernel } from '../../src/runtime/fused/kernel-text.ts';
import { MATRIX_TILES, matrixUnitKernel } from '../../src/runtime/fused/matrix-unit-kernel.ts';
import type { PrimValue, ProductPrim } from '../../src/runtime/fused/prims.ts';
import type { Tile } from '../../src/runtime/fused/product-kernel.ts';
import { productKernel, tileFor, TILES } from '../../src/runtime/fused/product-kernel.ts';
import { castTensor, numbersFromTensor } from '../../src/tensor/index.ts';
import type { Dtype, Tensor } from '../../src/tensor/index.ts';

const SHAPES = [
  { M: 2048, K: 1024, N: 1024, batch: 1 },
  { M: 2048, K: 1024, N: 4096, batch: 1 },
  { M: 2048, K: 4096, N: 1024, batch: 1 },
  { M: 1024, K: 2048, N: 1024, batch: 1 },
  { M: 1024, K: 2048, N: 4096, batch: 1 },
  { M: 2048, K: 1024, N: 8192, batch: 1 },
  { M: 512, K: 64, N: 512, batch: 64 },
  { M: 512, K: 512, N: 64, batch: 64 },
];
const randoms = new Map<Dtype, Tensor>();

/** Beside the tiles in use: two buffers, other depths, wider threads. */
const VARIANTS: Readonly<Record<string, Tile>> = {
  ...TILES,
  tall: { rows: 128, columns: 64, depth: 16, rowFours: 2, columnFours: 2 },
  'large 32': { ...TILES['large'], depth: 32 },
  wide: { rows: 128, columns: 256, depth: 16, rowFours: 2, columnFours: 4 },
};
const FORMS = { NN: [false, false], NT: [false, true], TN: [true, false] } as const;
const CHECKED = 64;
/** Calls in a row, so that the device runs at its full clock. */
const ON_END = 12;
const fill = <T>(value: T): T[] => new Array<T>(ON_END).fill(value);
const ROUNDS = Number(process.argv[2] ?? 5);

const gpu = await openGpu();
if (gpu === undefined) throw new Error('no WebGPU device');
const { device } = gpu;
const info = device.adapterInfo;
console.log(
  info.vendor,
  info.architecture,
  info.description,
  `buffers ${gpu.maxBuffers}`,
  `f16 ${gpu.hasHalf}`,
  `matrix units ${gpu.hasMatrixUnits}`,
);
for (const config of (info as { subgroupMatrixConfigs?: Iterable<Record<string, unknown>> }).subgroupMatrixConfigs ??
  []) {
  console.log(
    `  ${config['M']}x${config['N']}x${config['K']} ${config['componentType']} -> ${config['resultComponentType']}`,
  );
}

for (const dtype of ['float32', 'float16'] as const) {
  if (dtype === 'float16' && !gpu.hasHalf) continue;
  for (const sizes of SHAPES) {
    for (const [form, [transA, transB]] of Object.entries(FORMS)) await measure(dtype, sizes, { form, transA, transB });
  }
}

async function measure(
  dtype: Dtype,
  sizes: ProductPrim['sizes'],
  { form, transA, transB }: { form: string; transA: boolean; transB: boolean },
): Promise<void> {
  const { M, N, K, batch } = sizes;
  const kind = dtype === 'float16' ? 'f16' : 'f32';
  const value = (count: number, root: number): PrimValue => ({ kind, shape: [count], root });
  const values = [value(batch * M * K, 0), value(batch * K * N, 1), value(batch * M * N, 2)];
  const isBatched = [batch > 1, batch > 1] as const;
  const prim: ProductPrim = {
    kind: 'product',
    op: 'Gemm',
    node: '',
    a: 0,
    b: 1,
    out: 2,
    sizes,
    isBatched,
    transA,
    transB,
    alpha: 1,
    beta: 1,
  };
  const kernels = new Map<string, Kernel>();
  for (const [name, tile] of Object.entries(VARIANTS))
    kernels.set(tile === tileFor(prim) ? `${name}*` : name, productKernel(prim, values, tile));
  if (kind === 'f16' && gpu!.hasMatrixUnits) {
    for (const tile of MATRIX_TILES) {
      const [height, width] = [tile.down * tile.rows * 16, tile.across * tile.columns * 16];
      if (M % height === 0 && N % width === 0)
        kernels.set(`units ${height}x${width}`, matrixUnitKernel(prim, values, tile));
    }
  }
  const inputs = [0, 1].map((side) => slice(randomTensor(dtype), values[side].shape[0], side));
  const numbers = inputs.map((tensor) => numbersFromTensor(tensor));
  const buffers = values.map(({ shape: [count] }) =>
    device.createBuffer({
      size: count * (kind === 'f16' ? 2 : 4),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    }),
  );
  inputs.forEach(({ data }, i) => device.queue.writeBuffer(buffers[i], 0, data as Float32Array<ArrayBuffer>));
  const parts: string[] = [];
  for (const [name, kernel] of kernels) {
    try {
      device.pushErrorScope('validation');
      const pipelines = [await gpu!.pipelineOf(kernel)];
      const groups = [
        device.createBindGroup({
          layout: pipelines[0].getBindGroupLayout(0),
          entries: kernel.bindings.map(({ root }, binding) => ({ binding, resource: { buffer: buffers[root] } })),
        }),
      ];
      const clock = createKernelClock(device, new Array<Kernel>(ON_END).fill(kernel));
      let best = Infinity;
      for (let round = 0; round < ROUNDS; round++) {
        const encoder = device.createCommandEncoder();
        clock.record(encoder, { pipelines: fill(pipelines[0]), groups: fill(groups[0]) });
        device.queue.submit([encoder.finish()]);
        await clock.collect();
        best = Math.min(best, clock.timings().at(-1)!.totalMs);
      }
      clock.destroy();
      const problem = await device.popErrorScope();
      if (problem !== null) throw new Error(problem.message);
      const error = await worstError(buffers[2], numbers, { sizes, transA, transB, dtype });
      const tflops = (2 * batch * M * K * N) / best / 1e9;
      parts.push(
        `${name} ${tflops.toFixed(1)}${error > (kind === 'f16' ? 2e-3 : 1e-5) ? ` WRONG ${error.toExponential(1)}` : ''}`,
      );
    } catch (error) {
      parts.push(`${name} failed: ${(error as Error).message.slice(0, 200)}`);
    }
  }
  for (const buffer of buffers) buffer.destroy();
  console.log(`${kind} ${batch > 1 ? `${batch} x ` : ''}${M}x${K}x${N} ${form} TFLOP/s: ${parts.join(', ')}`);
}

/** As many random numbers as the largest operand has, and some more. */
function randomTensor(dtype: Dtype): Tensor {
  let known = randoms.get(dtype);
  if (known === undefined) {
    const count = Math.max(...SHAPES.map(({ M, K, N, batch }) => batch * K * Math.max(M, N))) + 1024;
    const stream = streamFromId('products', 1);
    const data = Float32Array.from({ length: count }, (_, i) => uniformAt(stream, i) - 0.5);
    known = castTensor({ dtype: 'float32', shape: [count], data }, dtype);
    randoms.set(dtype, known);
  }
  return known;
}

function slice({ dtype, data }: Tensor, count: number, side: number): Tensor {
  return { dtype, shape: [count], data: data.slice(side * 1000, side * 1000 + count) as Float32Array };
}

/** Largest error of some elements, relative to √K / 12: the spread of a sum of K products. */
async function worstError(
  buffer: GPUBuffer,
  [a, b]: readonly ArrayLike<number>[],
  {
    sizes: { M, N, K, batch },
    transA,
    transB,
    dtype,
  }: { sizes: ProductPrim['sizes']; transA: boolean; transB: boolean; dtype: Dtype },
): Promise<number> {
  const staging = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  const data = dtype === 'float16' ? new Uint16Array(bytes) : new Float32Array(bytes);
  const found = numbersFromTensor({ dtype, shape: [data.length], data });
  const stream = streamFromId('products/checked', 1);
  let worst = 0;
  for (let i = 0; i < CHECKED; i++) {
    const at = Math.floor(uniformAt(stream, i) * batch * M * N);
    const [slab, row, column] = [Math.floor(at / (M * N)), Math.floor(at / N) % M, at % N];
    let sum = 0;
    for (let k = 0; k < K; k++) {
      const left = slab * M * K + (transA ? k * M + row : row * K + k);
      const right = slab * K * N + (transB ? column * K + k : k * N + column);
      sum += a[left] * b[right];
    }
    const error = Math.abs(found[at] - sum) / (Math.sqrt(K) / 12);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}
