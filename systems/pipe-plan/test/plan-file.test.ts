import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presetCluster } from '../src/cluster.ts';
import { deliveryOf } from '../src/fill/delivery.ts';
import { memoryPrefixes, stageMemory } from '../src/memory.ts';
import { presetModel } from '../src/models/presets.ts';
import { checkPlanFile } from '../src/profiles/check-plan.ts';
import { planFileFrom, readPlanFile, type PlanFile } from '../src/profiles/plan-json.ts';
import { searchPlans } from '../src/search/search-plans.ts';
import type { Backbone, FillMode, FrozenSpan } from '../src/types.ts';

const cluster = presetCluster('a100-efa', 4);
const planOf = (fill: FillMode, selfConditioned = false): PlanFile =>
  planFileFrom(
    searchPlans(
      { ...presetModel('sd-mini'), ...(selfConditioned ? { selfConditioning: { probability: 0.5 } } : {}) },
      cluster,
      { batch: 16, groupDevices: 4, numStages: 2, numMicroBatches: 4, fill },
    ).best,
  );
const copy = (plan: PlanFile): PlanFile => readPlanFile(JSON.stringify(plan), 'plan.json');
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends object ? Mutable<T[K]> : T[K] };
const broken = (edit: (plan: Mutable<PlanFile>) => void): string[] => {
  const plan = copy(planOf('perDevice'));
  edit(plan as Mutable<PlanFile>);
  return checkPlanFile(plan);
};

test('plans of every filling and of self-conditioning pass the check after a round trip through JSON', () => {
  for (const fill of ['none', 'greedy', 'fullOnly', 'perDevice'] as const) {
    const plan = planOf(fill);
    assert.deepEqual(checkPlanFile(copy(plan)), [], fill);
    if (fill === 'perDevice' || fill === 'none') assert.ok(plan.keepsSamplesInPlace, fill);
  }
  const conditioned = planOf('perDevice', true);
  assert.deepEqual(checkPlanFile(copy(conditioned)), []);
  assert.ok(conditioned.devices[0]!.words.includes('P0'));
});

test('the check names a foreign device count, a gap between stages, and words that are missing, doubled or deadlock', () => {
  assert.deepEqual(checkPlanFile(planOf('perDevice'), { numDevices: 8 }), ['made for 4 devices, not 8']);
  assert.match(
    broken((plan) => (plan.stages[1]!.start += 1))[0]!,
    /^stage 1 is \[\d+, 11\), expected to start at layer/,
  );
  assert.match(
    broken((plan) => plan.devices[0]!.words.splice(plan.devices[0]!.words.indexOf('B2'), 1))[0]!,
    /B2 never run/,
  );
  assert.match(broken((plan) => plan.devices[0]!.words.push('F0'))[0]!, /"F0" is unknown or stands twice/);
  const swapped = broken(({ devices }) => {
    for (const { stage, words } of devices) {
      if (stage !== 1) continue;
      const rest = words.filter((word) => word !== 'B0' && word !== 'F0');
      words.splice(0, words.length, 'B0', 'F0', ...rest);
    }
  });
  assert.match(swapped[0]!, /^the order deadlocks: /);
});

test('the check names frozen samples that run twice, never, or before what they need', () => {
  const withJob = (edit: (jobs: Mutable<PlanFile['devices'][0]['frozen']>) => void): string[] =>
    broken(({ devices }) => edit(devices.find(({ frozen }) => frozen.length > 3)!.frozen));
  assert.match(withJob((jobs) => (jobs[0]!.count -= 1)).join('; '), /of sample \d+ runs 0 times/);
  assert.match(withJob((jobs) => (jobs[1] = { ...jobs[0]! })).join('; '), /runs 2 times/);
  const early = broken(({ devices }) => {
    const { words } = devices.find(({ frozen }) => frozen.length > 3)!;
    const [first, second] = [words.indexOf('Z0'), words.indexOf('Z1')];
    [words[first], words[second]] = [words[second]!, words[first]!];
  });
  assert.match(early[0]!, /VAE encoder\.1 of sample \d+ runs before layer 0$/);
});

