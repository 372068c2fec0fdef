/** Faults of one rank: whose copy is off, which micro-batches, dropout of another seed, gradients that were not cleared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalAt } from '@tenfold/core/base';
import { checkTrace, generateTokens, type CheckResult, type RunInfo, type TraceRun } from '../src/index.ts';
import { traceOf, type HeldTensor } from './made-traces.ts';

const N = 128;
const values = (seed: number): Float32Array => Float32Array.from({ length: N }, (_, i) => normalAt(seed, i));
const x = values(1);
const times = (data: Float32Array, factor: number): Float32Array => data.map((v) => factor * v);
const held = (id: string, data: Float32Array, rank = 0): HeldTensor => ({ rank, id, global: [16, 8], data });
const run = (tensors: readonly HeldTensor[], dp = 1, info: Partial<RunInfo> = {}): TraceRun =>
  traceOf({ axes: { dp }, held: tensors, info });
const hintsOf = ({ culprit, findings }: CheckResult): string =>
  findings
    .find(({ id }) => id === culprit!.id)!
    .hints.map(({ text }) => text)
    .join('; ');

test('a copy that is off is named with its rank and factor, and the round-off of the right one explains nothing', () => {
  const id = 'it0/main_grad/w';
  const near = x.map((v, i) => (i === 5 ? v + 1e-9 : v));
  const result = checkTrace({
    reference: run([held(id, x)]),
    candidate: run([held(id, near), held(id, times(x, 2), 1)], 2),
  });
  assert.equal(hintsOf(result), 'dp 1 (2.00 times it) is off; dp 0 agrees with the reference');
  const other = checkTrace({ reference: run([held(id, x)]), candidate: run([held(id, values(2)), held(id, x, 1)], 2) });
  assert.match(hintsOf(other), /dp 0 is off; dp 1 agrees with the reference/);
});

test('an error on one rank alone is placed by its micro-batches', () => {
  const id = (m: number): string => `it0/mb${m}/out/decoder.layers.0.mlp`;
  const all = [0, 1, 2, 3].map((m) => held(id(m), values(m + 1)));
  const candidate = (wrong: readonly number[]): TraceRun =>
    run(
      [0, 1, 2, 3].map((m) => held(id(m), wrong.includes(m) ? values(m + 9) : values(m + 1), m % 2)),
      2,
    );
  assert.match(
    checkTrace({ reference: run(all), candidate: candidate([1, 3]) }).text,
    /, only on dp 1 \(micro-batches 1, 3\)/,
  );
  assert.match(checkTrace({ reference: run(all), candidate: candidate([2]) }).text, /, only in micro-batch 2\./);
  assert.doesNotMatch(checkTrace({ reference: run(all), candidate: candidate([0, 1, 2, 3]) }).text, /only/);
});

test('dropout of another seed, and dropout in one run alone, are told from other errors', () => {
  const id = 'it0/mb0/out/drop';
  const dropped = (every: number, from: number): Float32Array =>
    x.map((v, i) => ((i * 7 + from) % every === 0 ? 0 : v / (1 - 1 / every)));
  const hint = (reference: Float32Array, candidate: Float32Array): string =>
    hintsOf(checkTrace({ reference: run([held(id, reference)]), candidate: run([held(id, candidate)]) }));
  assert.match(
    hint(dropped(8, 0), dropped(8, 3)),
    /13 % of the elements are zero in the candidate alone, 13 % in the reference alone/,
  );
  assert.match(
    hint(x, dropped(8, 0)),
    /zero in the candidate alone and the others larger by as much: dropout in the candidate alone/,
  );
  assert.match(hint(dropped(8, 0), x), /dropout in the reference alone/);
  assert.doesNotMatch(
    hint(
      x,
      x.map((v, i) => (i % 8 === 0 ? 0 : v)),
    ),
    /dropout/,
    'zeros without the factor',
  );
  assert.doesNotMatch(hint(x, new Float32Array(N)), /dropout/, 'all zero');
  const again = run([held(id, dropped(8, 0)), held(id.replace('/out/', '/recompute_out/'), dropped(8, 3))]);
  const result = checkTrace({ reference: run([held(id, dropped(8, 0))]), candidate: again });
  assert.match(hintsOf(result), /the state of the generator was not kept for the dropout/);
});

test('a gradient that was not cleared between steps is recognised', () => {
  const steps = [0, 1, 2].map((t) => values(t + 1));
  const id = (t: number): string => `it${t}/main_grad/w`;
  const reference = run(steps.map((data, t) => held(id(t), data)));
  const sumTo = (t: number): Float32Array =>
    steps[0].map((_, i) => steps.slice(0, t + 1).reduce((sum, g) => sum + g[i], 0));
  const result = checkTrace({ reference, candidate: run([0, 1, 2].map((t) => held(id(t), sumTo(t)))) });
  const texts = result.findings.map(({ hints }) => hints.map(({ text }) => text).join());
  assert.match(texts[1], /holds the gradient of the step before too/);
  assert.match(texts[2], /holds the gradient of 2 steps before too/);
});

test('a candidate that is nearly zero is not called the reference times a small factor', () => {
  const id = 'it0/mb0/dout/head';
  const hints = (data: Float32Array): string =>
    hintsOf(checkTrace({ reference: run([held(id, x)]), candidate: run([held(id, data)]) }));
  assert.doesNotMatch(hints(values(3).map((v, i) => 0.01 * v - 0.0001 * x[i])), /except for a factor/);
  assert.match(hints(times(x, 0.01)), /right except for a factor 0\.01/);
});

test('a gradient that is zero but for round-off passes in both runs, one that is not stays uncertified', () => {
  const [large, id] = ['it0/mb0/wgrad/w', 'it0/mb0/wgrad/k_proj.bias'];
  const verdictOf = (size: number): string => {
    const of = (seed: number): HeldTensor[] => [held(large, x), held(id, times(values(seed), size))];
    const perturbed = traceOf({
      axes: { dp: 1 },
      held: of(3),
      info: { role: 'perturbed', perturbation: { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 } },
    });
    return checkTrace({ reference: run(of(2)), candidate: run(of(4)), perturbed: [perturbed] }).verdict;
  };
  assert.deepEqual([verdictOf(1e-8), verdictOf(1e-2)], ['pass', 'inconclusive']);
});

test('short batches of generated tokens differ from each other and share the ids of the widest shards', () => {
  const batches = [0, 1, 2].map((m) => [...generateTokens(`tokens/${m}`, 1, 33, 256)]);
  assert.equal(new Set(batches.map(String)).size, 3);
  for (const tokens of batches) for (const id of [0, 127, 128, 255]) assert.ok(tokens.includes(id), String(id));
  assert.ok(new Set(batches.flat()).size > new Set(batches[0]).size + 20);
});
