/** The Mamba-2 block: projection, short causal convolution, state-space recurrence, gated norm, projection.
 *  Source: Dao and Gu 2024 (arXiv 2405.21060), §7; parameter names as in the authors' code. */
import { uniformAt } from '../../base/index.ts';
import type { GraphValue } from '../../graph/index.ts';
import { fanInUniform, fromIndex, ones } from '../initialisers.ts';
import type { Initialiser } from '../initialisers.ts';
import type { Net } from '../net.ts';
import { linear } from './linear.ts';
import { rmsNorm } from './norm.ts';
import { stateSpaceScan } from './state-space.ts';

export interface Mamba2Options {
  readonly batch: number;
  /** Inner width is expand · C; default 2. */
  readonly expand?: number;
  /** P, width of a head; default 64. */
  readonly headWidth?: number;
  /** N, width of the state; default 64. */
  readonly stateWidth?: number;
  /** Taps of the convolution; default 4. */
  readonly convWidth?: number;
  readonly chunk?: number;
  readonly init?: Initialiser;
  readonly outInit?: Initialiser;
  /** State before the first position; default: nothing came before. */
  readonly past?: RecurrentState;
}

/** Everything a block carries from one position to the next. */
export interface RecurrentState {
  /** Last inputs of the convolution, [B, convWidth − 1, inner + 2N] */
  readonly conv: GraphValue;
  /** [B, H, P, N] */
  readonly ssm: GraphValue;
}

/** Sizes that follow from the options, for callers that allocate states. */
export function mamba2Sizes(width: number, options: Omit<Mamba2Options, 'batch' | 'past'>) {
  const { expand = 2, headWidth = 64, stateWidth = 64, convWidth = 4 } = options;
  const inner = expand * width;
  return { inner, heads: inner / headWidth, headWidth, stateWidth, convWidth, convChannels: inner + 2 * stateWidth };
}

/** Range of Δ at the start, as in the paper's code. */
const DELTA_MIN = 1e-3;
const DELTA_MAX = 0.1;
const A_MAX = 16;
const NORM_EPSILON = 1e-5;

/** @param x  [B·T, C] @returns y [B·T, C] and the state after the last position */
export function mamba2(net: Net, x: GraphValue, options: Mamba2Options): { y: GraphValue; next: RecurrentState } {
  const { g } = net;
  const { batch, past, chunk } = options;
  const [rows, width] = x.shape as [number, number];
  const length = rows / batch;
  const { inner, heads, headWidth, stateWidth, convWidth, convChannels } = mamba2Sizes(width, options);
  const plain = { bias: false, ...(options.init === undefined ? {} : { init: options.init }) };

  const projected = linear(net, 'in_proj', x, inner + convChannels + heads, plain);
  const [z, mixed, deltaRaw] = g.split(projected, [inner, convChannels, heads], 1);
  const convolved = causalConv(net, g.reshape(mixed, [batch, length, convChannels]), convWidth, past?.conv);
  const [xPart, bPart, cPart] = g.split(g.silu(convolved.y), [inner, stateWidth, stateWidth], 2);

  const aLog = net.parameter(
    'A_log',
    [heads],
    fromIndex((i, stream) => Math.log(1 + (A_MAX - 1) * uniformAt(stream, i))),
  );
  const deltaBias = net.parameter('dt_bias', [heads], fromIndex(deltaBiasAt));
  const skip = net.parameter('D', [heads], ones);
  const delta = g.softplus(g.add(g.reshape(deltaRaw, [batch, length, heads]), deltaBias));
  const perHead = g.reshape(xPart, [batch, length, heads, headWidth]);
  const { y, final } = stateSpaceScan(g, {
    x: perHead,
    delta,
    a: g.neg(g.exp(aLog)),
    b: bPart,
    c: cPart,
    ...(past === undefined ? {} : { initial: past.ssm }),
    ...(chunk === undefined ? {} : { chunk }),
  });
  const withSkip = g.add(y, g.mul(perHead, g.reshape(skip, [heads, 1])));
  const gated = g.mul(g.reshape(withSkip, [rows, inner]), g.silu(z));
  const normed = rmsNorm(net, 'norm', gated, NORM_EPSILON);
  const outInit = options.outInit ?? options.init;
  const out = linear(net, 'out_proj', normed, width, {
    bias: false,
    ...(outInit === undefined ? {} : { init: outInit }),
  });
  return { y: out, next: { conv: convolved.next, ssm: final } };
}

/** Depthwise causal convolution over T as a sum of shifted products.
 *  @param x  [B, T, C] @returns y [B, T, C] and the last K − 1 inputs [B, K − 1, C] */
function causalConv(net: Net, x: GraphValue, taps: number, past: GraphValue | undefined) {
  const { g } = net;
  const [batch, length, channels] = x.shape as [number, number, number];
  return net.in('conv1d', () => {
    const weight = net.parameter('weight', [channels, 1, taps], convInit);
    const bias = net.parameter('bias', [channels], (data, _shape, stream) => fanInUniform(data, [1, taps], stream));
    const before = past ?? g.full([batch, taps - 1, channels], 0, x.dtype);
    const padded = g.concat([before, x], 1); // [B, T + K − 1, C]
    const byTap = g.transpose(g.reshape(weight, [channels, taps])); // [K, C]
    let y: GraphValue = bias;
    for (let tap = 0; tap < taps; tap++) {
      y = g.add(y, g.mul(g.sliceAxis(padded, 1, tap, tap + length), g.sliceAxis(byTap, 0, tap, tap + 1)));
    }
    return { y, next: g.sliceAxis(padded, 1, length, length + taps - 1) };
  });
}

/** Uniform in ±1/√K: each channel sees K inputs. */
const convInit: Initialiser = (data, shape, stream) => fanInUniform(data, [shape[0], shape[2]], stream);

/** Inverse softplus of a Δ that is log-uniform in [DELTA_MIN, DELTA_MAX]. */
function deltaBiasAt(index: number, stream: number): number {
  const delta = Math.exp(Math.log(DELTA_MIN) + uniformAt(stream, index) * Math.log(DELTA_MAX / DELTA_MIN));
  return delta + Math.log(-Math.expm1(-delta));
}
