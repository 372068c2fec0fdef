/** The network that is run for real: dense, mixture-of-experts and dense layer, forward and backward, as a graph whose
 *  operations block-kernels.ts knows. Tensors are [B, T, C]; weights are named `w.<layer>.<name>`. */
import { NEEDS_WHOLE_BATCH } from '../gates.ts';
import type { MoePart, OverlapGraph, OverlapOp, TensorInfo } from '../types.ts';

/** Gates with one expert per token, which the kernels know. */
export type BlockGate = 'switch' | 'bpr' | 'hash';

export interface BlockSizes {
  /** Per worker. */
  readonly batch: number;
  readonly seq: number;
  readonly hidden: number;
  readonly inner: number;
  readonly numRanks: number;
  readonly expertsPerRank: number;
  readonly capacity: number;
  readonly gate: BlockGate;
  /** Attention heads of the runner. */
  readonly heads?: number;
  /** Default 3. Every second layer, from layer 1 on, has experts. */
  readonly layers?: number;
  /** Attention with query, key and value weights of its own (runner on PyTorch). Default false. */
  readonly hasQkv?: boolean;
}

const DEFAULT_LAYERS = 3;

export const numLayers = ({ layers = DEFAULT_LAYERS }: BlockSizes): number => layers;
export const isMoeLayer = (layer: number): boolean => layer % 2 === 1;

