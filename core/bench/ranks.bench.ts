/** Ranks: all-reduce of 64 MiB against a plain copy of 64 MiB, and a graph cut at collectives against the same uncut. */
import { median } from '../src/base/index.ts';
import { createGraphBuilder, type Graph, type GraphValue } from '../src/graph/index.ts';
import { createMesh, launchRanks } from '../src/ranks/index.ts';
import { createTensor } from '../src/tensor/index.ts';
import type { BenchRow } from '../src/report/index.ts';

const programs = new URL('./ranks.programs.ts', import.meta.url);
const MEBIBYTE = 2 ** 20;
const NUM_BYTES = 64 * MEBIBYTE;
const NUM_ELEMENTS = NUM_BYTES / Float32Array.BYTES_PER_ELEMENT;
const ROUNDS = 7;
const STEPS = 25;
const WIDTH = 256;
const ROWS = 256;
const BLOCKS = 8;

export async function bench(): Promise<BenchRow[]> {
  return [await benchAllReduce(2), await benchAllReduce(4), await benchCut()];
}

/** Copies and all-reduces alternate launch by launch, so that both see the same machine. */
async function benchAllReduce(numRanks: number): Promise<BenchRow> {
  const copies: number[] = [];
  const reductions: number[] = [];
  for (let repeat = 0; repeat < 3; repeat++) {
    copies.push(...timeCopies());
    const { results } = await launchRanks<number[]>({
      mesh: createMesh({ dp: numRanks }),
      module: programs,
      entry: 'timeAllReduce',
      params: { numElements: NUM_ELEMENTS, rounds: ROUNDS },
    });
    // The first rounds map fresh memory.
    for (let round = 2; round < ROUNDS; round++) reductions.push(Math.max(...results.map((times) => times[round]!)));
  }
  const ours = median(reductions);
  const peer = median(copies);
  return {
    name: `all-reduce of 64 MiB f32 over ${numRanks} ranks`,
    ours,
    peer,
    unit: 'ms',
    ratio: peer / ours,
    note: `peer: one plain copy of 64 MiB; an all-reduce takes the time of ${(ours / peer).toFixed(1)} copies`,
  };
}

function timeCopies(): number[] {
  const source = new Float32Array(NUM_ELEMENTS).fill(1);
  const target = new Float32Array(NUM_ELEMENTS).fill(2);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    source[round] = round;
    const startMs = performance.now();
    target.set(source);
    times.push(performance.now() - startMs);
  }
  if (target[1] !== 1) throw new Error('the copy must be used');
  return times.slice(2);
}

/** One rank runs the same chain of matrix products with and without (one-member) collectives after each block. */
async function benchCut(): Promise<BenchRow> {
  const x = createTensor('float32', [ROWS, WIDTH]);
  x.data.fill(0.01);
  const { results } = await launchRanks<{ cutMs: number[]; uncutMs: number[] }>({
    mesh: createMesh({ tp: 1 }),
    module: programs,
    entry: 'timeCut',
    params: { cut: chain(true), uncut: chain(false), x, steps: STEPS },
  });
  const ours = median(results[0]!.cutMs.slice(2));
  const peer = median(results[0]!.uncutMs.slice(2));
  return {
    name: `${BLOCKS} blocks of 256×256 products, cut at ${BLOCKS} collectives`,
    ours,
    peer,
    unit: 'ms',
    ratio: peer / ours,
    note: `peer: the same graph uncut; the cut costs ${((ours - peer) / BLOCKS).toFixed(2)} ms each`,
  };
}

function chain(hasCollectives: boolean): Graph {
  const g = createGraphBuilder('chain');
  let x: GraphValue = g.input('x', 'float32', [ROWS, WIDTH]);
  for (let block = 0; block < BLOCKS; block++) {
    const weight = createTensor('float32', [WIDTH, WIDTH]);
    for (let i = 0; i < weight.data.length; i++) weight.data[i] = Math.sin(i + block) / WIDTH;
    const w = g.constant(weight);
    x = g.tanh(g.matMul(g.relu(g.matMul(x, w)), w));
    if (hasCollectives) x = g.allReduce(x, { group: 'tp', groupSize: 1 });
  }
  g.output(x, 'y');
  return g.finish();
}
