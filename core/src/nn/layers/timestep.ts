/** Diffusion times as vectors: sines and cosines of geometric frequencies, then two linear layers.
 *  Source: Ho et al. 2020 (arXiv 2006.11239), appendix B; frequencies as in Vaswani et al. 2017, §3.5. */
import type { GraphValue } from '../../graph/index.ts';
import { tensorFromNumbers } from '../../graph/index.ts';
import { normal } from '../initialisers.ts';
import type { Net } from '../net.ts';
import { linear } from './linear.ts';

const LONGEST_PERIOD = 10_000;

/** @param t  [B] f32 @returns [B, width] */
export function timestepEmbedding(net: Net, t: GraphValue, width: number, frequencies = 128): GraphValue {
  const { g } = net;
  const rates = Array.from({ length: frequencies }, (_, i) => LONGEST_PERIOD ** (-i / frequencies));
  const angles = g.mul(g.reshape(t, [-1, 1]), g.constant(tensorFromNumbers('float32', rates, [1, frequencies])));
  const waves = g.cast(g.concat([g.cos(angles), g.sin(angles)], 1), net.computeDtype);
  const inner = g.silu(linear(net, 'fc1', waves, width, { init: normal(0.02) }));
  return linear(net, 'fc2', inner, width, { init: normal(0.02) });
}
