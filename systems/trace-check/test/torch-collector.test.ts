/** Real PyTorch, two processes over Gloo, recorded by the collector and judged by the checker. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkTrace, openTrace, type CheckResult } from '../src/index.ts';
import type { BugName } from '../src/sim/bug-texts.ts';
import { BUGS } from '../src/sim/bugs.ts';
import { createSimConfig } from '../src/sim/sim-config.ts';
import { simulateReference, withPool } from '../src/sim/simulate.ts';
import { findTorchPython } from './torch-python.ts';

const python = findTorchPython();
const skip = python === undefined ? 'no python3 with torch here (Debian: apt install python3-torch)' : false;
if (skip) process.stdout.write(`torch-collector: skipped, ${skip}\n`);
const script = fileURLToPath(new URL('../scripts/torch_gpt.py', import.meta.url));

type Job = Readonly<Record<string, unknown>>;
const bf16: Job = { precision: 'bfloat16' };
/** References by name, each with one perturbed run beside it. */
const REFERENCES: Readonly<Record<string, Job>> = {
  f32: {},
  bf16,
  tied: { ...bf16, tied: true },
  moe: { ...bf16, experts: 4, layers: 2 },
  layers3: { ...bf16, layers: 3 },
  steps2: { ...bf16, steps: 2 },
  masked: { ...bf16, masked: true },
};
const CLEAN: Readonly<Record<string, Job>> = {
  tp2: { mesh: { tp: 2 } },
  'tp2-sp': { mesh: { tp: 2 }, sp: true },
  dp2: { mesh: { dp: 2 } },
  cp2: { mesh: { cp: 2 } },
  pp2: { mesh: { pp: 2 } },
};
const FAULTY: readonly { readonly bug: BugName; readonly reference: string; readonly job: Job }[] = [
  { bug: 'tp-embedding-mask', reference: 'bf16', job: { mesh: { tp: 2 } } },
  { bug: 'tp-embedding-rows', reference: 'bf16', job: { mesh: { tp: 2 } } },
  { bug: 'tp-embedding-sum', reference: 'bf16', job: { mesh: { tp: 2 } } },
  { bug: 'recompute-input', reference: 'bf16', job: { recompute: 2 } },
  { bug: 'cp-loss-scale', reference: 'bf16', job: { mesh: { cp: 2 } } },
  { bug: 'dp-loss-scale', reference: 'bf16', job: { mesh: { dp: 2 } } },
  { bug: 'dp-token-mean', reference: 'masked', job: { mesh: { dp: 2 } } },
  { bug: 'tied-not-summed', reference: 'tied', job: { mesh: { pp: 2 } } },
  { bug: 'sp-router-grad', reference: 'moe', job: { mesh: { tp: 2 }, sp: true } },
  { bug: 'zero-update', reference: 'steps2', job: { mesh: { dp: 2 }, zero: true } },
  { bug: 'pp-division', reference: 'layers3', job: { mesh: { pp: 2 } } },
  { bug: 'overlap-flush', reference: 'bf16', job: { mesh: { pp: 2 } } },
  { bug: 'cp-attention-backward', reference: 'bf16', job: { mesh: { cp: 2 } } },
  { bug: 'cp-ring-first-block', reference: 'bf16', job: { mesh: { cp: 2 } } },
  { bug: 'cp-ring-owner', reference: 'bf16', job: { mesh: { cp: 2 } } },
  { bug: 'cp-ring-local-lse', reference: 'bf16', job: { mesh: { cp: 2 } } },
  { bug: 'sp-final-norm', reference: 'bf16', job: { mesh: { tp: 2 }, sp: true } },
];

