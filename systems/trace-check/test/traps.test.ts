/** Ways to look right without being right: each test fails for a checker, a simulator or a collector that takes one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { normalAt } from '@tenfold/core/base';
import { openRankPool, type RankPool } from '@tenfold/core/ranks';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import {
  checkTrace,
  estimateTolerance,
  openTrace,
  parseId,
  perturbedComparisons,
  tokenCoverage,
  writeTrace,
} from '../src/index.ts';
import { compareRuns } from '../src/check/compare-runs.ts';
import { mergeWhole } from '../src/check/merge.ts';
import { manifest } from '../src/manifest.ts';
import { findBug } from '../src/sim/bugs.ts';
import { microBatchTokens } from '../src/sim/model.ts';
import { createSimConfig } from '../src/sim/sim-config.ts';
import { simulateAndCheck, simulateReference, type ReferenceSet } from '../src/sim/simulate.ts';
import { roundToBfloat16 } from '../src/trace/generator.ts';
import { capturesOf, infoOf, traceOf, type HeldTensor } from './made-traces.ts';
import { findTorchPython } from './torch-python.ts';

const ID = 'it0/mb0/out/decoder.layers.0.mlp';
const x = Float32Array.from({ length: 64 }, (_, i) => normalAt(1, i));
const held = (data: Float32Array, id = ID): HeldTensor => ({ rank: 0, id, global: [16, 4], data });
const single = (...tensors: HeldTensor[]) => traceOf({ axes: { dp: 1 }, held: tensors });
const moved = (by: number, stream: number): Float32Array =>
  x.map((v, i) => v * (1 + by * Math.sign(normalAt(stream, i))));
const perturbed = (by: number, stream = 2) =>
  traceOf({
    axes: { dp: 1 },
    held: [held(moved(by, stream))],
    info: { role: 'perturbed', perturbation: { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 } },
  });

test('a tolerance that is no number passes nothing, and one of zero passes only equal tensors', () => {
  const verdict = (tau: number, data: Float32Array): string =>
    checkTrace({
      reference: single(held(x)),
      candidate: single(held(data)),
      tolerances: new Map([[ID, { ePert: tau, tau, status: 'ok' }]]),
    }).verdict;
  assert.equal(verdict(NaN, x), 'divergence');
  assert.equal(verdict(0, x), 'pass');
  assert.equal(verdict(0, moved(1e-6, 3)), 'divergence');
});

test('the largest change of all perturbed runs counts, and the factor k moves the verdict', () => {
  const reference = single(held(x));
  const runs = [1e-5, 3e-5, 2e-5].map((by, i) => perturbed(by, 10 + i));
  const { ePert } = estimateTolerance('float32', perturbedComparisons(reference, runs)).get(ID)!;
  assert.ok(Math.abs(ePert / 3e-5 - 1) < 0.01, String(ePert));
  const verdict = (factor: number): string =>
    checkTrace({ reference, candidate: single(held(moved(1e-4, 20))), perturbed: runs, factor }).verdict;
  assert.deepEqual([verdict(3), verdict(4)], ['divergence', 'pass']);
});

test('a tensor that is missing ends `check` with a problem, not with success', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-check-missing-'));
  const write = (name: string, tensors: HeldTensor[]): Promise<void> =>
    writeTrace(join(folder, name), infoOf({ dp: 1 }), capturesOf(tensors, 1));
  const other = held(x, 'it0/mb0/out/decoder.layers.1.mlp');
  await write('reference', [held(x), other]);
  await write('whole', [held(x), other]);
  await write('missing', [held(x)]);
  const status = async (candidate: string): Promise<string> =>
    (await runVerbInTest(manifest, 'check', { reference: 'reference', candidate }, { workingFolder: folder })).status;
  assert.deepEqual([await status('whole'), await status('missing')], ['done', 'problems']);
  rmSync(folder, { recursive: true, force: true });
});

test('bfloat16 is rounded to the nearest, ties to even, not cut off', () => {
  const [unit, above] = [2 ** -7, 2 ** -20];
  const given = [1 + unit / 2, 1 + unit / 2 + above, 1 + 1.5 * unit, 1 + unit - above, -1 - 1.5 * unit];
  assert.deepEqual(
    [...roundToBfloat16(Float32Array.from(given))],
    [1, 1 + unit, 1 + 2 * unit, 1 + unit, -1 - 2 * unit],
  );
});

describe('in simulated runs', () => {
  let pool: RankPool;
  const references = new Map<string, Promise<ReferenceSet>>();
  const referenceOf = (precision: 'float32' | 'bfloat16'): Promise<ReferenceSet> => {
    const known = references.get(precision) ?? simulateReference(pool, createSimConfig({ precision }));
    references.set(precision, known);
    return known;
  };
  before(() => {
    pool = openRankPool();
  });
  after(() => pool[Symbol.asyncDispose]());

  test('tolerances differ by tensor and follow the rounding unit of the precision', async () => {
    const [f32, bf16] = [await referenceOf('float32'), await referenceOf('bfloat16')];
    const outs = [...f32.tolerances.keys()].filter((id) => parseId(id).kind === 'out');
    const ratios = outs.map((id) => bf16.tolerances.get(id)!.ePert / f32.tolerances.get(id)!.ePert);
    const median = ratios.toSorted((a, b) => a - b)[ratios.length >> 1];
    assert.ok(median > 2 ** 15 && median < 2 ** 17, `2^16 units apart, got ${median}`);
    assert.ok(new Set(outs.map((id) => bf16.tolerances.get(id)!.tau)).size > outs.length / 2);
  });

  test('the perturbation moves embeddings, never tokens: the runs hold the same batch', async () => {
    const { reference, perturbed: runs } = await referenceOf('bfloat16');
    for (const { info } of runs) {
      assert.equal(info.tokenHash, reference.info.tokenHash);
      assert.ok(info.perturbation!.changedShare > 0.99);
    }
    const first = runs.map(({ trace }) => [
      ...mergeWhole(trace.tensors.get('it0/mb0/out/embedding.word_embeddings')!).data,
    ]);
    assert.notDeepEqual(first[0], first[1], 'every run its own signs');
  });

  test('the bfloat16 run computes in bfloat16: it is off by that much, more at the logits than in the first layer', async () => {
    const [f32, bf16] = [await referenceOf('float32'), await referenceOf('bfloat16')];
    const ids = ['it0/mb0/out/decoder.layers.0.self_attention.linear_qkv', 'it0/mb0/out/output_layer'];
    const compared = compareRuns(f32.reference.trace, bf16.reference.trace, { ids: new Set(ids) });
    const [first, last] = ids.map((id) => compared.get(id)!.rel);
    assert.ok(first > 2 ** -9 && first < 2 ** -6, `first layer ${first}`);
    assert.ok(last > first && last < 2 ** -4, `logits ${last}`);
  });

  test('one rule holds for other depths: 48 layers in float32, clean and with a bug in all of them', async () => {
    const config = createSimConfig({
      mesh: { cp: 2 },
      model: { numLayers: 48, hidden: 32, ffn: 32, numVocab: 64, sequence: 16 },
      numMicroBatches: 1,
    });
    const cache = new Map<string, ReferenceSet>();
    const clean = (await simulateAndCheck(pool, config, { cache })).result;
    assert.equal(clean.verdict, 'pass', clean.text);
    assert.ok(clean.counts.PASS > 2000);
    const broken = (await simulateAndCheck(pool, { ...config, bug: 'cp-ring-owner' }, { cache })).result;
    assert.match(broken.culprit!.id, /din\/decoder\.layers\.47\.self_attention\.core_attention#[kv]$/);
  });

  test('what would hide bugs is avoided: batches hold boundary ids, norm weights differ, attention is not uniform', async () => {
    const config = createSimConfig({});
    const { numVocab, hidden } = config.model;
    for (const m of [0, 1, 2, 3]) assert.equal(tokenCoverage(microBatchTokens(config, m), numVocab, 8), 1);
    const { reference } = await referenceOf('float32');
    const valuesOf = (id: string): Float32Array => mergeWhole(reference.trace.tensors.get(id)!).data;
    assert.ok(new Set(valuesOf('it0/param/decoder.layers.0.input_layernorm.weight')).size > hidden / 2);
    const v = valuesOf('it0/mb0/in/decoder.layers.0.self_attention.core_attention#v');
    const out = valuesOf('it0/mb0/out/decoder.layers.0.self_attention.core_attention');
    const last = (31 * hidden) as number;
    const mean = Float32Array.from({ length: hidden }, (_, c) => {
      let sum = 0;
      for (let row = 0; row < 32; row++) sum += v[row * hidden + c] / 32;
      return sum;
    });
    const off = Math.hypot(...mean.map((value, c) => out[last + c] - value)) / Math.hypot(...mean);
    assert.ok(off > 0.5, `far from the mean of all values: ${off}`);
  });

  test('an off-by-one mask shows in the rows of boundary ids alone: a batch without them would pass', async () => {
    const bug = findBug('1', 'test');
    const cache = new Map([
      [JSON.stringify(createSimConfig({ precision: 'bfloat16' })), await referenceOf('bfloat16')],
    ]);
    const { candidate, set } = await simulateAndCheck(pool, { ...bug.config, bug: bug.name }, { cache });
    const id = 'it0/mb0/out/embedding.word_embeddings';
    const [got, expected] = [candidate, set.reference].map(({ trace }) => mergeWhole(trace.tensors.get(id)!).data);
    const tokens = microBatchTokens(bug.config, 0);
    for (let row = 0; row < 32; row++) {
      const isWrong = got.subarray(row * 64, row * 64 + 64).some((value, i) => value !== expected[row * 64 + i]);
      assert.equal(isWrong, tokens[row] === 63 || tokens[row] === 127, `row ${row}, id ${tokens[row]}`);
    }
  });

  test('a largest magnitude reduced over the wrong ranks shows only where the ranks’ magnitudes differ', async () => {
    const bug = findBug('7', 'test');
    const errorAt = async (isImbalanced: boolean): Promise<number> => {
      const config = { ...bug.config, model: { ...bug.config.model, isImbalanced }, bug: bug.name };
      const { result } = await simulateAndCheck(pool, config);
      return result.findings.find(({ id }) => id === 'it0/mb0/out/decoder.layers.0.self_attention.linear_qkv')!.rel;
    };
    const [unequal, alike] = [await errorAt(true), await errorAt(false)];
    assert.ok(unequal > 3 * alike, `${unequal} with one half of the sequence larger, ${alike} without`);
  });
});

const python = findTorchPython();

test(
  'the tests run the collector that is there: without its copy, tensors that are overwritten later are lost',
  { skip: python ? false : 'no python3 with torch here' },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trace-check-edited-'));
    const source = readFileSync(fileURLToPath(new URL('../collector/tenfold_trace.py', import.meta.url)), 'utf8');
    const edited = source.replace('data.to("cpu", copy=True)', 'data');
    assert.notEqual(edited, source);
    const sumOf = async (name: string, text: string): Promise<number> => {
      writeFileSync(join(folder, `${name}.py`), text);
      const script = `
import sys; sys.path.insert(0, ${JSON.stringify(folder)})
import torch, ${name} as trace
trace.start(${JSON.stringify(join(folder, `${name}-trace`))}, role="candidate")
y = torch.ones(8, 4)
trace.capture("out", "decoder.layers.0.mlp", y, batch=0)
y.zero_()
trace.finish()`;
      const done = spawnSync(python!, ['-c', script], { encoding: 'utf8', timeout: 120_000 });
      assert.equal(done.status, 0, done.stderr);
      const run = await openTrace(join(folder, `${name}-trace`));
      const sum = mergeWhole(run.tensors.get(ID)!).data.reduce((total, value) => total + value, 0);
      run.close();
      return sum;
    };
    const script = readFileSync(fileURLToPath(new URL('../../../.ci/run', import.meta.url)), 'utf8');
    assert.match(script, /python3-torch/, 'continuous integration has torch');
    assert.deepEqual([await sumOf('whole_trace', source), await sumOf('edited_trace', edited)], [32, 0]);
    rmSync(folder, { recursive: true, force: true });
  },
);
