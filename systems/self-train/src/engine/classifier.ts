/** The network: hidden layers with batch norm and dropout, a linear head, and the block that extracts the bases.
 *
 *  Basis block over the batch's features f_n [N, d] with keys κ_n = W_k f_n and learned queries q_k:
 *  a_kn = softmax_n(q_k·κ_n/√d_a),  μ_k = Σ_n a_kn f_n,  r_nk = softmax_k(f_n·μ_k/(‖μ_k‖τ)),  f̂_n = Σ_k r_nk μ_k.
 *  The structure (features, classifier, attention that reads bases, orthogonality) is the paper's (arXiv 2405.01175);
 *  the form is ours. */
import { batchNorm, heNormal, linear, normal, zeros } from '@tenfold/core/nn';
import type { Model, Net } from '@tenfold/core/nn';
import type { GraphBuilder, GraphValue } from '@tenfold/core/graph';

export interface ClassifierOptions {
  readonly hidden: readonly number[];
  readonly numClasses: number;
  /** Share of hidden units that training and passes with dropout leave out. */
  readonly dropout: number;
  /** Learn one basis per class beside the head. */
  readonly hasBases: boolean;
}

/** Weight of the old bases in the moving average over batches. */
const BASIS_MOMENTUM = 0.9;
const MAX_KEY_WIDTH = 64;
const NORM_EPSILON = 1e-6;

/** Name of the dropout mask of hidden layer i: an input of passes with dropout, [N, width], 0 or 1/(1−rate). */
export const maskName = (layer: number): string => `mask${layer}`;

/** Input `x` [N, in], and masks in passes with dropout; outputs `features` [N, d], `logits` [N, C]; in training with
 *  bases also `bases` [C, d], `reconstruction` [N, d], `assignment` [N, C], `basisLogits` [N, C]. */
export function classifier({ hidden, numClasses, dropout, hasBases }: ClassifierOptions): Model {
  return {
    name: 'self-train',
    forward(net, inputs) {
      const { g } = net;
      let features = inputs['x'];
      let dropped = features;
      hidden.forEach((width, i) => {
        const h = linear(net, `fc${i + 1}`, dropped, width, { init: heNormal() });
        features = g.relu(batchNorm(net, `bn${i + 1}`, h));
        const mask = inputs[maskName(i)];
        // Training draws its masks itself; passes with dropout bring theirs; evaluation has none.
        if (net.isTraining) dropped = net.dropout(features, dropout);
        else dropped = mask === undefined ? features : g.mul(features, mask);
      });
      const logits = linear(net, 'head', dropped, numClasses);
      if (!hasBases || !net.isTraining) return { features, logits };
      const block = basisBlock(net, features, numClasses);
      return { features, logits, ...block, basisLogits: linear(net, 'head', block.reconstruction, numClasses) };
    },
  };
}

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

/** ‖M̂M̂ᵀ − I‖² / K² with rows of length one: 0 where the bases are orthogonal. */
export function orthogonalityLoss(g: GraphBuilder, bases: GraphValue): GraphValue {
  const numBases = bases.shape[0];
  const unit = normalisedRows(g, bases);
  const gram = g.gemm(unit, unit, undefined, { transB: 1 }); // [K, K], ones on the diagonal
  // The diagonal is one, so ‖G − I‖² = ‖G‖² − Σ_k G_kk².
  const diagonal = g.reduceSum(g.square(unit), { axes: [1] });
  const off = g.sub(g.reduceSum(g.square(gram)), g.reduceSum(g.square(diagonal)));
  return g.mul(off, 1 / (numBases * numBases));
}

function normalisedRows(g: GraphBuilder, rows: GraphValue): GraphValue {
  const norm = g.sqrt(g.add(g.reduceSum(g.square(rows), { axes: [1], keepdims: 1 }), NORM_EPSILON));
  return g.div(rows, norm);
}
