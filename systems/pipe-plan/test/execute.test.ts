import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRankPool, type RankPool } from '@tenfold/core/ranks';
import { MINI, MINI_LAYERS, type MiniConfig } from '../src/execute/mini-model.ts';
import {
  equalStages,
  evenEnds,
  filledMode,
  pipelineWords,
  plainMode,
  planMini,
  runMini,
  type MiniProfile,
  type MiniSetup,
} from '../src/execute/run-mini.ts';

const CONFIG = { ...MINI, channels: [16, 32], width: 8, encoderChannels: 4 } as const;
const BATCH = 8;

const setupOf = (numStages: number, numMicroBatches: number): MiniSetup => ({
  config: CONFIG,
  batch: BATCH,
  numMicroBatches,
  stages: equalStages(evenEnds(numStages)),
  warmup: 'commAware',
});

/** Times that leave bubbles in every stage; their size does not matter for results. */
const profile = (numStages: number): MiniProfile => ({
  forwardMs: Array<number>(numStages).fill(10),
  backwardMs: Array<number>(numStages).fill(20),
  frozen: [
    { id: 'image', preds: [], layers: [0, 1, 2, 3].map((layer) => frozenLayer(`image.${layer}`, 1)) },
    { id: 'text', preds: [], layers: [0, 1].map((layer) => frozenLayer(`text.${layer}`, 0.5)) },
  ],
});

const frozenLayer = (name: string, ms: number) => ({
  name,
  kind: 'frozen' as const,
  forward: { sizes: [1, 8], timesMs: [ms, 8 * ms] },
  paramBytes: 0,
  gradBytes: 0,
  activationBytesPerSample: 0,
  outputBytesPerSample: 0,
});

interface Case {
  readonly numStages: number;
  readonly numMicroBatches: number;
  readonly isFilled: boolean;
}

const OPTIONS = { numRounds: 2, learningRate: 0.05, returnsGradients: true };

async function runCase(pool: RankPool, { numStages, numMicroBatches, isFilled }: Case, config: MiniConfig) {
  const setup = { ...setupOf(numStages, numMicroBatches), config };
  const silent = Array<number>(numStages - 1).fill(0);
  const plan = planMini(setup, profile(numStages), { forward: silent, backward: silent });
  if (isFilled && numMicroBatches > 1 && numStages > 1)
    assert.ok(
      plan.instructions.some((words) => words.slice(0, -2).some((word) => word.startsWith('Z'))),
      'frozen work stands between pipeline work',
    );
  const { results, iterations } = await runMini(
    pool,
    setup,
    [isFilled ? filledMode(setup, plan) : plainMode(setup)],
    OPTIONS,
  );
  const gradients = Object.assign({}, ...results.map((result) => result.gradients)) as Record<string, Float32Array>;
  return { gradients, losses: iterations[0]!.map(({ loss }) => loss) };
}

type Outcome = Awaited<ReturnType<typeof runCase>>;

const norm = (values: Float32Array): number => Math.hypot(...values);

/** Biases in front of a norm have gradients near 0: they are measured against a hundredth of the largest gradient. */
function largestError(found: Outcome, expected: Outcome): number {
  assert.deepEqual(Object.keys(found.gradients).sort(), Object.keys(expected.gradients).sort());
  const floor = 0.01 * Math.max(...Object.values(expected.gradients).map(norm));
  let worst = 0;
  for (const [name, gradient] of Object.entries(expected.gradients)) {
    const difference = gradient.map((value, i) => value - found.gradients[name]![i]!);
    worst = Math.max(worst, norm(difference) / Math.max(norm(gradient), floor));
  }
  expected.losses.forEach((loss, k) => {
    worst = Math.max(worst, Math.abs(loss - found.losses[k]!) / Math.abs(loss));
  });
  return worst;
}

const WHOLE: Case = { numStages: 1, numMicroBatches: 1, isFilled: false };

test('gradients of S = 1, 2, 4 stages and M = 1, 2, 4 micro-batches, filled or not, equal the whole-batch step to 1e-6', async () => {
  await using pool = openRankPool();
  const expected = await runCase(pool, WHOLE, CONFIG);
  assert.ok(Object.keys(expected.gradients).length > MINI_LAYERS.length);
  for (const numStages of [1, 2, 4])
    for (const numMicroBatches of [1, 2, 4])
      for (const isFilled of numStages === 1 || numMicroBatches === 1 ? [false] : [false, true]) {
        const error = largestError(await runCase(pool, { numStages, numMicroBatches, isFilled }, CONFIG), expected);
        assert.ok(error <= 1e-6, `S=${numStages} M=${numMicroBatches} filled=${isFilled}: ${error}`);
      }
});

test('with self-conditioning the same holds, and the extra pass changes what is learnt', async () => {
  await using pool = openRankPool();
  const config = { ...CONFIG, isSelfConditioned: true };
  const expected = await runCase(pool, WHOLE, config);
  for (const numStages of [2, 4])
    for (const isFilled of [false, true]) {
      const error = largestError(await runCase(pool, { numStages, numMicroBatches: 2, isFilled }, config), expected);
      assert.ok(error <= 1e-6, `S=${numStages} filled=${isFilled}: ${error}`);
    }
  const words = pipelineWords({ ...setupOf(2, 2), config });
  assert.deepEqual(
    words[0]!.filter((word) => word.startsWith('P')),
    ['P0', 'P1'],
  );
  // The first layer's weights for the estimate get gradients: without an estimate they would stay 0.
  const [, , height, width] = [0, 0, 3, 3];
  const weight =
    expected.gradients['p.in.conv.weight'] ??
    Object.values(expected.gradients).find(({ length }) => length === CONFIG.channels[0] * 8 * height * width);
  const perInput = height * width;
  const ofEstimate = weight!.filter((_, i) => Math.floor(i / perInput) % 8 >= 4);
  assert.ok(norm(ofEstimate) > 0.01 * norm(weight!));
});
