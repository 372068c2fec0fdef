/** Graphs that several tests share. */
import type { Rng } from '@tenfold/core/base';
import type { OpKind, OpRole, OverlapGraph, OverlapOp } from '../src/types.ts';

/** Backward pass of a dense layer above a mixture-of-experts layer. */
export function backwardExample(): OverlapGraph {
  const text = `dLoss:2 | L2.ffn2.dX:3[dLoss] L2.ffn2.dW:3[dLoss] L2.ffn1.dX:3[L2.ffn2.dX] L2.ffn1.dW:3[L2.ffn2.dX]
    L2.attn.dX:5[L2.ffn1.dX] L2.attn.dW:4[L2.ffn1.dX] L1.gather.dX:1[L2.attn.dX] L1.a2a_c:8[L1.gather.dX]
    L1.exp2.dX:2[L1.a2a_c] L1.exp2.dW:2[L1.a2a_c] L1.exp1.dX:2[L1.exp2.dX] L1.exp1.dW:2[L1.exp2.dX]
    L1.a2a_d:8[L1.exp1.dX] L1.gate.dX:1[L1.a2a_d] L1.gate.dW:1[L1.a2a_d] L1.attn.dX:5[L1.gate.dX] L1.attn.dW:4[L1.gate.dX]`;
  const ops = [...text.matchAll(/([\w.]+):(\d+)(?:\[([\w.]+)\])?/g)].map(([, id, ms, dep]): OverlapOp => {
    const isA2a = id!.includes('a2a');
    return {
      id: id!,
      kind: isA2a ? 'a2a' : 'compute',
      role: id!.endsWith('dW') ? 'dW' : 'dX',
      ins: dep ? [dep] : [],
      outs: [id!],
      timeMs: Number(ms),
      ...(isA2a ? { moe: { layer: 1, part: 'a2a' as const } } : {}),
    };
  });
  return { name: 'worked example', gate: 'switch', ops, tensors: {}, batch: 1 };
}

/** Operations in a random graph; about a fifth are all-to-alls, a third weight gradients. */
export function randomDag(rng: Rng, numOps: number): OverlapGraph {
  const ops = Array.from({ length: numOps }, (_, index): OverlapOp => {
    const dice = rng.uniform();
    const kind: OpKind = dice < 0.2 ? 'a2a' : dice > 0.97 ? 'allreduce' : 'compute';
    const role: OpRole = kind === 'compute' && dice < 0.55 ? 'dW' : 'dX';
    const ins = Array.from({ length: Math.min(index, rng.integer(3)) }, () => `t${rng.integer(index)}`);
    return {
      id: `op${index}`,
      kind,
      role,
      ins,
      outs: [`t${index}`],
      timeMs: 1 + rng.integer(9),
      ...(kind === 'a2a' ? { moe: { layer: 0, part: 'a2a' as const } } : {}),
    };
  });
  return { name: 'random', gate: 'switch', ops, tensors: {}, batch: 1 };
}
