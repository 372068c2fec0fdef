/** Copies that differ: which of them agree with the reference, and what the others are. */
import type { LogicalTensor } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { relativeTo, type VectorOf } from './hint-reductions.ts';

/** A factor explains a copy if it leaves less than this share of the error. */
const SCALE_RESIDUAL = 0.05;

/** @param scale  what the candidate is multiplied by before it is compared */
export function explainCopies(
  tensor: LogicalTensor,
  expected: ArrayLike<number>,
  { status, tau }: Finding,
  scale: number,
  vectorOf: VectorOf,
): Hint | undefined {
  if (status !== 'REPLICA_DIVERGED') return undefined;
  for (const axis of Object.keys(tensor.shards[0].coords)) {
    const indices = [...new Set(tensor.shards.map(({ coords }) => coords[axis]))].sort((a, b) => a - b);
    if (indices.length < 2) continue;
    const good: number[] = [];
    const off: string[] = [];
    for (const index of indices) {
      const { data, numUncovered } = vectorOf({
        ...tensor,
        shards: tensor.shards.filter(({ coords }) => coords[axis] === index),
      });
      if (numUncovered > 0) break;
      if (relativeTo(data, expected, scale) <= tau) good.push(index);
      else off.push(`${axis} ${index}${factorOf(data, expected, scale, tau)}`);
    }
    if (good.length === 0 || off.length === 0 || good.length + off.length < indices.length) continue;
    const agreeing = good.map((index) => `${axis} ${index}`).join(', ');
    const [agree, are] = [good.length === 1 ? 'agrees' : 'agree', off.length === 1 ? 'is' : 'are'];
    return { kind: 'copies', text: `${off.join(', ')} ${are} off; ${agreeing} ${agree} with the reference` };
  }
  return undefined;
}

/** Names the factor if the copy is the reference times one. */
function factorOf(data: ArrayLike<number>, expected: ArrayLike<number>, scale: number, tau: number): string {
  let [ab, bb] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    ab += data[i] * scale * expected[i];
    bb += expected[i] ** 2;
  }
  const alpha = ab / bb;
  if (!Number.isFinite(alpha) || alpha === 0) return '';
  const rest = relativeTo(data, expected, scale / alpha);
  return rest <= Math.max(tau, SCALE_RESIDUAL * Math.abs(alpha - 1)) ? ` (${alpha.toPrecision(3)} times it)` : '';
}
