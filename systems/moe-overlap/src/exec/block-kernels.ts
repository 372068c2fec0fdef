/** What the block's operations compute. Attention is softmax(x xᵀ/√C) x with an output projection; a weight gradient is
 *  an operation of its own and needs only what its dX needs. */
import { routeFrom, routeParts } from '../capacity-passing.ts';
import { NEEDS_WHOLE_BATCH, type GateInput } from '../gates.ts';
import { numLayers, type BlockSizes } from './block-graph.ts';
import {
  activate,
  activateBackward,
  addOuterProducts,
  like,
  multiplyRows,
  multiplyRowsTransposed,
  softmaxRows,
  type Floats,
} from './matrices.ts';
import { numRows, type Buffer, type Places, type Rows } from './values.ts';

export interface KernelInput {
  readonly sizes: BlockSizes;
  readonly layer: number;
  readonly part: number;
  readonly of: number;
  rows(name: string): Rows;
  buffer(name: string): Buffer;
  places(name: string): Places;
  weight(name: string): Floats;
  /** [experts] rows used by the parts before; encode adds its own. */
  readonly used: Int32Array;
}

type Made = Readonly<Record<string, Rows | Buffer | Places>>;
type Kernel = (input: KernelInput) => Made;

const rowsOf = (data: Floats, width: number): Rows => ({ kind: 'rows', data, width });

function product(x: Rows | Buffer, w: Floats, n: number): Floats {
  const y = like(x.data, numRows(x) * n);
  multiplyRows(y, x.data, w, { first: 0, end: numRows(x), k: x.width, n });
  return y;
}

function productTransposed(d: Rows | Buffer, w: Floats, k: number): Floats {
  const y = like(d.data, numRows(d) * k);
  multiplyRowsTransposed(y, d.data, w, { first: 0, end: numRows(d), k, n: d.width });
  return y;
}

function outer(x: Rows, d: Rows): Rows {
  const g = like(x.data, x.width * d.width);
  addOuterProducts(g, x.data, d.data, { first: 0, end: numRows(x), k: x.width, n: d.width });
  return rowsOf(g, d.width);
}

function sum(a: Floats, b: Floats): Floats {
  const y = like(a, a.length);
  for (let i = 0; i < a.length; i++) y[i] = a[i]! + b[i]!;
  return y;
}

/** Slots behind the exchange: for every source, every local expert. */
function forEachSlot(
  { counts }: Buffer,
  expertsPerRank: number,
  visit: (localExpert: number, first: number, end: number) => void,
): void {
  let first = 0;
  counts.forEach((count, slot) => {
    visit(slot % expertsPerRank, first, first + count);
    first += count;
  });
}

function expertProduct(x: Buffer, w: Floats, n: number, { expertsPerRank }: BlockSizes): Buffer {
  const data = like(x.data, numRows(x) * n);
  forEachSlot(x, expertsPerRank, (expert, first, end) =>
    multiplyRows(data, x.data, w, { first, end, k: x.width, n, wOffset: expert * x.width * n }),
  );
  return { ...x, data, width: n };
}

function expertProductTransposed(d: Buffer, w: Floats, k: number, { expertsPerRank }: BlockSizes): Buffer {
  const data = like(d.data, numRows(d) * k);
  forEachSlot(d, expertsPerRank, (expert, first, end) =>
    multiplyRowsTransposed(data, d.data, w, { first, end, k, n: d.width, wOffset: expert * k * d.width }),
  );
  return { ...d, data, width: k };
}

function expertOuter(x: Buffer, d: Buffer, { expertsPerRank }: BlockSizes): Rows {
  const size = x.width * d.width;
  const g = like(x.data, expertsPerRank * size);
  forEachSlot(x, expertsPerRank, (expert, first, end) =>
    addOuterProducts(g, x.data, d.data, { first, end, k: x.width, n: d.width, gOffset: expert * size }),
  );
  return rowsOf(g, d.width);
}

/** First row of every slot. */
function slotStarts(counts: Int32Array): Int32Array {
  const starts = new Int32Array(counts.length);
  for (let slot = 1; slot < counts.length; slot++) starts[slot] = starts[slot - 1]! + counts[slot - 1]!;
  return starts;
}

