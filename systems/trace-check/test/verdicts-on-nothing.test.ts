/** A verdict needs evidence: where nothing was compared, or not by values, no verb says that all is well. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { checkTrace, writeTrace, type RunInfo } from '../src/index.ts';
import { triangulate } from '../src/check/triangulate.ts';
import { reportCheck } from '../src/report.ts';
import { manifest } from '../src/manifest.ts';
import { junitFromChecks } from '../src/check/junit.ts';
import { capturesOf, infoOf, traceOf, type HeldTensor } from './made-traces.ts';

const OUT = 'it0/mb0/out/decoder.layers.0.mlp';
const values = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i + 1));
const held = (scale = 1, id = OUT): HeldTensor => ({
  rank: 0,
  id,
  global: [8, 4],
  data: values.map((x) => x * scale),
});
const one = (tensors: readonly HeldTensor[], info: Partial<RunInfo> = {}) =>
  traceOf({ axes: { dp: 1 }, held: tensors, info });

test('two empty traces do not agree', () => {
  const { verdict, text } = checkTrace({ reference: one([]), candidate: one([]) });
  assert.equal(verdict, 'inconclusive');
  assert.match(text, /No tensor was compared/);
});

test('parameters after the step are judged by themselves where no update can be formed', () => {
  const id = 'it0/param_next/decoder.layers.0.mlp.linear_fc1.weight';
  const { verdict } = checkTrace({ reference: one([held(1, id)]), candidate: one([held(2, id)]) });
  assert.equal(verdict, 'divergence');
});

test('triangulation of traces without a common tensor compares nothing', () => {
  const other = one([held(1, 'it0/mb0/out/decoder.layers.1.mlp')]);
  const { numCompared, text } = triangulate(one([held()]), other, one([held()]));
  assert.equal(numCompared, 0);
  assert.match(text, /share no tensor/);
});

test('the nearer of two wrong runs is not said to agree with the third', () => {
  const off = triangulate(one([held(2)]), one([held(1.1)]), one([held()]));
  assert.equal(off.suspect, 'a');
  assert.match(off.text, /first run is off .*; the second is nearer to the third/);
  assert.match(triangulate(one([held(2)]), one([held()]), one([held()])).text, /the second agrees with the third/);
});

test('the verbs say so too, and end with 1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-check-nothing-'));
  const write = (name: string, tensors: readonly HeldTensor[]): Promise<void> =>
    writeTrace(join(folder, name), infoOf({ dp: 1 }), capturesOf(tensors, 1));
  await write('one', [held()]);
  await write('other', [held(1, 'it0/mb0/out/decoder.layers.1.mlp')]);
  await write('empty', []);
  writeFileSync(join(folder, 'empty/rank00000.it0000.jsonl'), '');
  const run = (verb: string, params: Record<string, unknown>) =>
    runVerbInTest(manifest, verb, params, { workingFolder: folder });
  for (const [verb, params, says] of [
    ['triangulate', { a: 'one', b: 'other', oracle: 'one' }, /share no tensor/],
    ['invariants', { run: 'one' }, /Nothing was checked/],
    ['check', { reference: 'empty', candidate: 'empty' }, /No tensor was compared/],
  ] as const) {
    const { exitCode, report } = await run(verb, params);
    assert.equal(exitCode, 1, verb);
    assert.match(report!.verdict.text, says);
    assert.equal(report!.verdict.tone, 'warn', verb);
  }
  rmSync(folder, { recursive: true });
});

test('tensors without a measured tolerance are counted, and so are runs of two precisions', () => {
  const tolerances = new Map([['it0/mb0/out/other', { ePert: 1e-7, tau: 1e-6, status: 'ok' as const }]]);
  const { notes } = checkTrace({ reference: one([held()]), candidate: one([held()]), tolerances });
  assert.match(notes.join(' '), /1 tensors have no measured tolerance, it0\/mb0\/out\/decoder\.layers\.0\.mlp first/);
  const mixed = checkTrace({ reference: one([held()]), candidate: one([held()], { precision: 'bfloat16' }) });
  assert.match(mixed.notes.join(' '), /The reference is float32, the candidate bfloat16/);
});

test('a perturbed run of another mesh or precision gives no tolerances: it would hold what is looked for', () => {
  const perturbation = { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 };
  const check = (axes: Record<string, number>, info: Partial<RunInfo> = {}) =>
    checkTrace({
      reference: one([held()]),
      candidate: one([held()]),
      perturbed: [traceOf({ axes, held: [held(1.001)], info: { perturbation, role: 'perturbed', ...info } })],
    });
  assert.equal(check({ dp: 1 }).verdict, 'pass');
  assert.throws(
    () => check({ tp: 2 }),
    /a perturbed run of the reference \(one device, float32\), got tp 2, float32 .*TF-TRACE-005/,
  );
  assert.throws(() => check({ dp: 1 }, { precision: 'bfloat16' }), /got one device, bfloat16/);
});

test('a change of 100 % is written so, and none as none', () => {
  const scalar = (value: number): HeldTensor => ({
    rank: 0,
    id: 'it0/scalar/grad_norm',
    global: [1],
    data: Float32Array.of(value),
  });
  const loss: HeldTensor = { ...scalar(3), id: 'it0/scalar/loss' };
  const result = checkTrace({ reference: one([scalar(1), loss]), candidate: one([scalar(2), loss]) });
  const text = JSON.stringify(reportCheck(result, 'x'));
  assert.match(text, /changes by 100 %/);
  assert.match(text, /changes by 0 %/);
});

test('both passes of a check are suites of the JUnit file', () => {
  const result = (scale: number) => checkTrace({ reference: one([held()]), candidate: one([held(scale)]) });
  const xml = junitFromChecks({ logic: result(2), recipe: result(1) });
  assert.match(xml, /<testsuite name="logic" tests="1" failures="1".*<testsuite name="recipe" tests="1" failures="0"/s);
});