describe('PyTorch traces', { skip }, () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'trace-check-torch-'));
    const jobs: Job[] = [];
    for (const [name, job] of Object.entries(REFERENCES)) {
      jobs.push({ ...job, out: at(`${name}-reference`), role: 'reference' });
      jobs.push({ ...job, out: at(`${name}-perturbed`), role: 'perturbed', perturb: 1 });
    }
    jobs.push({ ...bf16, out: at('half'), role: 'perturbed', perturb: 1, ulps: 0.5 });
    for (const precision of ['float32', 'bfloat16'])
      for (const [name, job] of Object.entries(CLEAN))
        jobs.push({ ...job, precision, out: at(`${precision}-${name}`) });
    for (const { bug, reference, job } of FAULTY) jobs.push({ ...REFERENCES[reference], ...job, bug, out: at(bug) });
    for (const [name, job] of [
      ['sketch-reference', { role: 'reference' }],
      ['sketch-perturbed', { role: 'perturbed', perturb: 1 }],
      ['sketch-tp2', CLEAN['tp2']],
      ['sketch-sp-final-norm', { ...CLEAN['tp2-sp'], bug: 'sp-final-norm' }],
    ] as const)
      jobs.push({ ...job, ...bf16, level: 'sketch', out: at(name) });
    writeFileSync(at('jobs.json'), JSON.stringify(jobs));
    const done = spawnSync(python!, [script, at('jobs.json')], { encoding: 'utf8', timeout: 240_000 });
    assert.equal(done.status, 0, done.stderr);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function check(reference: string, candidate: string, buckets?: number): Promise<CheckResult> {
    const runs = await Promise.all(
      [`${reference}-reference`, candidate, `${reference}-perturbed`].map((name) => openTrace(at(name))),
    );
    try {
      return checkTrace({ reference: runs[0], candidate: runs[1], perturbed: [runs[2]], buckets });
    } finally {
      for (const run of runs) run.close();
    }
  }

  for (const [precision, reference] of [
    ['float32', 'f32'],
    ['bfloat16', 'bf16'],
  ] as const)
    for (const name of Object.keys(CLEAN))
      test(`a clean ${name} run in ${precision} agrees with one process`, async () => {
        const result = await check(reference, `${precision}-${name}`);
        const { FAIL, REPLICA_DIVERGED, MISSING } = result.counts;
        assert.deepEqual(
          { FAIL, REPLICA_DIVERGED, MISSING },
          { FAIL: 0, REPLICA_DIVERGED: 0, MISSING: 0 },
          result.text,
        );
        assert.ok(result.counts.PASS > 700);
        const run = await openTrace(at(`${precision}-${name}`));
        assert.equal(run.info.world, 2, 'two processes');
        run.close();
      });

  for (const { bug, reference } of FAULTY)
    test(`the bug ${bug} is found at its place`, async () => {
      const result = await check(reference, bug);
      const expected = BUGS.find(({ name }) => name === bug)!;
      assert.equal(result.verdict, 'divergence');
      if (bug === 'pp-division') assert.match(result.culprit!.id, /decoder\.layers\.2$/);
      else if (bug === 'sp-router-grad')
        assert.match(result.culprit!.id, /main_grad\/decoder\.layers\.0\.mlp\.router\.weight$/);
      else assert.match(result.culprit!.id, expected.firstId, result.text);
      assert.equal(result.culprit!.column, expected.column);
      if (expected.hint) {
        const { hints } = result.findings.find(({ id }) => id === result.culprit!.id)!;
        assert.ok(
          hints.some(({ kind }) => kind === expected.hint),
          JSON.stringify(hints),
        );
      }
    });

  test('half a rounding unit is refused as a perturbation', async () => {
    const runs = await Promise.all(['bf16-reference', 'half'].map((name) => openTrace(at(name))));
    assert.throws(
      () => checkTrace({ reference: runs[0], candidate: runs[0], perturbed: [runs[1]] }),
      /at least 90 % of the perturbed elements to change, got \d+\.\d % at 0\.5 ulp/,
    );
    for (const run of runs) run.close();
  });

  test('sketches of the collector lead to the verdict of the full trace', async () => {
    for (const reference of ['bf16', 'sketch']) {
      const result = await check(reference, 'sketch-tp2');
      assert.equal(result.isSketch, true);
      assert.equal(result.counts.FAIL, 0, result.text);
    }
    const bug = await check('sketch', 'sketch-sp-final-norm');
    assert.match(bug.text, /final_layernorm\.weight .* not summed over tp/);
  });

  test('the simulator computes what PyTorch computes, to f32 round-off', async () => {
    const candidate = await openTrace(at('f32-reference'));
    const result = await withPool(async (pool) => {
      const set = await simulateReference(pool, createSimConfig({}));
      return checkTrace({ reference: set.reference.trace, candidate, tolerances: set.tolerances });
    });
    candidate.close();
    const compared = result.findings.filter(({ kind }) => kind !== 'delta');
    assert.ok(compared.length > 700);
    assert.deepEqual(
      compared.filter(({ status }) => status !== 'PASS').map(({ id, rel }) => `${id} ${rel}`),
      [],
    );
  });

  test('recording takes at most ten lines of the user’s script', () => {
    const lines = readFileSync(script, 'utf8').split('\n');
    const train = lines.slice(
      lines.findIndex((line) => line.startsWith('def train')),
      lines.findIndex((line) => line.startsWith('def run_batches')),
    );
    const calls = train.filter((line) =>
      /trace\.(start|watch|step|params|main_grads|params_after|scalar|finish)\b/.test(line),
    );
    assert.ok(calls.length > 5 && calls.length <= 10, String(calls.length));
  });

  test('the collector imports nothing but torch and the standard library', () => {
    const source = readFileSync(fileURLToPath(new URL('../collector/tenfold_trace.py', import.meta.url)), 'utf8');
    const imports = [...source.matchAll(/^(?:import|from) (\w+)/gm)].map((match) => match[1]);
    assert.deepEqual(imports.sort(), ['contextlib', 'json', 'os', 're', 'struct', 'sys', 'threading', 'time', 'torch']);
    execFileSync(python!, ['-c', 'import ast,sys; ast.parse(sys.stdin.read())'], { input: source });
  });
});
