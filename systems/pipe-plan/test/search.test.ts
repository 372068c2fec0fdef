import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presetCluster } from '../src/cluster.ts';
import { createFrozenWork } from '../src/fill/frozen-work.ts';
import { checkFill } from '../src/fill/check-fill.ts';
import { presetModel } from '../src/models/presets.ts';
import { idleSlotsPerStage, jointIdleSlots } from '../src/pipeline/simulation.ts';
import { simulatePlan } from '../src/search/filled-plan.ts';
import { planOfStages } from '../src/search/own-stages.ts';
import { searchPlans } from '../src/search/search-plans.ts';
import type { FillMode } from '../src/types.ts';

const sd21 = presetModel('sd21');
const cluster = presetCluster('workstation', 8);
const GIB = 1024 ** 3;

test('SD 2.1 on eight devices idles under 5 % of the time once filled, and every filling of the plan is sound', () => {
  const { best } = searchPlans(sd21, cluster, { batch: 64, fill: 'perDevice' });
  assert.ok(best.filledBubbleRatio < 0.05, `${best.filledBubbleRatio}`);
  assert.ok(best.bubbleRatio > 0.2);
  assert.ok(best.gain > 1.2 && best.gain <= best.perfectGain + 1e-9);
  const work = createFrozenWork(sd21.frozen);
  const run = simulatePlan(best);
  assert.deepEqual(checkFill(work, best.fill, idleSlotsPerStage(run), 64 / best.numGroups), []);
  const busy = run.bubbleRatio * run.iterationMs;
  assert.ok(best.fill.filledDeviceMs <= busy * best.groupDevices + 1e-6);
});

test('fillings rank as they must: exact choices over full batches over none; caching bounds them all', () => {
  const ms = (fill: FillMode): number => searchPlans(sd21, cluster, { batch: 64, fill }).best.iterationMs;
  const [greedy, full, none] = [ms('greedy'), ms('fullOnly'), ms('none')];
  assert.ok(greedy <= full + 1e-9 && full < none);
  const cached = searchPlans({ ...sd21, frozen: [] }, cluster, { batch: 64, fill: 'none' }).best.iterationMs;
  assert.ok(cached <= greedy + 1e-9);
  const { best } = searchPlans(sd21, cluster, { batch: 64, fill: 'greedy' });
  const slots = jointIdleSlots(simulatePlan(best));
  assert.deepEqual(checkFill(createFrozenWork(sd21.frozen), best.fill, slots, 64 / best.numGroups), []);
});

test('an impossible memory cap names the least one that works: with it there is a plan, a hundredth below there is none', () => {
  const least = ((): number => {
    try {
      searchPlans(sd21, { ...cluster, memoryBytes: 3 * GIB }, { batch: 64 });
    } catch (error) {
      const { message } = error as Error;
      const match =
        /^searchPlans: a plan within 3\.00 GiB per device, got at least ([\d.]+) GiB\. The least cap that works here is \1 GiB\. TF-PIPE-003$/.exec(
          message,
        );
      assert.ok(match, message);
      return Number(match[1]);
    }
    return assert.fail('a plan within 3 GiB');
  })();
  const { best } = searchPlans(sd21, { ...cluster, memoryBytes: least * GIB }, { batch: 64 });
  assert.ok(best.peakBytes <= least * GIB);
  assert.throws(() => searchPlans(sd21, { ...cluster, memoryBytes: (least - 0.02) * GIB }, { batch: 64 }), {
    message: /TF-PIPE-003/,
  });
});

test('recomputation appears only where memory demands it, and costs time', () => {
  const options = { batch: 64, groupDevices: 4, numStages: 2, numMicroBatches: 4 };
  const roomy = searchPlans(sd21, { ...cluster, memoryBytes: 200 * GIB }, options).best;
  assert.equal(roomy.recomputes, false);
  const tight = searchPlans(sd21, { ...cluster, memoryBytes: 11 * GIB }, options).best;
  assert.equal(tight.recomputes, true);
  assert.ok(tight.peakBytes <= 11 * GIB && tight.pipelineMs > roomy.pipelineMs);
});

