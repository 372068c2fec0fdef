/** Affine maps and lookups. */
import type { GraphValue } from '../../graph/index.ts';
import { fanInUniform, normal } from '../initialisers.ts';
import type { Initialiser } from '../initialisers.ts';
import type { Net } from '../net.ts';
import { zeros } from '../initialisers.ts';

export interface LinearOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** Default: uniform in ±1/√in. */
  readonly init?: Initialiser;
}

/** y = x · Wᵀ + b.
 *  @param x  [..., in]
 *  @returns [..., out]; parameters `<name>.weight` [out, in] and `<name>.bias` [out] */
export function linear(net: Net, name: string, x: GraphValue, out: number, options: LinearOptions = {}): GraphValue {
  const { bias = true, init = fanInUniform } = options;
  return net.in(name, () => {
    const width = x.shape.at(-1)!;
    const weight = net.parameter('weight', [out, width], init);
    const offset = bias ? net.parameter('bias', [out], init === fanInUniform ? biasLike(width) : zeros) : undefined;
    return applyLinear(net, x, weight, offset);
  });
}

/** y = x · Wᵀ + b with given weights (tied heads). @param weight  [out, in] */
export function applyLinear(net: Net, x: GraphValue, weight: GraphValue, bias?: GraphValue): GraphValue {
  const { g } = net;
  const [out, width] = weight.shape as [number, number];
  const rows = x.shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const flat = g.reshape(x, [rows, width]); // [rows, in]: one matrix product, whatever the rank
  const y = g.gemm(flat, weight, bias, { transB: 1 });
  return g.reshape(y, [...x.shape.slice(0, -1), out]);
}

/** Rows of a table. @param ids  [...] integers @returns [..., width]; parameter `<name>.weight` [count, width] */
export function embedding(
  net: Net,
  name: string,
  ids: GraphValue,
  { count, width, init = normal(0.02) }: { count: number; width: number; init?: Initialiser },
): GraphValue {
  return net.in(name, () => net.g.gather(net.parameter('weight', [count, width], init), ids));
}

/** Uniform in ±1/√fanIn, as PyTorch starts biases. */
function biasLike(fanIn: number): Initialiser {
  return (data, _shape, stream) => fanInUniform(data, [1, fanIn], stream);
}
