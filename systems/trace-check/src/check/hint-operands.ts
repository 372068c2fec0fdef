/** A wrong weight gradient of a linear layer whose two operands are right: which rows were multiplied with which. */
import { runsOfBox } from '../trace/box-runs.ts';
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { relativeTo } from './hint-reductions.ts';
import { fitVector } from './least-squares.ts';
import { mergeWhole } from './merge.ts';

const MAX_CHUNKS = 8;
/** Multiply-adds for the products of all pairs of chunks. */
const MAX_WORK = 2 ** 28;
const NEAR = 0.1;

export function explainOperands(
  { id, kind, tau }: Finding,
  candidate: TraceRun,
  reference: TraceRun,
): Hint | undefined {
  const fields = parseId(id);
  if (kind !== 'wgrad' || fields.microBatch === undefined) return undefined;
  const module = fields.module.replace(/\.weight$/, '');
  const operand = (name: 'in' | 'dout'): Float32Array | undefined => {
    const own = formatId({ ...fields, kind: name, module });
    const [cand, ref] = [candidate.tensors.get(own), reference.tensors.get(own)];
    if (!cand || !ref) return undefined;
    const factor = name === 'dout' ? reference.info.lossFactor / candidate.info.lossFactor : 1;
    const expected = mergeWhole(ref).data;
    return relativeTo(mergeWhole(cand).data, expected, factor) <= tau ? expected : undefined;
  };
  const [input, gradient] = [operand('in'), operand('dout')];
  if (!input || !gradient) return undefined;
  const said = 'input and outgoing gradient of this module are right, their product is not';
  const pairs = pairsOfChunks(id, candidate, reference, { input, gradient, tau });
  return {
    kind: 'operands',
    text: `${said}: ${pairs ?? 'look at the buffers that the product reads, and when'}`,
  };
}

/** Fits the first rank's part of the gradient by products of every chunk of rows with every other. */
function pairsOfChunks(
  id: string,
  candidate: TraceRun,
  reference: TraceRun,
  { input, gradient, tau }: { input: Float32Array; gradient: Float32Array; tau: number },
): string | undefined {
  const { global, shards } = candidate.tensors.get(id)!;
  const [outer, inner] = global;
  const numChunks = candidate.info.mesh.axes.find(({ name }) => name === 'tp')?.size ?? 1;
  const rows = input.length / inner;
  if (global.length !== 2 || numChunks < 2 || numChunks > MAX_CHUNKS || rows % numChunks !== 0) return undefined;
  if (gradient.length !== rows * outer || rows * numChunks * outer * inner > MAX_WORK) return undefined;
  const [shard] = shards;
  const own = new Float32Array(shard.entry.local.reduce((total, size) => total * size, 1));
  shard.read(0, own.length, own, 0);
  const scale = reference.info.lossFactor / candidate.info.lossFactor;
  const held = shard.entry.boxes.flatMap((box) => elementsOf(runsOfBox(box, global, shard.entry.local, id)));
  const actual = Float64Array.from(held, ([, local]) => own[local] * scale);
  const basis: Float64Array[] = [];
  for (let i = 0; i < numChunks; i++)
    for (let j = 0; j < numChunks; j++) {
      const product = productOfRows(gradient, input, { outer, inner, count: rows / numChunks, from: [i, j] });
      basis.push(Float64Array.from(held, ([logical]) => product[logical]));
    }
  const fit = fitVector(actual, basis);
  if (!fit || fit.residual > Math.max(2 * tau, NEAR)) return undefined;
  const texts: string[] = [];
  for (let i = 0; i < numChunks; i++) {
    const row = fit.coefficients.slice(i * numChunks, (i + 1) * numChunks);
    const met = row.findIndex((c) => Math.abs(c - 1) <= NEAR);
    if (row.some((c, j) => Math.abs(c - (j === met ? 1 : 0)) > NEAR)) return undefined;
    if (met !== i) texts.push(`${i} met chunk ${met < 0 ? 'none' : met}`);
  }
  return texts.length === 0
    ? undefined
    : `on rank ${shard.rank}, of ${numChunks} chunks of the sequence, gradient chunk ${texts.join(', ')} of the input, a buffer that was overwritten`;
}

/** Pairs of logical and local index. */
function elementsOf({ starts, locals, length }: ReturnType<typeof runsOfBox>): [number, number][] {
  const pairs: [number, number][] = [];
  for (let r = 0; r < starts.length; r++) for (let i = 0; i < length; i++) pairs.push([starts[r] + i, locals[r] + i]);
  return pairs;
}

function productOfRows(
  g: Float32Array,
  x: Float32Array,
  { outer, inner, count, from }: { outer: number; inner: number; count: number; from: readonly [number, number] },
): Float64Array {
  const product = new Float64Array(outer * inner);
  for (let r = 0; r < count; r++)
    for (let o = 0; o < outer; o++) {
      const factor = g[(from[0] * count + r) * outer + o];
      const at = (from[1] * count + r) * inner;
      for (let i = 0; i < inner; i++) product[o * inner + i] += factor * x[at + i];
    }
  return product;
}