const KERNELS: Readonly<Record<string, Kernel>> = {
  attn: ({ sizes: { seq, hidden }, layer, rows }) => {
    const x = rows(`x${layer}`).data;
    const probs = like(x, (x.length / hidden) * seq);
    const mixed = like(x, x.length);
    const scale = 1 / Math.sqrt(hidden);
    for (let at = 0, p = 0; at < x.length; at += seq * hidden, p += seq * seq) {
      const own = x.subarray(at, at + seq * hidden);
      const scores = probs.subarray(p, p + seq * seq);
      multiplyRowsTransposed(scores, own, own, { first: 0, end: seq, k: seq, n: hidden });
      for (let i = 0; i < scores.length; i++) scores[i]! *= scale;
      softmaxRows(scores, seq);
      multiplyRows(mixed.subarray(at, at + seq * hidden), scores, own, { first: 0, end: seq, k: seq, n: hidden });
    }
    return { [`${layer}.mixed`]: rowsOf(mixed, hidden), [`${layer}.probs`]: rowsOf(probs, seq) };
  },
  proj: ({ sizes: { hidden }, layer, rows, weight }) => {
    const y = product(rows(`${layer}.mixed`), weight(`w.${layer}.o`), hidden);
    return { [`${layer}.h`]: rowsOf(sum(y, rows(`x${layer}`).data), hidden) };
  },
  fc1: ({ sizes: { inner }, layer, rows, weight }) => {
    const a = product(rows(`${layer}.h`), weight(`w.${layer}.fc1`), inner);
    return { [`${layer}.a`]: rowsOf(a, inner), [`${layer}.g`]: rowsOf(activate(a), inner) };
  },
  fc2: ({ sizes: { hidden }, layer, rows, weight }) => {
    const y = product(rows(`${layer}.g`), weight(`w.${layer}.fc2`), hidden);
    return { [`x${layer + 1}`]: rowsOf(sum(y, rows(`${layer}.h`).data), hidden) };
  },
  gate: ({ sizes: { numRanks, expertsPerRank }, layer, rows, weight }) => {
    const experts = numRanks * expertsPerRank;
    const logits = product(rows(`${layer}.h`), weight(`w.${layer}.gate`), experts);
    softmaxRows(logits, experts);
    return { [`${layer}.gates`]: rowsOf(logits, experts) };
  },
  encode: (input) => encode(input),
  exp1: ({ sizes, layer, buffer, weight }) => {
    const a = expertProduct(buffer(`${layer}.got`), weight(`w.${layer}.fc1`), sizes.inner, sizes);
    return { [`${layer}.ea`]: a, [`${layer}.eg`]: { ...a, data: activate(a.data) } };
  },
  exp2: ({ sizes, layer, buffer, weight }) => ({
    [`${layer}.done`]: expertProduct(buffer(`${layer}.eg`), weight(`w.${layer}.fc2`), sizes.hidden, sizes),
  }),
  decode: ({ sizes: { hidden }, layer, rows, buffer, places }) => {
    const h = rows(`${layer}.h`).data;
    const gates = rows(`${layer}.gates`);
    const { data, counts } = buffer(`${layer}.back`);
    const { expert, place } = places(`${layer}.places`);
    const starts = slotStarts(counts);
    const y = h.slice();
    place.forEach((at, token) => {
      if (at < 0) return;
      const e = expert[token]!;
      const weight = gates.data[token * gates.width + e]!;
      const from = (starts[e]! + at) * hidden;
      for (let c = 0; c < hidden; c++) y[token * hidden + c]! += weight * data[from + c]!;
    });
    return { [`x${layer + 1}`]: rowsOf(y, hidden) };
  },
  'fc2.dX': (input) => {
    const { sizes, layer, rows, weight } = input;
    const d = productTransposed(rows(dyOf(layer, sizes)), weight(`w.${layer}.fc2`), sizes.inner);
    return { [`d.${layer}.a`]: rowsOf(activateBackward(rows(`${layer}.a`).data, d), sizes.inner) };
  },
  'fc2.dW': ({ sizes, layer, rows }) => ({ [`g.${layer}.fc2`]: outer(rows(`${layer}.g`), rows(dyOf(layer, sizes))) }),
  'fc1.dX': ({ sizes, layer, rows, weight }) => {
    const { hidden } = sizes;
    const d = productTransposed(rows(`d.${layer}.a`), weight(`w.${layer}.fc1`), hidden);
    return { [`d.${layer}.h`]: rowsOf(sum(d, rows(dyOf(layer, sizes)).data), hidden) };
  },
  'fc1.dW': ({ layer, rows }) => ({ [`g.${layer}.fc1`]: outer(rows(`${layer}.h`), rows(`d.${layer}.a`)) }),
  'decode.dX': ({ sizes, layer, rows, buffer, places }) => {
    const { hidden } = sizes;
    const dy = rows(dyOf(layer, sizes)).data;
    const gates = rows(`${layer}.gates`);
    const { expert, place } = places(`${layer}.places`);
    const back = buffer(`${layer}.back`);
    const starts = slotStarts(back.counts);
    const data = like(dy, back.data.length);
    const dWeight = like(dy, place.length);
    place.forEach((at, token) => {
      if (at < 0) return;
      const e = expert[token]!;
      const weight = gates.data[token * gates.width + e]!;
      const to = (starts[e]! + at) * hidden;
      let dot = 0;
      for (let c = 0; c < hidden; c++) {
        data[to + c] = weight * dy[token * hidden + c]!;
        dot += dy[token * hidden + c]! * back.data[to + c]!;
      }
      dWeight[token] = dot;
    });
    return { [`d.${layer}.back`]: { ...back, data }, [`d.${layer}.weight`]: rowsOf(dWeight, 1) };
  },
  'exp2.dX': ({ sizes, layer, buffer, weight }) => {
    const d = expertProductTransposed(buffer(`d.${layer}.done`), weight(`w.${layer}.fc2`), sizes.inner, sizes);
    return { [`d.${layer}.ea`]: { ...d, data: activateBackward(buffer(`${layer}.ea`).data, d.data) } };
  },
  'exp2.dW': ({ sizes, layer, buffer }) => ({
    [`g.${layer}.fc2`]: expertOuter(buffer(`${layer}.eg`), buffer(`d.${layer}.done`), sizes),
  }),
  'exp1.dX': ({ sizes, layer, buffer, weight }) => ({
    [`d.${layer}.got`]: expertProductTransposed(buffer(`d.${layer}.ea`), weight(`w.${layer}.fc1`), sizes.hidden, sizes),
  }),
  'exp1.dW': ({ sizes, layer, buffer }) => ({
    [`g.${layer}.fc1`]: expertOuter(buffer(`${layer}.got`), buffer(`d.${layer}.ea`), sizes),
  }),
  'gate.dX': ({ layer, rows, places }) => {
    const gates = rows(`${layer}.gates`);
    const dWeight = rows(`d.${layer}.weight`).data;
    const { expert } = places(`${layer}.places`);
    const d = like(gates.data, gates.data.length);
    for (let token = 0; token < expert.length; token++) {
      const at = token * gates.width;
      const chosen = gates.data[at + expert[token]!]!;
      for (let e = 0; e < gates.width; e++) {
        d[at + e] = dWeight[token]! * chosen * ((e === expert[token] ? 1 : 0) - gates.data[at + e]!);
      }
    }
    return { [`d.${layer}.logits`]: rowsOf(d, gates.width) };
  },
  'gate.dW': ({ layer, rows }) => ({ [`g.${layer}.gate`]: outer(rows(`${layer}.h`), rows(`d.${layer}.logits`)) }),
  'encode.dX': ({ sizes, layer, rows, buffer, places, weight }) => {
    const { hidden } = sizes;
    const { expert, place } = places(`${layer}.places`);
    const sent = buffer(`d.${layer}.sent`);
    const starts = slotStarts(sent.counts);
    const d = sum(
      productTransposed(rows(`d.${layer}.logits`), weight(`w.${layer}.gate`), hidden),
      rows(dyOf(layer, sizes)).data,
    );
    place.forEach((at, token) => {
      if (at < 0) return;
      const from = (starts[expert[token]!]! + at) * hidden;
      for (let c = 0; c < hidden; c++) d[token * hidden + c]! += sent.data[from + c]!;
    });
    return { [`d.${layer}.h`]: rowsOf(d, hidden) };
  },
  'proj.dX': ({ sizes: { hidden }, layer, rows, weight }) => ({
    [`d.${layer}.mixed`]: rowsOf(productTransposed(rows(`d.${layer}.h`), weight(`w.${layer}.o`), hidden), hidden),
  }),
  'proj.dW': ({ layer, rows }) => ({ [`g.${layer}.o`]: outer(rows(`${layer}.mixed`), rows(`d.${layer}.h`)) }),
  'attn.dX': ({ sizes: { seq, hidden }, layer, rows }) => {
    const x = rows(`x${layer}`).data;
    const probs = rows(`${layer}.probs`).data;
    const dMixed = rows(`d.${layer}.mixed`).data;
    const dx = rows(`d.${layer}.h`).data.slice();
    const scale = 1 / Math.sqrt(hidden);
    for (let at = 0, p = 0; at < x.length; at += seq * hidden, p += seq * seq) {
      const range = { first: 0, end: seq, k: seq, n: hidden };
      const own = x.subarray(at, at + seq * hidden);
      const out = dx.subarray(at, at + seq * hidden);
      const d = dMixed.subarray(at, at + seq * hidden);
      const own_probs = probs.subarray(p, p + seq * seq);
      const dScores = like(x, seq * seq);
      multiplyRowsTransposed(dScores, d, own, range);
      for (let row = 0; row < seq; row++) {
        let dot = 0;
        for (let j = 0; j < seq; j++) dot += dScores[row * seq + j]! * own_probs[row * seq + j]!;
        for (let j = 0; j < seq; j++)
          dScores[row * seq + j] = own_probs[row * seq + j]! * (dScores[row * seq + j]! - dot) * scale;
      }
      addOuterProducts(out, own_probs, d, range);
      multiplyRows(out, dScores, own, range);
      addOuterProducts(out, dScores, own, range);
    }
    return { [`d.x${layer}`]: rowsOf(dx, hidden) };
  },
};