export function blockGraph(sizes: BlockSizes): OverlapGraph {
  const { batch, seq, hidden, inner, numRanks, expertsPerRank, capacity, gate, hasQkv = false } = sizes;
  const layers = numLayers(sizes);
  const tokens = batch * seq;
  const experts = numRanks * expertsPerRank;
  const tensors: Record<string, TensorInfo> = {
    x0: { shape: [batch, seq, hidden] },
    dy: { shape: [batch, seq, hidden] },
  };
  const ops: OverlapOp[] = [];
  const matrix = (k: number, n: number): number => 2 * tokens * k * n;
  const flopsOf: Readonly<Record<string, number>> = {
    attn: 4 * tokens * seq * hidden + (hasQkv ? matrix(hidden, 3 * hidden) : 0),
    proj: matrix(hidden, hidden),
    fc1: matrix(hidden, inner),
    fc2: matrix(inner, hidden),
    gate: matrix(hidden, experts),
    exp1: matrix(hidden, inner),
    exp2: matrix(inner, hidden),
  };
  const add = (
    id: string,
    ins: readonly string[],
    outs: Readonly<Record<string, TensorInfo>>,
    more: Partial<OverlapOp> = {},
  ): void => {
    Object.assign(tensors, outs);
    for (const name of ins) if (name.startsWith('w.')) tensors[name] ??= { shape: [], isParameter: true };
    const flops = flopsOf[id.slice(id.indexOf('.') + 1).replace(/\.d[XW]$/, '')] ?? 0;
    // A dX reads and writes about what its forward operation does; attention backward is twice the products.
    const moved = 8 * tokens * hidden;
    const cost = more.kind ? {} : { flops: id.endsWith('attn.dX') ? 2 * flops : flops, movedBytes: moved };
    ops.push({ id, kind: 'compute', role: 'fwd', ins, outs: Object.keys(outs), timeMs: 0, ...cost, ...more });
  };
  const rows = (width: number): TensorInfo => ({ shape: [batch, seq, width] });
  const buffer = (width: number): TensorInfo => ({ shape: [experts, capacity, width], isDispatchBuffer: true });
  const bufferBytes = experts * capacity * hidden * 4;
  const moeOf = (layer: number) => (part: MoePart) => ({ moe: { layer, part } });
  const bySequence = { rule: 'norm', axis: 1 } as const;
  const byRow = { rule: 'norm', axis: 2 } as const;
  // Products with a residual: all operands along the first axis.
  const byToken = { rule: 'decode' } as const;

  for (let l = 0; l < layers; l++) {
    const moe = moeOf(l);
    add(
      `${l}.attn`,
      [`x${l}`, ...(hasQkv ? [`w.${l}.qkv`] : [])],
      { [`${l}.mixed`]: rows(hidden), [`${l}.probs`]: rows(seq) },
      bySequence,
    );
    add(`${l}.proj`, [`${l}.mixed`, `x${l}`, `w.${l}.o`], { [`${l}.h`]: rows(hidden) }, byToken);
    if (!isMoeLayer(l)) {
      add(`${l}.fc1`, [`${l}.h`, `w.${l}.fc1`], { [`${l}.a`]: rows(inner), [`${l}.g`]: rows(inner) }, byRow);
      add(`${l}.fc2`, [`${l}.g`, `${l}.h`, `w.${l}.fc2`], { [`x${l + 1}`]: rows(hidden) }, byToken);
      continue;
    }
    add(`${l}.gate`, [`${l}.h`, `w.${l}.gate`], { [`${l}.gates`]: rows(experts) }, { ...byRow, ...moe('gate') });
    add(
      `${l}.encode`,
      [`${l}.h`, `${l}.gates`],
      { [`${l}.places`]: { shape: [batch, seq], isPlaces: true }, [`${l}.sent`]: buffer(hidden) },
      { rule: NEEDS_WHOLE_BATCH[gate] ? 'encode-whole' : 'encode', ...moe('dispatch') },
    );
    const a2a = { kind: 'a2a', rule: 'a2a', bytes: bufferBytes, ...moe('a2a') } as const;
    add(`${l}.a2a.there`, [`${l}.sent`], { [`${l}.got`]: buffer(hidden) }, a2a);
    add(
      `${l}.exp1`,
      [`${l}.got`, `w.${l}.fc1`],
      { [`${l}.ea`]: buffer(inner), [`${l}.eg`]: buffer(inner) },
      { rule: 'expert', ...moe('expert') },
    );
    add(
      `${l}.exp2`,
      [`${l}.eg`, `w.${l}.fc2`],
      { [`${l}.done`]: buffer(hidden) },
      { rule: 'expert', ...moe('expert') },
    );
    add(`${l}.a2a.back`, [`${l}.done`], { [`${l}.back`]: buffer(hidden) }, a2a);
    add(
      `${l}.decode`,
      [`${l}.back`, `${l}.gates`, `${l}.places`, `${l}.h`],
      { [`x${l + 1}`]: rows(hidden) },
      { rule: 'decode', ...moe('gather') },
    );
  }
  const back = (id: string, ins: readonly string[], outs: readonly string[], more: Partial<OverlapOp> = {}): void =>
    add(id, ins, Object.fromEntries(outs.map((name) => [name, rows(hidden)])), {
      role: id.endsWith('.dW') ? 'dW' : 'dX',
      ...more,
    });
  for (let l = layers - 1; l >= 0; l--) {
    const moe = moeOf(l);
    const dy = l === layers - 1 ? 'dy' : `d.x${l + 1}`;
    if (!isMoeLayer(l)) {
      back(`${l}.fc2.dX`, [dy, `w.${l}.fc2`, `${l}.a`], [`d.${l}.a`]);
      back(`${l}.fc2.dW`, [dy, `${l}.g`], [`g.${l}.fc2`]);
      back(`${l}.fc1.dX`, [`d.${l}.a`, `w.${l}.fc1`, dy], [`d.${l}.h`]);
      back(`${l}.fc1.dW`, [`d.${l}.a`, `${l}.h`], [`g.${l}.fc1`]);
    } else {
      const a2a = { kind: 'a2a', bytes: bufferBytes, ...moe('a2a') } as const;
      back(`${l}.decode.dX`, [dy, `${l}.back`, `${l}.gates`, `${l}.places`], [`d.${l}.back`, `d.${l}.weight`]);
      back(`${l}.a2a.dback`, [`d.${l}.back`], [`d.${l}.done`], a2a);
      back(`${l}.exp2.dX`, [`d.${l}.done`, `w.${l}.fc2`, `${l}.ea`], [`d.${l}.ea`]);
      back(`${l}.exp2.dW`, [`d.${l}.done`, `${l}.eg`], [`g.${l}.fc2`]);
      back(`${l}.exp1.dX`, [`d.${l}.ea`, `w.${l}.fc1`], [`d.${l}.got`]);
      back(`${l}.exp1.dW`, [`d.${l}.ea`, `${l}.got`], [`g.${l}.fc1`]);
      back(`${l}.a2a.dthere`, [`d.${l}.got`], [`d.${l}.sent`], a2a);
      back(`${l}.gate.dX`, [`d.${l}.weight`, `${l}.gates`, `${l}.places`], [`d.${l}.logits`]);
      back(`${l}.gate.dW`, [`d.${l}.logits`, `${l}.h`], [`g.${l}.gate`]);
      back(`${l}.encode.dX`, [`d.${l}.sent`, `d.${l}.logits`, `w.${l}.gate`, `${l}.places`, dy], [`d.${l}.h`]);
    }
    back(`${l}.proj.dX`, [`d.${l}.h`, `w.${l}.o`], [`d.${l}.mixed`]);
    back(`${l}.proj.dW`, [`d.${l}.h`, `${l}.mixed`], [`g.${l}.o`]);
    back(
      `${l}.attn.dX`,
      [`d.${l}.mixed`, `${l}.probs`, `x${l}`, `d.${l}.h`],
      hasQkv ? [`d.x${l}`, `d.${l}.qkv`] : [`d.x${l}`],
    );
    if (hasQkv) back(`${l}.attn.dW`, [`d.${l}.qkv`, `${l}.probs`], [`g.${l}.qkv`]);
  }
  return { name: 'three-layer block', gate, ops, tensors, batch };
}
