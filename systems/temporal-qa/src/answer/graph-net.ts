/** The heterogeneous graph network of the answering stage: evidence nodes and answer nodes pass messages that the
 *  question attends. Built on core/nn, so that one definition trains and answers.
 *
 *  Per layer l, with s the question, A the adjacency:
 *    α_i = softmax_i((W_a ev_i)·s),  w_ij = α_i A_ij / Σ_i α_i A_ij,  ent_j ← ReLU(W_b Σ_i w_ij ev_i + ent_j)
 *    β_j = softmax_j((W_c ent_j)·s), v_ji likewise,                   ev_i ← ReLU(W_d Σ_j v_ji ent_j + ev_i)
 *  and p(ent_j) = softmax_j((W_e ent_j)·s), p(ev_i) = softmax_i((W_f ev_i)·s).
 *  Source: EXPLAIGNN (arXiv 2305.01548) as used by FAITH (arXiv 2402.15400).
 *  Differs: nodes start from features of the pipeline instead of a language model; the log-linear ranker does the
 *  first reduction; an edge carries how well the slot fits. */
import { f32, linear, type InputSpec, type LossFunction, type Model } from '@tenfold/core/nn';
import { ITEM_FEATURES, type EvidenceGraph, type RankInput } from './evidence-graph.ts';
import { linearScore, shippedWeights, type RankWeights } from './rank.ts';

export const MAX_GRAPH_ITEMS = 24;
export const MAX_GRAPH_CANDIDATES = 32;
const WIDTH = 32;
const NUM_LAYERS = 3;
const SIGNALS = ['BEFORE', 'AFTER', 'OVERLAP', 'START', 'FINISH'] as const;
const ASKED = ['person', 'place', 'entity', 'other', 'number'] as const;
const NUM_QUESTION = SIGNALS.length + ASKED.length + 2;
const NUM_CANDIDATE = 5;
/** Keeps padded nodes out of a softmax. */
const MASKED = -1e4;
const EPSILON = 1e-6;
/** Weights of the losses on answers and on evidence. */
const ANSWER_SHARE = 0.5;

export function graphInputs(batch: number): Record<string, InputSpec> {
  return {
    items: f32(batch, MAX_GRAPH_ITEMS, ITEM_FEATURES.length),
    candidates: f32(batch, MAX_GRAPH_CANDIDATES, NUM_CANDIDATE),
    question: f32(batch, NUM_QUESTION),
    edges: f32(batch, MAX_GRAPH_CANDIDATES, MAX_GRAPH_ITEMS),
    itemMask: f32(batch, MAX_GRAPH_ITEMS),
    candidateMask: f32(batch, MAX_GRAPH_CANDIDATES),
  };
}

export const graphNet: Model = {
  name: 'evidence-graph',
  forward(net, inputs) {
    const { g } = net;
    const { edges, question } = inputs as Record<string, NonNullable<(typeof inputs)[string]>>;
    const batch = edges!.shape[0]!;
    const s = g.reshape(g.tanh(linear(net, 'question', question!, WIDTH)), [batch, 1, WIDTH]); // [B, 1, D]
    const padding = (mask: string) => g.mul(g.sub(1, inputs[mask]!), MASKED);
    const itemPad = padding('itemMask'); // [B, E]
    const candidatePad = padding('candidateMask'); // [B, A]
    const back = g.transpose(edges!, [0, 2, 1]); // [B, E, A]
    let items = g.relu(linear(net, 'items', inputs['items']!, WIDTH)); // [B, E, D]
    let candidates = g.relu(linear(net, 'candidates', inputs['candidates']!, WIDTH)); // [B, A, D]
    const attend = (name: string, nodes: typeof items, pad: typeof itemPad) =>
      g.add(g.reduceSum(g.mul(linear(net, name, nodes, WIDTH, { bias: false }), s), { axes: [2] }), pad);
    const gather = (adjacency: typeof items, weights: typeof itemPad, nodes: typeof items) => {
      const weighted = g.mul(adjacency, g.unsqueeze(weights, [1]));
      const total = g.add(g.reduceSum(weighted, { axes: [2], keepdims: true }), EPSILON);
      return g.matMul(g.div(weighted, total), nodes);
    };
    for (let layer = 0; layer < NUM_LAYERS; layer++) {
      net.in(`layers.${layer}`, () => {
        const alpha = g.softmax(attend('a', items, itemPad), -1);
        const toCandidates = linear(net, 'b', gather(edges!, alpha, items), WIDTH, { bias: false });
        candidates = g.relu(g.add(toCandidates, candidates));
        const beta = g.softmax(attend('c', candidates, candidatePad), -1);
        const toItems = linear(net, 'd', gather(back, beta, candidates), WIDTH, { bias: false });
        items = g.relu(g.add(toItems, items));
      });
    }
    return { answers: attend('e', candidates, candidatePad), evidence: attend('f', items, itemPad) };
  },
};

