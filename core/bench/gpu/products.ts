/** Which form of a matrix product WebGPU runs fastest: device times per kernel for the shapes of the large step.
 *  Usage: node core/bench/gpu/products.ts */
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import { openBackend } from '../../src/runtime/index.ts';
import { createTensor } from '../../src/tensor/index.ts';
import type { Dtype, Tensor } from '../../src/tensor/index.ts';

type Form = (g: GraphBuilder, a: GraphValue, b: GraphValue, at: GraphValue, bt: GraphValue) => GraphValue;

const FORMS: Readonly<Record<string, Form>> = {
  'MatMul NN': (g, a, b) => g.matMul(a, b),
  'Gemm NN': (g, a, b) => g.gemm(a, b),
  'Gemm NT': (g, a, _b, _at, bt) => g.gemm(a, bt, undefined, { transB: 1 }),
  'Gemm TN': (g, _a, b, at) => g.gemm(at, b, undefined, { transA: 1 }),
  Transpose: (g, _a, _b, _at, bt) => g.transpose(bt, [1, 0]),
};
const SHAPES = [
  [2048, 1024, 1024],
  [2048, 1024, 4096],
  [2048, 4096, 1024],
  [1024, 2048, 4096],
] as const;
const RUNS = 6;

const backend = await openBackend('webgpu');
for (const dtype of ['float32', 'float16'] as const) {
  for (const [m, k, n] of SHAPES) {
    for (const [name, form] of Object.entries(FORMS)) {
      try {
        const ms = await deviceMs(dtype, [m, k, n], form);
        const tflops = (2 * m * k * n) / ms / 1e9;
        console.log(
          `${dtype} ${m}x${k}x${n} ${name}: ${ms.toFixed(3)} ms${name === 'Transpose' ? '' : `, ${tflops.toFixed(1)} TFLOP/s`}`,
        );
      } catch (error) {
        console.log(`${dtype} ${m}x${k}x${n} ${name}: ${(error as Error).message.slice(0, 160)}`);
      }
    }
  }
}

async function deviceMs(dtype: Dtype, [m, k, n]: readonly [number, number, number], form: Form): Promise<number> {
  const g = createGraphBuilder('product');
  const feed = (name: string, shape: readonly number[]): GraphValue => g.buffer(name, shape, dtype);
  const y = form(g, feed('a', [m, k]), feed('b', [k, n]), feed('at', [k, m]), feed('bt', [n, k]));
  g.output(g.sliceAxis(y, 1, 0, 1), 'y');
  const filled = (shape: readonly number[]): Tensor => {
    const tensor = createTensor(dtype, shape);
    const one = dtype === 'float16' ? 0x2c00 : 0.0625;
    (tensor.data as Float32Array).fill(one);
    return tensor;
  };
  await using session = await backend.createSession(
    g.finish(),
    { a: filled([m, k]), b: filled([k, n]), at: filled([k, m]), bt: filled([n, k]) },
    { isProfiled: true },
  );
  for (let run = 0; run < RUNS; run++) await session.run({});
  const timing = session.profile().find(({ op }) => /MatMul|Gemm|Transpose/.test(op));
  return (timing?.totalMs ?? NaN) / (timing?.count ?? 1);
}
