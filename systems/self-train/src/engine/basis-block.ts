/** The block that reads class bases out of the features of a batch.
 *
 *  Keys κ_n = W_k f_n and learned queries q_k over features f_n [N, d]:
 *  a_kn = softmax_n(q_k·κ_n/√d_a),  μ_k = Σ_n a_kn f_n,  r_nk = softmax_k(f_n·μ_k/(‖μ_k‖τ)),  f̂_n = Σ_k r_nk μ_k.
 *  The structure (features, classifier, attention that reads bases, orthogonality) is the paper's (arXiv 2405.01175);
 *  the form is ours. */
import { linear, normal, zeros } from '@tenfold/core/nn';
import type { Net } from '@tenfold/core/nn';
import type { GraphBuilder, GraphValue } from '@tenfold/core/graph';

/** Weight of the old bases in the moving average over batches. */
const BASIS_MOMENTUM = 0.9;
const MAX_KEY_WIDTH = 64;
const NORM_EPSILON = 1e-6;

export interface BasisBlock {
  readonly [name: string]: GraphValue;
  readonly bases: GraphValue;
  readonly reconstruction: GraphValue;
  readonly assignment: GraphValue;
}

/** Declares `att.query`, `att.key.weight` and the buffer `att.bases`, and builds the block. */
export function basisBlock(net: Net, features: GraphValue, numBases: number): BasisBlock {
  return net.in('att', () => {
    const width = features.shape[1];
    const keyWidth = Math.min(MAX_KEY_WIDTH, width);
    const keys = linear(net, 'key', features, keyWidth, { bias: false });
    const queries = net.parameter('query', [numBases, keyWidth], normal(1));
    const block = readBases(net.g, features, keys, queries);
    const kept = net.buffer('bases', [numBases, width], zeros);
    const average = net.g.add(
      net.g.mul(kept, BASIS_MOMENTUM),
      net.g.mul(net.g.stopGradient(block.bases), 1 - BASIS_MOMENTUM),
    );
    net.updateBuffer('bases', average);
    return block;
  });
}

/** The block without its parameters. @param keys  [N, d_a] @param queries  [K, d_a] */
export function readBases(g: GraphBuilder, features: GraphValue, keys: GraphValue, queries: GraphValue): BasisBlock {
  const keyWidth = queries.shape[1];
  const scores = g.mul(g.gemm(queries, keys, undefined, { transB: 1 }), 1 / Math.sqrt(keyWidth)); // [K, N]
  const bases = g.matMul(g.softmax(scores, 1), features); // [K, d]
  const assignment = g.softmax(g.gemm(features, normalisedRows(g, bases), undefined, { transB: 1 }), 1); // [N, K], τ = 1
  return { bases, assignment, reconstruction: g.matMul(assignment, bases) };
}

/** max(0, ‖M̂M̂ᵀ − I‖² − Welch) / K² with rows of length one: 0 where the bases are as orthogonal as d allows.
 *  Welch: K²/d − K for K > d (more bases than dimensions cannot be orthogonal), else 0. */
export function orthogonalityLoss(g: GraphBuilder, bases: GraphValue): GraphValue {
  const [numBases, width] = bases.shape as [number, number];
  const unit = normalisedRows(g, bases);
  const gram = g.gemm(unit, unit, undefined, { transB: 1 }); // [K, K], ones on the diagonal
  // The diagonal is one, so ‖G − I‖² = ‖G‖² − Σ_k G_kk².
  const diagonal = g.reduceSum(g.square(unit), { axes: [1] });
  const off = g.sub(g.reduceSum(g.square(gram)), g.reduceSum(g.square(diagonal)));
  const welch = numBases > width ? (numBases * numBases) / width - numBases : 0;
  const excess = welch === 0 ? off : g.relu(g.sub(off, welch));
  return g.mul(excess, 1 / (numBases * numBases));
}

function normalisedRows(g: GraphBuilder, rows: GraphValue): GraphValue {
  const norm = g.sqrt(g.add(g.reduceSum(g.square(rows), { axes: [1], keepdims: true }), NORM_EPSILON));
  return g.div(rows, norm);
}
