/** Strategies by column generation beside one linear program over all quorums, in the same run. */
import loadHighs from 'highs';
import type { Highs } from 'highs';
import { median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { majority } from '../src/quorum/expression.ts';
import { plainNodes } from '../src/quorum/nodes.ts';
import { optimalStrategy } from '../src/quorum/strategy.ts';
import type { QuorumNode } from '../src/quorum/types.ts';

const REPEATS = 3;
const READ_FRACTION = 0.75;
const LISTED_SIZE = 15;

export async function bench(): Promise<BenchRow[]> {
  const highs = await (loadHighs as unknown as () => Promise<Highs>)();
  const rows: BenchRow[] = [];
  const equal = plainNodes(Array.from({ length: LISTED_SIZE }, (_, x) => `n${x}`));
  const mixed = mixedNodes(LISTED_SIZE);
  for (const [name, nodes] of [
    ['majority of 15, equal nodes, against all 6,435 quorums at once', equal],
    ['majority of 15, mixed capacities, against all 6,435 quorums at once', mixed],
  ] as const) {
    const ours = await medianRun(async () => (await ownLoad(nodes)).value);
    const peer = await medianRun(async () => allQuorumsLoad(highs, nodes));
    if (Math.abs(ours.value - peer.value) > 1e-7 * peer.value)
      throw new Error(`${name}: ${ours.value} and ${peer.value} differ`);
    rows.push({
      name,
      ours: ours.ms,
      peer: peer.ms,
      unit: 'ms',
      ratio: peer.ms / ours.ms,
      note: 'ours with exact certificate, gap 0',
    });
  }
  // Beyond 15 the list of quorums is out of reach (10^14 for 51 nodes): the target time stands in for a peer.
  for (const [size, targetMs] of [
    [15, 300],
    [51, 1000],
    [101, 2000],
  ] as const) {
    const nodes = plainNodes(Array.from({ length: size }, (_, x) => `n${x}`));
    const { ms, gap } = await medianWithGap(nodes);
    rows.push({
      name: `majority of ${size}, equal nodes, against the target`,
      ours: ms,
      peer: targetMs,
      unit: 'ms',
      ratio: targetMs / ms,
      note: `gap ${gap}; peer column is the target`,
    });
  }
  return rows;
}

function mixedNodes(size: number): QuorumNode[] {
  return Array.from({ length: size }, (_, x) => ({
    id: `n${x}`,
    readCapacity: 1000 + 37 * ((7 * x) % 13),
    writeCapacity: 500 + 11 * ((5 * x) % 17),
    latencyMs: 1,
  }));
}

async function ownLoad(nodes: readonly QuorumNode[]): Promise<{ value: number; gap: string }> {
  const system = majority(nodes.map((node) => node.id));
  const strategy = await optimalStrategy({ nodes, reads: system, writes: system }, [
    { readFraction: READ_FRACTION, probability: 1 },
  ]);
  if (strategy.gap.num !== 0n) throw new Error('the certificate has a gap');
  return { value: strategy.metrics.load, gap: String(strategy.gap.num) };
}

/** One program with a column for every majority, as LP data; no certificate. */
function allQuorumsLoad(highs: Highs, nodes: readonly QuorumNode[]): number {
  const n = nodes.length;
  const quorums = combinations(n, Math.floor(n / 2) + 1);
  const unit = Math.max(...nodes.map((node) => node.readCapacity));
  const starts = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (const side of [0, 1])
    for (const members of quorums) {
      for (const x of members) {
        const node = nodes[x]!;
        indices.push(x);
        values.push(unit * (side === 0 ? READ_FRACTION / node.readCapacity : (1 - READ_FRACTION) / node.writeCapacity));
      }
      indices.push(n + side);
      values.push(1);
      starts.push(indices.length);
    }
  for (let x = 0; x < n; x++) {
    indices.push(x);
    values.push(-1);
  }
  starts.push(indices.length);
  const numCols = 2 * quorums.length + 1;
  const inf = highs.infinity;
  return highs.withModel(
    {
      numCols,
      numRows: n + 2,
      colCost: Float64Array.from({ length: numCols }, (_, c) => (c === numCols - 1 ? 1 : 0)),
      colLower: new Float64Array(numCols),
      colUpper: new Float64Array(numCols).fill(inf),
      rowLower: [...Array<number>(n).fill(-inf), 1, 1],
      rowUpper: [...Array<number>(n).fill(0), 1, 1],
      matrix: { format: 'csc', numRows: n + 2, numCols, starts, indices, values },
    },
    (model) => {
      model.options.set({ output_flag: false });
      model.run();
      return model.getObjectiveValue() / unit;
    },
  );
}

function combinations(n: number, k: number): number[][] {
  const found: number[][] = [];
  const grow = (set: number[], next: number): void => {
    if (set.length === k) found.push(set);
    else for (let x = next; x <= n - (k - set.length); x++) grow([...set, x], x + 1);
  };
  grow([], 0);
  return found;
}

async function medianRun(work: () => Promise<number>): Promise<{ ms: number; value: number }> {
  const times: number[] = [];
  let value = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = performance.now();
    value = await work();
    times.push(performance.now() - start);
  }
  return { ms: median(times), value };
}

async function medianWithGap(nodes: readonly QuorumNode[]): Promise<{ ms: number; gap: string }> {
  let gap = '';
  const { ms } = await medianRun(async () => {
    const own = await ownLoad(nodes);
    gap = own.gap;
    return own.value;
  });
  return { ms, gap };
}