test('batches and shapes that cannot be are refused with what would do', () => {
  const refuses = (options: Parameters<typeof searchPlans>[2], message: string): void =>
    assert.throws(() => searchPlans(sd21, cluster, options), { message });
  refuses(
    { batch: 7 },
    'searchPlans: a batch that pipeline groups, micro-batches and replicas divide evenly, got batch 7 on 8 devices. Use batch 8, or name 8 stages and 7 micro-batches, which are fewer than is searched. TF-PIPE-002',
  );
  refuses(
    { batch: 64, numMicroBatches: 5 },
    'searchPlans: a batch that pipeline groups, micro-batches and replicas divide evenly, got batch 64 on 8 devices in 5 micro-batches. Use a number of micro-batches that divides the batch of a group, or allow uneven shares. TF-PIPE-002',
  );
  assert.equal(searchPlans(sd21, cluster, { batch: 7, numStages: 8, numMicroBatches: 7 }).best.numMicroBatches, 7);
  refuses(
    { batch: 7, numStages: 3, allowsUneven: true },
    'searchPlans: a batch that pipeline groups, micro-batches and replicas divide evenly, got batch 7 on 8 devices. Use batch 8. TF-PIPE-002',
  );
  refuses({ batch: 64, groupDevices: 3 }, 'searchPlans: a group size that divides 8 devices, got 3. TF-PIPE-005');
  refuses({ batch: 64, numStages: 9 }, 'searchPlans: at most 8 stages (29 layers, 8 devices), got 9. TF-PIPE-005');
  assert.throws(() => presetCluster('a100-efa', 12), {
    message: 'presetCluster: whole nodes of 8 devices, got 12 devices. Take 8 or 16. TF-PIPE-005',
  });
});

test('uneven shares are allowed only on demand and cost what the largest share costs', () => {
  const stages = { ends: [15, 29], replicas: [3, 5] };
  const options = { batch: 64, numMicroBatches: 8 };
  assert.throws(() => planOfStages(sd21, cluster, options, stages), { message: /TF-PIPE-002/ });
  const plan = planOfStages(sd21, cluster, { ...options, allowsUneven: true }, stages);
  const alone = planOfStages(
    sd21,
    presetCluster('a100-efa', 1),
    { batch: 3, numMicroBatches: 1 },
    {
      ends: [29],
      replicas: [1],
    },
  );
  const firstStage = sd21.backbones[0]!.layers.slice(0, 15);
  assert.ok(firstStage.length === 15 && plan.times.forwardMs[0]! < alone.times.forwardMs[0]!);
  // 8 samples on 3 replicas: the largest share is 3.
  const perSample = firstStage.reduce((sum, { flops }) => sum + flops!, 0) / 125e9;
  assert.ok(Math.abs(plan.times.forwardMs[0]! - (15 * 0.15 + 3 * perSample)) < 1e-6 * plan.times.forwardMs[0]!);
});

test('self-conditioning plans the mean of iterations with and without the extra pass', () => {
  const options = { batch: 64, groupDevices: 4, numStages: 4, numMicroBatches: 8, warmup: 'classic' as const };
  const at = (probability: number) =>
    searchPlans({ ...sd21, selfConditioning: { probability } }, cluster, options).best;
  const [always, half] = [at(1), at(0.5)];
  assert.ok(half.withExtraPassMs! > half.withoutExtraPassMs!);
  assert.ok(Math.abs(half.iterationMs - (half.withExtraPassMs! + half.withoutExtraPassMs!) / 2) < 1e-9);
  assert.ok(always.iterationMs > half.iterationMs);
  assert.ok(always.times.feedbackMs! > 0);
  // (2): T is near (M + 2S − 2)·T0 + c_fb + Y*, with T0 counting two forward passes.
  assert.ok(always.pipelineMs <= 1.1 * (always.partition.boundMs + always.times.feedbackMs!));
});
