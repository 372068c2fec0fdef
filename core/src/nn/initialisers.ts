/** First values of parameters. Value i of a parameter depends on (seed, name, i) alone, so a model starts with the same
 *  bits however it is built or split. */
import { normalAt, uniformAt, streamFromId } from '../base/index.ts';
import { createTensor } from '../tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../tensor/index.ts';

/** Fills f32 data. @param stream  the parameter's own random stream.  Mutates: data. */
export type Initialiser = (data: Float32Array, shape: Shape, stream: number) => void;

export const zeros: Initialiser = (data) => void data.fill(0);
export const ones: Initialiser = (data) => void data.fill(1);

export const constant =
  (value: number): Initialiser =>
  (data) =>
    void data.fill(value);

/** Normal with mean 0 (Irwin-Hall of order 4, range ±3.46 σ). */
export const normal =
  (sigma = 0.02): Initialiser =>
  (data, _shape, stream) => {
    for (let i = 0; i < data.length; i++) data[i] = normalAt(stream, i, sigma);
  };

/** Uniform in [−bound, bound). */
export const uniform =
  (bound: number): Initialiser =>
  (data, _shape, stream) => {
    for (let i = 0; i < data.length; i++) data[i] = (2 * uniformAt(stream, i) - 1) * bound;
  };

/** Values from a function of the flat index; the stream goes to the function for random parts. */
export const fromIndex =
  (valueAt: (index: number, stream: number) => number): Initialiser =>
  (data, _shape, stream) => {
    for (let i = 0; i < data.length; i++) data[i] = valueAt(i, stream);
  };

/** σ = gain / √fanIn, normal.  Source: He et al. 2015 (arXiv 1502.01852), eq. 10; gain √2 for ReLU. */
export const heNormal =
  (gain = Math.SQRT2): Initialiser =>
  (data, shape, stream) =>
    normal(gain / Math.sqrt(fansOf(shape).fanIn))(data, shape, stream);

/** Uniform with bound √(6 / (fanIn + fanOut)).  Source: Glorot and Bengio 2010, eq. 16. */
export const xavierUniform: Initialiser = (data, shape, stream) => {
  const { fanIn, fanOut } = fansOf(shape);
  uniform(Math.sqrt(6 / (fanIn + fanOut)))(data, shape, stream);
};

/** Uniform with bound 1 / √fanIn: what PyTorch gives linear and convolution layers. */
export const fanInUniform: Initialiser = (data, shape, stream) =>
  uniform(1 / Math.sqrt(fansOf(shape).fanIn))(data, shape, stream);

/** Weights are [out, in, ...kernel]. */
function fansOf(shape: Shape): { fanIn: number; fanOut: number } {
  const [out = 1, input = out, ...kernel] = shape;
  const area = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: input * area, fanOut: out * area };
}

/** A parameter's first value. @returns a new tensor */
export function initialTensor(
  { name, dtype, shape, init }: { name: string; dtype: Dtype; shape: Shape; init: Initialiser },
  seed: number,
  encode: (tensor: Tensor<'float32'>, dtype: Dtype) => Tensor,
): Tensor {
  const tensor = createTensor('float32', shape);
  init(tensor.data, shape, streamFromId(name, seed));
  return dtype === 'float32' ? tensor : encode(tensor, dtype);
}
