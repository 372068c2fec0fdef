/** The verbs on traces that lie on disk: two passes, files that are written or refused, and wrong usage. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertManifest, runVerbInTest } from '@tenfold/core/system/test-kit';
import { openSafetensors } from '@tenfold/core/data';
import { runVerb } from '@tenfold/core/system';
import { manifest } from '../src/manifest.ts';

describe('verbs', () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  const run = (verb: string, params: Record<string, unknown>) =>
    runVerbInTest(manifest, verb, params, { workingFolder: folder });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trace-check-verbs-'));
    await run('simulate', { bug: '14', output: 'bf16' });
    await run('simulate', { mesh: 'tp2 sp', precision: 'float32', output: 'f32' });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const bf16 = { reference: 'bf16/reference', candidate: 'bf16/candidate', pert: ['bf16/perturbed-1'] };

  test('the manifest is whole', () => assertManifest(manifest));

  test('a trace on disk is judged as the run in memory was, with one worker or two', async () => {
    const one = await run('check', bf16);
    const two = await run('check', { ...bf16, workers: 2 });
    assert.deepEqual([one.status, one.exitCode], ['problems', 1]);
    assert.match(one.report!.verdict.text, /decoder\.final_layernorm\.weight .*not summed over tp/);
    assert.deepEqual(two.result, one.result);
  });

  test('two passes: the float32 pass is clean, the recipe pass names the bug, both are said', async () => {
    const logic = {
      logicReference: 'f32/reference',
      logicCandidate: 'f32/candidate',
      logicPert: ['f32/perturbed-1'],
    };
    const { report, exitCode } = await run('check', { ...bf16, ...logic });
    assert.equal(exitCode, 1);
    assert.match(report!.verdict.text, /^Float32: All \d+ tensors agree.* Recipe: .*final_layernorm/);
    await assert.rejects(run('check', { ...bf16, logicReference: 'f32/reference' }), /got no --logic-candidate.*018/);
    await assert.rejects(
      run('check', { ...bf16, ...logic, logicCandidate: 'bf16/candidate' }),
      /a float32 run for the logic pass, got bfloat16/,
    );
  });

  test('JUnit and capture list are written once, then refused, then forced', async () => {
    const files = { junit: 'report.xml', captureList: 'next.json' };
    await run('check', { ...bf16, ...files, dryRun: true });
    assert.equal(existsSync(at('report.xml')), false);
    await run('check', { ...bf16, ...files });
    assert.match(readFileSync(at('report.xml'), 'utf8'), /<failure message="REPLICA_DIVERGED: copies differ/);
    const ids = JSON.parse(readFileSync(at('next.json'), 'utf8')) as string[];
    assert.ok(ids.includes('it0/main_grad/decoder.final_layernorm.weight'));
    await assert.rejects(run('check', { ...bf16, ...files }), /which exists.*TF-USAGE-007/);
    await run('check', { ...bf16, ...files, force: true });
  });

  test('tolerances of the verb tolerance lead to the verdict of the perturbed run they came from', async () => {
    await run('tolerance', { reference: 'bf16/reference', perturbed: bf16.pert, output: 'tolerances.json' });
    const given = await run('check', { ...bf16, pert: [], tolerance: 'tolerances.json' });
    const found = await run('check', bf16);
    assert.equal(given.report!.verdict.text, found.report!.verdict.text);
    for (const [text, pattern] of [
      ['{', /no JSON/],
      ['[]', /an empty list/],
      ['[{"id": "x"}]', /0\.ePert/],
    ] as const) {
      writeFileSync(at('broken.json'), text);
      await assert.rejects(run('check', { ...bf16, pert: [], tolerance: 'broken.json' }), pattern);
    }
    await assert.rejects(run('check', { ...bf16, pert: [], tolerance: 'absent.json' }), /no such file.*TF-TRACE-019/);
  });

  test('an interrupt stops a check between two tensors', async () => {
    const controller = new AbortController();
    const started = run('check', bf16);
    const stopped = runVerb(manifest, 'check', bf16, {
      workingFolder: folder,
      cacheFolder: folder,
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 1);
    assert.equal((await stopped).status, 'cancelled');
    assert.equal((await started).status, 'problems');
  });

  test('invariants find the copies without a reference, inspect shows who holds what, merge writes a file', async () => {
    const invariants = await run('invariants', { run: 'bf16/candidate' });
    assert.match(invariants.report!.verdict.text, /invariants are broken, first .*final_layernorm/);
    const inspect = await run('inspect', { run: 'bf16/candidate', id: 'linear_fc1.weight', shards: true, maxRows: 1 });
    assert.match(JSON.stringify(inspect.report), /rank 1: 64,0\+64,64 192,0\+64,64/, 'gate and up of the second rank');
    const nothing = await run('inspect', { run: 'bf16/candidate', id: 'nothing' });
    assert.match(nothing.report!.verdict.text, /No id of the \d+ contains "nothing"/);
    const id = 'it0/param/decoder.layers.0.mlp.linear_fc1.weight';
    await run('merge', { run: 'bf16/candidate', id, output: 'fc1.safetensors' });
    const reader = await openSafetensors(at('fc1.safetensors'));
    assert.deepEqual(reader.entries.get(id)!.shape, [256, 64]);
    await reader.close();
    for (const dryRun of [false, true])
      await assert.rejects(
        run('merge', { run: 'bf16/candidate', id, output: 'fc1.safetensors', dryRun }),
        /which exists/,
      );
    await assert.rejects(run('merge', { run: 'bf16/candidate', id: 'it0/param/x', output: 'x' }), /TF-TRACE-012/);
  });

  test('a folder is not overwritten by another simulation, and unknown meshes and bugs are refused', async () => {
    await assert.rejects(run('simulate', { bug: '14', output: 'bf16' }), /which exists.*TF-USAGE-007/);
    await assert.rejects(run('simulate', { mesh: 'tp3' }), /divisible by tp 3.*TF-TRACE-016/);
    await assert.rejects(run('simulate', { bug: 'sp-final-nrom' }), /Did you mean "sp-final-norm"/);
    await assert.rejects(run('matrix', { meshes: ['tp3'] }), /a mesh of the matrix .*got "tp3".*TF-TRACE-016/);
    await assert.rejects(run('check', { ...bf16, buckets: 100 }), /power of two/);
  });

  test('a place that cannot be written is refused before the work, and what was made for work that fails is gone', async () => {
    writeFileSync(at('file'), 'mine');
    mkdirSync(at('taken.xml'));
    const phases: string[] = [];
    const runHere = (verb: string, params: Record<string, unknown>, signal?: AbortSignal) =>
      runVerbInTest(manifest, verb, params, {
        workingFolder: folder,
        onProgress: ({ phase }) => void phases.push(phase),
        ...(signal ? { signal } : {}),
      });
    const id = 'it0/param/decoder.layers.0.mlp.linear_fc1.weight';
    for (const [verb, params] of [
      ['simulate', { bug: '14', output: 'file/below' }],
      ['simulate', { bug: '14', output: 'file/below', dryRun: true }],
      ['check', { ...bf16, junit: 'file/report.xml' }],
      ['check', { ...bf16, captureList: 'taken.xml', force: true }],
      ['tolerance', { reference: 'bf16/reference', perturbed: bf16.pert, output: 'file/tolerances.json' }],
      ['merge', { run: 'bf16/candidate', id, output: 'file/x.safetensors' }],
    ] as const)
      await assert.rejects(runHere(verb, params), /a place where "[^"]+" can be written, got .*TF-TRACE-022/, verb);
    assert.deepEqual(phases, []);
    assert.equal(readFileSync(at('file'), 'utf8'), 'mine');
    const controller = new AbortController();
    const stopped = runVerbInTest(
      manifest,
      'simulate',
      { bug: '14', output: 'deep/er' },
      {
        workingFolder: folder,
        signal: controller.signal,
        onProgress: () => controller.abort(),
      },
    );
    await assert.rejects(stopped, /TF-BASE-001/);
    assert.equal(existsSync(at('deep')), false);
  });

  test('an interrupt is heard by every verb that reads whole traces', async () => {
    const two = { reference: 'bf16/reference', perturbed: bf16.pert };
    for (const [verb, params] of [
      ['tolerance', two],
      ['mutate', { reference: 'bf16/reference', pert: bf16.pert }],
      ['triangulate', { a: bf16.candidate, b: bf16.reference, oracle: bf16.reference }],
      ['invariants', { run: bf16.candidate }],
      ['check', bf16],
    ] as const) {
      const stopped = runVerbInTest(manifest, verb, params, { workingFolder: folder, signal: AbortSignal.abort() });
      await assert.rejects(stopped, /TF-BASE-001/, verb);
    }
  });

  test('options that would be read and not used are refused', async () => {
    const plain = { reference: 'bf16/reference', candidate: 'bf16/candidate' };
    for (const [params, says] of [
      [{ ...bf16, tolerance: 'tolerances.json' }, /either --tolerance or traces .*got also --pert\..*TF-TRACE-021/],
      [{ ...plain, rerun: 'bf16/reference' }, /--pert beside --rerun/],
      [{ ...plain, k: 4 }, /--pert beside --k/],
      [{ ...plain, floor: 2 }, /--pert beside --floor/],
    ] as const)
      await assert.rejects(run('check', params), says);
  });

  test('a verb says which files it wrote or would write', async () => {
    const texts = async (verb: string, params: Record<string, unknown>): Promise<string> =>
      JSON.stringify((await run(verb, params)).report);
    assert.match(await texts('check', { ...bf16, junit: 'said.xml', dryRun: true }), /Would write [^"]*said\.xml\./);
    assert.match(await texts('check', { ...bf16, junit: 'said.xml' }), /"Wrote [^"]*said\.xml\./);
    const tolerance = { reference: 'bf16/reference', perturbed: bf16.pert, output: 'said.json', dryRun: true };
    assert.match(await texts('tolerance', tolerance), /Would write [^"]*said\.json\./);
  });

  test('a clean run names its mesh, and a bug that does nothing on a mesh is not called a pass', async () => {
    const clean = await run('simulate', { layers: 1 });
    assert.match(clean.report!.title, /clean run \(tp2, float32\)/);
    const idle = await run('simulate', { bug: '12', mesh: 'tp2', layers: 1 });
    assert.match(idle.report!.verdict.text, /Bug 12 does nothing in this run \(tp2\); without --mesh .* \(cp2\)/);
    assert.equal(idle.report!.verdict.tone, 'warn');
  });

  test('a clean run is not said to be off by the round-off of its update, and a wrong one is', async () => {
    const clean = { a: 'f32/candidate', b: 'f32/reference', oracle: 'f32/perturbed-1' };
    const { exitCode, report } = await run('triangulate', clean);
    assert.match(report!.verdict.text, /The two runs agree in all \d+ tensors/);
    assert.equal(exitCode, 0);
    const wrong = { a: 'bf16/candidate', b: 'bf16/reference', oracle: 'bf16/perturbed-1' };
    assert.match((await run('triangulate', wrong)).report!.verdict.text, /first run is off .*final_layernorm/);
  });

  test('meshes that no run can have are refused before a thread starts', async () => {
    for (const [mesh, says] of [
      ['pp0', /sizes of at least 1/],
      ['pp8', /a layer for each of 8 stages \(4 layers\)/],
      ['moe1', /at least 2 experts/],
      ['tp4 cp4 dp4 pp4', /at most 64 ranks/],
    ] as const)
      await assert.rejects(run('simulate', { mesh }), says);
  });
});