/** Kernel of `<layer>.<name>`. */
export function runKernel(id: string, input: KernelInput): Made {
  const kernel = KERNELS[id.slice(id.indexOf('.') + 1)];
  if (!kernel) throw new Error(`runKernel: no kernel for "${id}"`);
  return kernel(input);
}

function dyOf(layer: number, sizes: BlockSizes): string {
  return layer === numLayers(sizes) - 1 ? 'dy' : `d.x${layer + 1}`;
}

function encode({ sizes, layer, part, of, rows, used }: KernelInput): Made {
  const { hidden, numRanks, expertsPerRank, capacity, gate } = sizes;
  const numExperts = numRanks * expertsPerRank;
  const gates = rows(`${layer}.gates`);
  const h = rows(`${layer}.h`);
  // A gate that needs the whole batch is handed it and makes its part; others go on from what is used.
  const isWholeGiven = of > 1 && NEEDS_WHOLE_BATCH[gate];
  const firstId = isWholeGiven ? 0 : part * numRows(gates);
  const input: GateInput = {
    gate,
    numTokens: numRows(gates),
    numExperts,
    capacity,
    scores: Float64Array.from(gates.data),
    tokenIds: Int32Array.from({ length: numRows(gates) }, (_, index) => firstId + index),
  };
  const routing = isWholeGiven ? routeParts(input, of)[part]! : routeFrom(input, used);
  const firstToken = isWholeGiven ? (part * numRows(gates)) / of : 0;
  const starts = slotStarts(routing.count);
  const data = like(h.data, routing.count.reduce((all, count) => all + count, 0) * hidden);
  const { expert, place } = routing;
  place.forEach((at, index) => {
    if (at < 0) return;
    const from = (firstToken + index) * hidden;
    data.set(h.data.subarray(from, from + hidden), (starts[expert[index]!]! + at) * hidden);
  });
  return {
    [`${layer}.places`]: { kind: 'places', expert, place, counts: routing.count },
    [`${layer}.sent`]: { kind: 'buffer', data, width: hidden, counts: routing.count },
  };
}