/** Cross-entropy against the right candidates and against the evidence that holds one of them. */
export const graphLoss: LossFunction = ({ g, outputs, inputs }) => {
  const term = (logits: 'answers' | 'evidence', targets: string) =>
    g.neg(g.reduceMean(g.reduceSum(g.mul(g.logSoftmax(outputs[logits]!, -1), inputs[targets]!), { axes: [1] })));
  return g.add(
    g.mul(term('answers', 'rightCandidates'), ANSWER_SHARE),
    g.mul(term('evidence', 'rightItems'), 1 - ANSWER_SHARE),
  );
};

export interface GraphRow {
  readonly items: Float32Array;
  readonly candidates: Float32Array;
  readonly question: Float32Array;
  readonly edges: Float32Array;
  readonly itemMask: Float32Array;
  readonly candidateMask: Float32Array;
  /** Which candidates and items of the graph stand in which place. */
  readonly candidateAt: readonly number[];
  readonly itemAt: readonly number[];
}

/** The part of a graph that fits the network: the best candidates of the log-linear model and their evidence. */
export function rowOfGraph(graph: EvidenceGraph, input: RankInput, weights: RankWeights = shippedWeights()): GraphRow {
  const scores = graph.candidates.map((candidate) => linearScore(graph, candidate, weights));
  const order = graph.candidates.map((_, index) => index).toSorted((a, b) => scores[b]!.score - scores[a]!.score);
  const candidateAt = order.slice(0, MAX_GRAPH_CANDIDATES);
  const itemAt: number[] = [];
  const placeOf = new Map<number, number>();
  // best edges first, so that every leading candidate keeps its best evidence
  const take = (item: number) => {
    if (placeOf.has(item) || itemAt.length >= MAX_GRAPH_ITEMS) return;
    placeOf.set(item, itemAt.length);
    itemAt.push(item);
  };
  for (const index of candidateAt) take(graph.candidates[index]!.edges[scores[index]!.best]!.item);
  for (const index of candidateAt) for (const edge of graph.candidates[index]!.edges) take(edge.item);
  const row: GraphRow = {
    items: new Float32Array(MAX_GRAPH_ITEMS * ITEM_FEATURES.length),
    candidates: new Float32Array(MAX_GRAPH_CANDIDATES * NUM_CANDIDATE),
    question: questionFeatures(input),
    edges: new Float32Array(MAX_GRAPH_CANDIDATES * MAX_GRAPH_ITEMS),
    itemMask: new Float32Array(MAX_GRAPH_ITEMS),
    candidateMask: new Float32Array(MAX_GRAPH_CANDIDATES),
    candidateAt,
    itemAt,
  };
  itemAt.forEach((item, place) => {
    row.items.set(graph.features[item]!, place * ITEM_FEATURES.length);
    row.itemMask[place] = 1;
  });
  const top = candidateAt.length > 0 ? scores[candidateAt[0]!]!.score : 0;
  candidateAt.forEach((index, place) => {
    const { edges } = graph.candidates[index]!;
    const fits = edges.map((edge) => edge.fit);
    row.candidates.set(
      [
        Math.max(...fits),
        fits.reduce((a, b) => a + b, 0) / fits.length,
        Math.log(edges.length),
        scores[index]!.score - top,
        Number(place === 0),
      ],
      place * NUM_CANDIDATE,
    );
    row.candidateMask[place] = 1;
    for (const { item, fit } of edges) {
      const at = placeOf.get(item);
      if (at !== undefined) row.edges[place * MAX_GRAPH_ITEMS + at] = Math.exp(fit);
    }
  });
  return row;
}

function questionFeatures({ frame, signal, constraint }: RankInput): Float32Array {
  const asked = ASKED.find((known) => known === frame.answerType) ?? 'other';
  return Float32Array.from([
    ...SIGNALS.map((known) => Number(known === signal)),
    ...ASKED.map((known) => Number(known === asked)),
    Number(constraint.length > 0),
    Number(frame.isPlural),
  ]);
}

/** Rows stacked to the tensors that the network reads. */
export function feedsOfRows(rows: readonly GraphRow[]) {
  const stack = (pick: (row: GraphRow) => Float32Array, ...rest: number[]) => {
    const width = rest.reduce((a, b) => a * b, 1);
    const data = new Float32Array(rows.length * width);
    rows.forEach((row, index) => data.set(pick(row), index * width));
    return { dtype: 'float32' as const, shape: [rows.length, ...rest], data };
  };
  return {
    items: stack((row) => row.items, MAX_GRAPH_ITEMS, ITEM_FEATURES.length),
    candidates: stack((row) => row.candidates, MAX_GRAPH_CANDIDATES, NUM_CANDIDATE),
    question: stack((row) => row.question, NUM_QUESTION),
    edges: stack((row) => row.edges, MAX_GRAPH_CANDIDATES, MAX_GRAPH_ITEMS),
    itemMask: stack((row) => row.itemMask, MAX_GRAPH_ITEMS),
    candidateMask: stack((row) => row.candidateMask, MAX_GRAPH_CANDIDATES),
  };
}
