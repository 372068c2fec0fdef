import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openProxRun } from '../src/methods/prox-run.ts';
import { proxSparse } from '../src/methods/proxsparse.ts';
import { sweepKappa } from '../src/sweep.ts';
import { tinyModel, tinyRows } from './tiny-model.ts';

const SETTINGS = { steps: 20, learningRate: 3e-3, kappa: 0.05, lambda2: 0.1, epsilon: 0.1 };

test('a run that dies and is resumed gives the mask of one that never stopped', async () => {
  const model = tinyModel();
  const rows = tinyRows(4, 16);
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-prox-'));
  const path = join(folder, 'state.safetensors');
  const whole = await proxSparse(model, rows, SETTINGS);
  const checkpoint = { path, key: 'run 1' };
  const died = new Error('power cut');
  await assert.rejects(
    proxSparse(model, rows, {
      ...SETTINGS,
      checkpoint: { ...checkpoint, resumes: false },
      onStep: ({ step }) => {
        if (step === 13) throw died;
      },
    }),
    died,
  );
  assert.ok(existsSync(path));
  const steps: number[] = [];
  const resumed = await proxSparse(model, rows, {
    ...SETTINGS,
    checkpoint: { ...checkpoint, resumes: true },
    onStep: ({ step }) => steps.push(step),
  });
  assert.equal(steps[0], 13, 'goes on behind the last checkpoint');
  for (const [name, { codes }] of whole.masks) assert.deepEqual(resumed.masks.get(name)!.codes, codes, name);
  assert.deepEqual(resumed.history, whole.history);
  assert.equal(existsSync(path), false, 'a finished run leaves no checkpoint');
  rmSync(folder, { recursive: true });
});

test('a checkpoint of another run is refused', async () => {
  const model = tinyModel();
  const rows = tinyRows(2, 16);
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-prox-'));
  const path = join(folder, 'state.safetensors');
  await using run = await openProxRun(model, rows, SETTINGS);
  await run.advance(2);
  await run.save(path, { key: 'seed 1' });
  await assert.rejects(
    proxSparse(model, rows, { ...SETTINGS, checkpoint: { path, key: 'seed 2', resumes: true } }),
    /proxsparse: a checkpoint of seed 2, got seed 1 \(.*state\.safetensors\).*TF-SPARSE-012/,
  );
  rmSync(folder, { recursive: true });
});

test('the prox is applied with λ₁ itself, not λ₁ times the learning rate: blocks become 2:4 at a tiny rate too', async () => {
  const rows = tinyRows(4, 16);
  await using run = await openProxRun(tinyModel(), rows, { steps: 20, learningRate: 1e-6, kappa: 0.4 });
  await run.advance(20);
  const { sparseShare, history, warnings } = await run.outcome();
  assert.ok(sparseShare! > 0.9, String(sparseShare));
  assert.ok(history![0]!.sparseShare < sparseShare!);
  assert.match(warnings.join('\n'), /of the mask differs from magnitude/);
});

test('a sweep runs every κ a quarter of the way and only the kept ones to the end', async () => {
  const progress: string[] = [];
  const sweep = await sweepKappa(tinyModel(), tinyRows(4, 16), tinyRows(2, 16, 3), {
    kappas: [0.2, 0.01, 0.05],
    keep: 1,
    settings: { steps: 20, learningRate: 3e-3, maskLearningRate: 5e-4, lambda2: 0, epsilon: 0.1 },
    onProgress: (phase, done, total) => progress.push(`${phase} ${done}/${total}`),
  });
  assert.deepEqual(
    sweep.points.map(({ kappa }) => kappa),
    [0.01, 0.05, 0.2],
  );
  assert.equal(sweep.points.filter((point) => point.finalPerplexity !== undefined).length, 1);
  const earliest = sweep.points.reduce((a, b) => (b.earlyPerplexity < a.earlyPerplexity ? b : a));
  assert.equal(sweep.best.kappa, earliest.kappa);
  assert.equal(progress.length, 3 * 5 + 15, 'the kept one goes on from step 5');
  assert.ok(sweep.points[0]!.earlySparseShare <= sweep.points[2]!.earlySparseShare);
});
