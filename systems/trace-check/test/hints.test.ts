/** Causes are named only where the values fit them, and faults that look alike are told apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalAt } from '@tenfold/core/base';
import {
  checkInvariants,
  checkTrace,
  estimateTolerance,
  mutateRun,
  perturbedComparisons,
  triangulate,
  type Hint,
  type RunInfo,
  type TraceRun,
} from '../src/index.ts';
import { traceOf, type HeldTensor } from './made-traces.ts';

const noise = (stream: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => normalAt(stream, i));
const hold = (data: Float32Array, id: string, global: readonly number[], rank = 0): HeldTensor => ({
  rank,
  id,
  global,
  data,
});
const single = (held: readonly HeldTensor[], info: Partial<RunInfo> = {}): TraceRun =>
  traceOf({ axes: { dp: 1 }, held, info });
const shaken = (held: readonly HeldTensor[], by = 1e-6): TraceRun =>
  single(
    held.map((tensor, k) => ({
      ...tensor,
      data: tensor.data.map((v, i) => v * (1 + by * Math.sign(normalAt(70 + k, i)))),
    })),
    { role: 'perturbed', perturbation: { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 } },
  );
const OUT = 'it0/mb0/out/decoder.layers.0.mlp';

function hintsOf(reference: readonly HeldTensor[], candidate: TraceRun, id: string): readonly Hint[] {
  const result = checkTrace({ reference: single(reference), candidate, perturbed: [shaken(reference)] });
  return result.findings.find((finding) => finding.id === id)!.hints;
}

test('a transposed buffer is called a layout, a random tensor is called nothing', () => {
  const data = noise(1, 96);
  const transposed = Float32Array.from(data, (_, i) => data[(i % 8) * 12 + Math.floor(i / 8)]);
  const reference = [hold(data, OUT, [8, 12])];
  const [hint] = hintsOf(reference, single([hold(transposed, OUT, [8, 12])]), OUT);
  assert.equal(hint.kind, 'layout');
  assert.match(hint.text, /dimensions 0 and 1 of \[8, 12\] exchanged/);
  assert.deepEqual(hintsOf(reference, single([hold(noise(9, 96), OUT, [8, 12])]), OUT), []);
});

test('axes of equal size are both named, and a sum made twice is told from a missing divisor', () => {
  const id = 'it0/main_grad/decoder.final_layernorm.weight';
  const data = noise(2, 16);
  const doubled = data.map((v) => 2 * v);
  const copies = (axes: Readonly<Record<string, number>>): TraceRun =>
    traceOf({
      axes,
      held: Array.from({ length: Object.values(axes).reduce((a, b) => a * b, 1) }, (_, rank) =>
        hold(doubled, id, [16], rank),
      ),
    });
  const both = hintsOf([hold(data, id, [16])], copies({ tp: 2, cp: 2 }), id);
  assert.match(both[0].text, /factor 2\.00: ×TP or ×CP too large/);
  assert.deepEqual(
    both.map(({ kind }) => kind),
    ['scale', 'reduced-twice'],
  );
  const half = hintsOf(
    [hold(doubled, id, [16])],
    traceOf({ axes: { tp: 3 }, held: [0, 1, 2].map((rank) => hold(data, id, [16], rank)) }),
    id,
  );
  assert.match(half[0].text, /factor 0\.500: ×2 too small/);
});

test('a stale micro-batch and a rounded tensor are named', () => {
  const [first, second] = [noise(3, 2048), noise(4, 2048)];
  const ids = ['it0/mb0/out/decoder.layers.0.mlp', 'it0/mb1/out/decoder.layers.0.mlp'];
  const reference = [hold(first, ids[0], [512, 4]), hold(second, ids[1], [512, 4])];
  const stale = hintsOf(reference, single([reference[0], hold(first, ids[1], [512, 4])]), ids[1]);
  assert.match(stale[0].text, /stale: equals it0\/mb0\/out/);
  const rounded = first.map((v) => {
    const step = 2 ** (Math.floor(Math.log2(Math.abs(v))) - 7);
    return Math.round(v / step) * step;
  });
  const precision = hintsOf(reference, single([hold(rounded, ids[0], [512, 4]), reference[1]]), ids[0]);
  assert.ok(
    precision.some(({ text }) => /BF16 rounding/.test(text)),
    JSON.stringify(precision),
  );
});

test('the first wrong module is the earliest in the step, not the worst', () => {
  const module = (index: number): string => `it0/mb0/out/decoder.layers.${index}.mlp`;
  const reference = [0, 1, 2, 3].map((i) => hold(noise(10 + i, 64), module(i), [16, 4]));
  const candidate = reference.map((tensor, i) => ({
    ...tensor,
    data: tensor.data.map((v, j) => (i < 1 ? v : v * (1 + i * 1e-3 * Math.sign(normalAt(40 + i, j))))),
  }));
  const result = checkTrace({
    reference: single(reference),
    candidate: single(candidate),
    perturbed: [shaken(reference)],
  });
  assert.equal(result.culprit!.module, 'decoder.layers.1.mlp');
  const rels = result.findings.map(({ rel }) => rel);
  assert.ok(rels[3] > rels[1], 'later ones are worse');
});

test('forward evidence comes before backward evidence, and clean passes need both', () => {
  const ids = ['it0/mb0/out/decoder.layers.3.mlp', 'it0/mb0/dout/decoder.layers.0.mlp', 'it0/main_grad/w'];
  const reference = ids.map((id, i) => hold(noise(20 + i, 64), id, [16, 4]));
  const wrongIn = (...wrong: number[]): TraceRun =>
    single(reference.map((tensor, i) => (wrong.includes(i) ? { ...tensor, data: noise(90 + i, 64) } : tensor)));
  const columnOf = (candidate: TraceRun) =>
    checkTrace({ reference: single(reference), candidate, perturbed: [shaken(reference)] }).culprit?.column;
  assert.equal(columnOf(wrongIn(0, 1, 2)), 'forward');
  assert.equal(columnOf(wrongIn(1, 2)), 'backward');
  assert.equal(columnOf(wrongIn(2)), 'main_grad');
  assert.equal(columnOf(wrongIn()), undefined);
});

test('a layer on two stages breaks the census, with and without a reference', () => {
  const id = (layer: number): string => `it0/param/decoder.layers.${layer}.mlp.weight`;
  const weight = (layer: number, rank: number): HeldTensor => hold(noise(30 + layer, 16), id(layer), [16], rank);
  const info = { numLayers: 3 };
  const doubled = traceOf({ axes: { pp: 2 }, held: [weight(0, 0), weight(1, 0), weight(1, 1), weight(2, 1)], info });
  const reference = single([weight(0, 0), weight(1, 0), weight(2, 0)], info);
  const result = checkTrace({ reference, candidate: doubled });
  assert.equal(result.culprit!.column, 'census');
  assert.match(result.text, /Layer 1 runs on two pipeline stages/);
  assert.deepEqual(
    checkInvariants(doubled).violations.map(({ text }) => text),
    ['two pipeline stages own this layer'],
  );
  const lost = traceOf({ axes: { pp: 2 }, held: [weight(0, 0), weight(2, 1)], info });
  assert.match(checkInvariants(lost).violations[0].text, /no rank owns this layer/);
});

test('a parameter that has a gradient and does not move, and a tied copy that drifts, break their rules', () => {
  const names = ['param', 'param_next', 'main_grad'] as const;
  const held = names.map((kind) => hold(noise(5, 16), `it0/${kind}/embedding.weight`, [16]));
  const head = names.map((kind) => hold(noise(kind === 'param_next' ? 6 : 5, 16), `it0/${kind}/head.weight`, [16]));
  const run = single([...held, ...head], { tied: [['embedding.weight', 'head.weight']] });
  const { violations, checked } = checkInvariants(run);
  assert.deepEqual(violations.map(({ rule, id }) => `${rule} ${id}`).toSorted(), [
    'tied it0/param_next/embedding.weight',
    'unchanged it0/delta/embedding.weight',
  ]);
  assert.equal(checked.tied, 2);
});

test('where both runs are off the third says so, and where it cannot decide it says that', () => {
  const data = noise(7, 64);
  const off = (by: number, stream: number): TraceRun =>
    single([
      hold(
        data.map((v, i) => v * (1 + by * Math.sign(normalAt(stream, i)))),
        OUT,
        [16, 4],
      ),
    ]);
  const oracle = off(0, 1);
  assert.equal(triangulate(off(0.1, 2), off(0.1, 3), oracle).suspect, 'both');
  const undecided = triangulate(off(0.1, 2), off(0.04, 3), oracle);
  assert.equal(undecided.suspect, 'both', 'neither is three times closer');
  assert.equal(triangulate(off(0.1, 2), off(0.001, 3), oracle).suspect, 'a');
  assert.equal(triangulate(off(1e-7, 2), off(1e-7, 3), oracle).rows.length, 0);
});

test('the report of mutate is about real faults: what is caught fails a check, what is missed passes it', () => {
  const reference = [hold(noise(8, 256), OUT, [64, 4])];
  const perturbed = shaken(reference, 0.05);
  const tolerances = estimateTolerance('float32', perturbedComparisons(single(reference), [perturbed]));
  const rows = mutateRun(single(reference), tolerances);
  const row = rows.find(({ fault }) => fault === 'one-row')!;
  assert.deepEqual([row.numTried, row.numCaught, row.missedIn], [1, 0, OUT], 'one row of 64 hides below 15 %');
  const zeroed = reference[0].data.map((v, i) => (Math.floor(i / 4) === 32 ? 0 : v));
  const check = (data: Float32Array) =>
    checkTrace({ reference: single(reference), candidate: single([hold(data, OUT, [64, 4])]), perturbed: [perturbed] });
  assert.equal(check(zeroed).verdict, 'pass');
  assert.equal(rows.find(({ fault }) => fault === 'scale-2')!.numCaught, 1);
  assert.equal(check(reference[0].data.map((v) => 2 * v)).verdict, 'divergence');
});
