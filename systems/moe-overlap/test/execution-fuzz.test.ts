import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng, type Rng } from '@tenfold/core/base';
import { evenPartCosts } from '../src/device-costs.ts';
import { blockGraph, type BlockSizes } from '../src/exec/block-graph.ts';
import { runStep, type Exchange, type StepResult } from '../src/exec/step.ts';
import type { Value } from '../src/exec/values.ts';
import { groupForward } from '../src/forward-groups.ts';
import { partitionGraph } from '../src/partition.ts';
import { priceRanges } from '../src/range-costs.ts';
import { stepOps, type StepOp } from '../src/step-ops.ts';
import type { OverlapGraph } from '../src/types.ts';

/** Operations of the block's forward pass by place; 1.encode is 7, 1.decode 12. */
const FIRST_CUTS = { switch: [0, 2, 4, 6, 7], hash: [0, 2, 4, 6, 7], bpr: [7] } as const;
const LAST_CUTS = [12, 14, 16] as const;
const ALONE: Exchange = { issue: (buffer) => ({ wait: () => buffer }) };

function randomSizes(rng: Rng, gate: BlockSizes['gate']): BlockSizes {
  const batch = [4, 8][rng.integer(2)]!;
  const seq = 3 + rng.integer(4);
  const expertsPerRank = 2 + rng.integer(3);
  const capacity = Math.max(1, Math.floor((batch * seq * (0.5 + rng.uniform())) / expertsPerRank));
  return { batch, seq, hidden: 6, inner: 8, numRanks: 1, expertsPerRank, capacity, gate };
}

function cutPlan(graph: OverlapGraph, rng: Rng, numParts: number): StepOp[] | undefined {
  const gate = graph.gate as keyof typeof FIRST_CUTS;
  const first = FIRST_CUTS[gate][rng.integer(FIRST_CUTS[gate].length)]!;
  const last = LAST_CUTS[rng.integer(LAST_CUTS.length)]!;
  const pricer = priceRanges(graph, groupForward(graph), { costs: evenPartCosts(0), maxParts: numParts });
  const found = pricer.cutRange(first, last + 1, numParts);
  if ('kind' in found) return undefined;
  const { graph: cut, notes } = partitionGraph(graph, [found]);
  return stepOps(cut.ops, notes);
}

/** Whole tensors by name: parts joined in order. */
function resultsOf({ values }: StepResult): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [name, value] of values) {
    const [bare, part] = name.split('#') as [string, string | undefined];
    const isResult = bare.startsWith('g.') || bare === 'd.x0' || bare === 'x3';
    if (!isResult || value.kind !== 'rows' || (part !== undefined && values.has(bare))) continue;
    found.set(bare, [...(found.get(bare) ?? []), ...value.data]);
  }
  return found;
}

for (const gate of ['switch', 'hash', 'bpr'] as const) {
  test(`gate ${gate}: 60 random blocks in parts give the outputs and gradients of the whole bit for bit`, () => {
    const rng = createRng(31, gate);
    let numDropped = 0;
    let numCut = 0;
    for (let round = 0; round < 60; round++) {
      const sizes = randomSizes(rng, gate);
      const graph = blockGraph(sizes);
      const written = stepOps(graph.ops, new Map());
      const cut = cutPlan(graph, rng, [2, 4][rng.integer(2)]!);
      assert.ok(cut, 'every chosen range can be cut');
      numCut += cut.some(({ of }) => of > 1) ? 1 : 0;
      const { hidden: h, inner: f, expertsPerRank: e } = sizes;
      const floats = (length: number, shift = 0) => Float32Array.from({ length }, () => rng.normal() + shift);
      const weights = new Map(
        [0, 1, 2].flatMap((l) => {
          const copies = l === 1 ? e : 1;
          const own: [string, Float32Array][] = [
            [`w.${l}.o`, floats(h * h)],
            [`w.${l}.fc1`, floats(copies * h * f)],
            [`w.${l}.fc2`, floats(copies * f * h)],
          ];
          return l === 1 ? [...own, ['w.1.gate', floats(h * e)] as [string, Float32Array]] : own;
        }),
      );
      const tokens = sizes.batch * sizes.seq;
      const inputs = new Map<string, Value>([
        ['x0', { kind: 'rows', width: h, data: floats(tokens * h, rng.uniform()) }],
        ['dy', { kind: 'rows', width: h, data: floats(tokens * h) }],
      ]);
      const step = (ops: readonly StepOp[]) =>
        runStep({ ops, sizes, weights, inputs, exchange: ALONE, nowMs: () => 0 });
      const whole = step(written);
      assert.deepEqual(resultsOf(step(cut)), resultsOf(whole));
      assert.equal(resultsOf(whole).size, 12);
      const places = whole.values.get('1.places')!;
      if (places.kind === 'places' && places.place.some((place) => place < 0)) numDropped++;
    }
    assert.equal(numCut, 60);
    assert.ok(numDropped > 20, `${numDropped} with drops`);
  });
}