test('files that are no plans are refused by name', () => {
  assert.throws(() => readPlanFile('nonsense', 'plan.json'), {
    message: 'readPlanFile: a plan in JSON, as `pipe-plan export` writes it, got "nonsense" (plan.json). TF-PIPE-007',
  });
  assert.throws(() => readPlanFile('{"format":"x"}', 'plan.json'), {
    message: 'readPlanFile: "format": "tenfold-pipe-plan", got "x" (plan.json). TF-PIPE-007',
  });
  assert.throws(() => readPlanFile('{"format":"tenfold-pipe-plan","version":2}', 'plan.json'), {
    message: 'readPlanFile: version 1, got 2 (plan.json). TF-PIPE-007',
  });
});

const layer = (paramBytes: number, activationBytesPerSample: number, outputBytesPerSample: number) => ({
  name: 'l',
  kind: 'trainable' as const,
  forward: { sizes: [1, 2], timesMs: [1, 2] },
  backward: { sizes: [1, 2], timesMs: [2, 4] },
  paramBytes,
  gradBytes: paramBytes,
  activationBytesPerSample,
  outputBytesPerSample,
});

test('memory of a stage is the sum that a hand adds up, with the micro-batches that its warm-up keeps', () => {
  const backbone: Backbone = {
    name: 'b',
    layers: [layer(10, 100, 7), layer(20, 200, 9), layer(40, 400, 5)],
    skips: [],
  };
  const options = { numMicroBatches: 8, microBatch: 4, groupBatch: 32, groupDevices: 4, frozen: [] };
  const at = (schedule: 'classic' | 'commAware' | 'gpipe', recomputes = false) =>
    stageMemory(
      memoryPrefixes(backbone),
      { start: 1, end: 2, replicas: 2 },
      { stage: 1, numStages: 3 },
      { ...options, schedule, recomputes },
    );
  const classic = at('classic');
  assert.deepEqual(
    [classic.weightsBytes, classic.gradientsBytes, classic.optimizerBytes, classic.inflight],
    [20, 20, 120, 2],
  );
  assert.equal(classic.activationBytes, 2 * 2 * 200);
  assert.equal(classic.bufferBytes, 2 * 2 * (7 + 9));
  assert.equal(at('commAware').inflight, 3);
  assert.equal(at('gpipe').inflight, 8);
  assert.equal(at('classic', true).activationBytes, 2 * (2 * (7 + 9) + 200));
});

test('frozen outputs that are made late delay the next iteration by their way to the stage that reads them first', () => {
  const span = (endMs: number): FrozenSpan => ({
    component: 'text',
    layer: 0,
    startMs: endMs - 5,
    endMs,
    stages: [1],
    replica: 0,
    numDevices: 1,
    samplesPerDevice: 8,
    sampleStart: 0,
    samples: 8,
    isLeftOver: false,
  });
  const frozen = { id: 'text', layers: [{ ...layer(0, 0, 1000), kind: 'frozen' as const }], preds: [] };
  const stages = [
    { start: 0, end: 1, replicas: 1 },
    { start: 1, end: 2, replicas: 1 },
  ];
  const slow = { ...cluster, numDevices: 2, intra: { latencyMs: 1, bytesPerSec: 1e6 } };
  const late = (endMs: number, consumers?: { layer: number; bytesPerSample: number; tensor: string }[]) =>
    deliveryOf({
      components: [{ ...frozen, ...(consumers ? { consumers } : {}) }],
      cluster: slow,
      groupDevices: 2,
      placement: 'pipeline-inner',
      stages,
      fill: {
        mode: 'perDevice',
        spans: [span(endMs)],
        filledDeviceMs: 5,
        idleDeviceMs: 5,
        leftOverMs: 0,
        iterationMs: 100,
      },
      firstForwardMs: [0, 10],
    });
  // 8 samples of 1000 bytes take 1 + 8 ms to stage 0.
  assert.ok(Math.abs(late(100).lateMs - 9) < 1e-9);
  assert.equal(late(91).lateMs, 0);
  assert.deepEqual(late(100).arrivingBytes, [8000, 0]);
  // Read on the stage that made it: nothing travels. Read twice by one stage: it travels once.
  assert.equal(late(100, [{ layer: 1, bytesPerSample: 1000, tensor: 't' }]).lateMs, 0);
  const twice = [0, 0].map(() => ({ layer: 0, bytesPerSample: 1000, tensor: 't' }));
  assert.deepEqual(late(100, twice).arrivingBytes, [8000, 0]);
});
