/** The peer of the transformer bench: the same training step written for @jax-js/jax (WebAssembly backend). */
import { init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import type { Array as JaxArray } from '@jax-js/jax';

export interface TransformerSize {
  readonly vocabulary: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly batch: number;
  readonly length: number;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
const WEIGHT_DECAY = 0.01;

/** Per layer: two norms (scale, bias), q k v proj and the two of the hidden layer (weight, bias). */
const PER_LAYER = 16;

/** @returns a function that makes one update and returns its loss */
export async function createJaxTransformer(
  size: TransformerSize,
  tokens: Int32Array,
  targets: Int32Array,
): Promise<() => Promise<number>> {
  await init('wasm');
  const { vocabulary, width, layers, heads, batch, length } = size;
  const rows = batch * length;
  const shapes: number[][] = [[vocabulary, width], [length, width], [width], [width]];
  for (let layer = 0; layer < layers; layer++) {
    shapes.push([width], [width]);
    for (let i = 0; i < 4; i++) shapes.push([width, width], [width]);
    shapes.push([width], [width], [width, 4 * width], [4 * width], [4 * width, width], [width]);
  }
  const filled = (shape: number[], index: number): JaxArray => {
    const count = shape.reduce((product, n) => product * n, 1);
    const data = new Float32Array(count);
    // A fixed spread of small numbers: values do not matter for time.
    if (shape.length === 2)
      for (let i = 0; i < count; i++) data[i] = 0.04 * (((i * 7919 + index * 104_729) % 1000) / 1000 - 0.5);
    return np.array(data).reshape(shape);
  };
  let params = shapes.map(filled);
  let m = shapes.map((shape) => np.zeros(shape));
  let v = shapes.map((shape) => np.zeros(shape));

  const norm = (x: JaxArray, scale: JaxArray, bias: JaxArray): JaxArray =>
    nn.standardize(x, -1).mul(scale.add(1)).add(bias);
  const dense = (x: JaxArray, w: JaxArray, b: JaxArray): JaxArray => np.matmul(x, w).add(b);
  const loss = (p: JaxArray[], oneHotTokens: JaxArray, oneHotTargets: JaxArray): JaxArray => {
    const [wte, wpe, lastScale, lastBias] = p;
    let x = np.matmul(oneHotTokens, wte.ref).reshape([batch, length, width]).add(wpe).reshape([rows, width]);
    for (let layer = 0; layer < layers; layer++) {
      const q = p.slice(4 + layer * PER_LAYER, 4 + (layer + 1) * PER_LAYER);
      const h = norm(x.ref, q[0], q[1]);
      const split = (w: JaxArray, b: JaxArray, input: JaxArray): JaxArray =>
        dense(input, w, b).reshape([batch, length, heads, width / heads]);
      const attended = nn.dotProductAttention(
        split(q[2], q[3], h.ref),
        split(q[4], q[5], h.ref),
        split(q[6], q[7], h),
        {
          isCausal: true,
        },
      );
      x = x.add(dense(attended.reshape([rows, width]), q[8], q[9]));
      const inner = nn.gelu(dense(norm(x.ref, q[10], q[11]), q[12], q[13]));
      x = x.add(dense(inner, q[14], q[15]));
    }
    const logits = np.matmul(norm(x, lastScale, lastBias), np.transpose(wte));
    return nn
      .logSoftmax(logits, -1)
      .mul(oneHotTargets)
      .sum()
      .mul(-1 / rows);
  };
  const gradient = jit(valueAndGrad(loss) as never) as unknown as (
    p: JaxArray[],
    a: JaxArray,
    b: JaxArray,
  ) => [JaxArray, JaxArray[]];
  const update = jit(((p: JaxArray, g: JaxArray, mm: JaxArray, vv: JaxArray, scalars: JaxArray[]) => {
    const [alpha, epsilon, keep] = scalars;
    const nextM = mm.mul(BETA1).add(g.ref.mul(1 - BETA1));
    const nextV = vv.mul(BETA2).add(g.ref.mul(g).mul(1 - BETA2));
    const change = nextM.ref.div(np.sqrt(nextV.ref).add(epsilon)).mul(alpha);
    return [p.mul(keep).sub(change), nextM, nextV];
  }) as never) as unknown as (...values: unknown[]) => [JaxArray, JaxArray, JaxArray];

  const oneHotTokens = nn.oneHot(np.array(tokens as Int32Array<ArrayBuffer>, { dtype: np.int32 }), vocabulary);
  const oneHotTargets = nn.oneHot(np.array(targets as Int32Array<ArrayBuffer>, { dtype: np.int32 }), vocabulary);
  let step = 0;
  return async () => {
    const [value, gradients] = gradient(
      params.map((p) => p.ref),
      oneHotTokens.ref,
      oneHotTargets.ref,
    );
    step++;
    const correction = Math.sqrt(1 - BETA2 ** step);
    const scalars = [(1e-3 * correction) / (1 - BETA1 ** step), EPSILON * correction, 1 - 1e-3 * WEIGHT_DECAY];
    const next = params.map((p, i) =>
      update(
        p,
        gradients[i],
        m[i],
        v[i],
        scalars.map((s) => np.array(s)),
      ),
    );
    params = next.map(([p]) => p);
    m = next.map(([, mm]) => mm);
    v = next.map(([, , vv]) => vv);
    for (const array of [...params, ...m, ...v]) await array.blockUntilReady();
    return Number(await value.jsAsync());
  };
}
