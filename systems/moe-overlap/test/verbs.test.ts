import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readChromeTrace } from '@tenfold/core/schedule';
import { assertManifest, runTour, runVerbInTest } from '@tenfold/core/system/test-kit';
import type { DwMatching } from '../src/dw-matching.ts';
import { manifest } from '../src/manifest.ts';

test('the manifest keeps the rules of the house', () => {
  assertManifest(manifest);
});

test('the tour plans GPT2-S-MoE, runs the block on two workers and checks both', async () => {
  const { result } = await runTour(manifest);
  const { planned, measured } = result as {
    planned: { speedUp: number; exposedRatio: number; origin: string };
    measured: { modes: { mode: string; isBitEqual: boolean }[]; numGradients: number; numOutputs: number };
  };
  // Measured exchange tables, where they are there, leave less exposed than the analytic network with its slow reductions.
  const [leastGain, mostLeft] = planned.origin.startsWith('Analytic') ? [1.08, 0.6] : [1.1, 0.35];
  assert.ok(planned.speedUp > leastGain && planned.exposedRatio < mostLeft, JSON.stringify(planned));
  assert.ok(measured.modes.every(({ isBitEqual }) => isBitEqual));
  // Three weights of each dense layer, four of the layer of experts, and the input; outputs of three layers.
  assert.deepEqual([measured.numGradients, measured.numOutputs], [3 + 4 + 3 + 1, 3]);
});

test('optimise shows the matching of every rule; the exact one is proved and never below the others', async () => {
  const { status, result, artifacts } = await runVerbInTest(manifest, 'optimise', {});
  assert.equal(status, 'done');
  const { matching, modes } = result as unknown as {
    matching: Record<'paper' | 'official' | 'exact', DwMatching>;
    modes: { mode: string; stepMs: number; exposedMs: number }[];
  };
  for (const { rows, hiddenMs } of Object.values(matching)) {
    const covered = rows.reduce((sum, { a2aMs, gradients }) => {
      return sum + Math.min(a2aMs, gradients.reduce((all, { ms }) => all + ms, 0)); // prettier-ignore
    }, 0);
    assert.ok(Math.abs(covered - hiddenMs) < 1e-9);
    assert.ok(matching.exact.hiddenMs >= hiddenMs - 1e-9);
  }
  assert.ok(matching.exact.isProved);
  const bytesOf = (name: string): Uint8Array => artifacts.find((artifact) => artifact.name === name)!.bytes;
  const plan = JSON.parse(new TextDecoder().decode(bytesOf('plan.json'))) as { ops: object[]; predictedMs: number };
  const { trace } = await readChromeTrace(bytesOf('planned-trace.json.gz'));
  assert.equal(trace.numSpans, plan.ops.length);
  assert.ok(Math.abs(trace.durationMs - plan.predictedMs) < 1e-6);
  const stepOf = (name: string): number => modes.find(({ mode }) => mode === name)!.stepMs;
  assert.ok(
    stepOf('both') < stepOf('dw') && stepOf('both') < stepOf('partition') && stepOf('partition') < stepOf('tutel'),
  );
});

test('explain names the operations that keep a gate for whole batches from being cut', async () => {
  const cut = await runVerbInTest(manifest, 'explain', {});
  assert.equal(cut.status, 'done');
  const refused = await runVerbInTest(manifest, 'explain', { gate: 'bpr' });
  assert.equal(refused.status, 'problems');
  assert.deepEqual((refused.result as { conflict: string[] }).conflict, [
    'layers.1.moe.gate/Softmax',
    'layers.1.moe.encode/forward',
  ]);
});

test('tokens shows a naive micro-batch that loses other tokens than capacity passing', async () => {
  const { result } = await runVerbInTest(manifest, 'tokens', {});
  const { isSame, naiveLost } = result as { isSame: boolean; naiveLost: string[] };
  assert.ok(isSame);
  assert.ok(naiveLost.length > 0);
});

test('gap and equiv find no counterexample', async () => {
  assert.equal((await runVerbInTest(manifest, 'gap', { rounds: 40 })).status, 'done');
  assert.equal((await runVerbInTest(manifest, 'equiv', { rounds: 20 })).status, 'done');
});

test('forward time is U-shaped in the reach of the range with an overhead, and falls without one', async () => {
  const at = async (overhead: number) => {
    const { result } = await runVerbInTest(manifest, 'range', { overhead }, { dataFolder: undefined });
    return (result as { grid: { reach: number; parts: number; ms: number | null }[] }).grid;
  };
  const bestPerReach = (grid: Awaited<ReturnType<typeof at>>): number[] =>
    [...new Set(grid.map(({ reach }) => reach))].map((reach) =>
      Math.min(
        ...grid.filter((cell) => cell.reach === reach && cell.parts > 1 && cell.ms !== null).map(({ ms }) => ms!),
      ),
    );
  const free = bestPerReach(await at(0));
  free.forEach((ms, reach) =>
    assert.ok(reach === 0 || ms <= free[reach - 1]! + 1e-9, free.map((each) => each.toFixed(3)).join(' ')),
  );
  const costly = bestPerReach(await at(0.02));
  const least = Math.min(...costly);
  assert.ok(costly[0]! > least && costly.at(-1)! > least, costly.map((ms) => ms.toFixed(2)).join(' '));
});
