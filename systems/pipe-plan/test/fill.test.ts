import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng, type Rng } from '@tenfold/core/base';
import { checkFill } from '../src/fill/check-fill.ts';
import { fillPerDevice } from '../src/fill/device-fill.ts';
import { fillExactly } from '../src/fill/exact-fill.ts';
import { createFrozenWork } from '../src/fill/frozen-work.ts';
import { fillGreedily } from '../src/fill/greedy-fill.ts';
import { idleSlotsPerStage, jointIdleSlots, simulatePipeline } from '../src/pipeline/simulation.ts';
import { frozenLayer, randomFillProblem } from '../src/random-fill.ts';
import type { FrozenComponent, PipelineTimes } from '../src/types.ts';

const worked: FrozenComponent[] = [
  { id: 'encoder', layers: [frozenLayer('A', 0.5), frozenLayer('B', 1.5)], preds: [] },
];
const pipe: PipelineTimes = {
  numMicroBatches: 4,
  forwardMs: [10, 10],
  backwardMs: [20, 20],
  cutForwardMs: [0],
  cutBackwardMs: [0],
  syncMs: [0, 0],
  replicas: [1, 1],
};
const PARTIALS = [1, 2, 4, 8, 12, 16];

test('the worked example: partial batches keep 150 ms and leave 28 of 60 idle ms, full batches alone take 162 ms', () => {
  const run = simulatePipeline(pipe, { schedule: 'classic' });
  const target = { slots: jointIdleSlots(run), pipelineMs: run.iterationMs, replicas: [1, 1] };
  const work = createFrozenWork(worked);
  const greedy = fillGreedily(work, target, { batch: 16, partialBatches: PARTIALS });
  assert.equal(greedy.iterationMs, 150);
  assert.equal(greedy.filledDeviceMs, 32);
  assert.equal(greedy.idleDeviceMs, 60);
  assert.equal(((100 * (greedy.idleDeviceMs - greedy.filledDeviceMs)) / 300).toFixed(2), '9.33');
  assert.deepEqual(
    greedy.spans.map(({ layer, startMs, endMs, samples }) => [layer, startMs, endMs, samples]),
    [
      [0, 0, 8, 16],
      [1, 8, 9.5, 1],
      [1, 20, 38, 12],
      [1, 120, 124.5, 3],
    ],
  );
  assert.deepEqual(checkFill(work, greedy, target.slots, 16), []);
  const full = fillGreedily(work, target, { batch: 16, allowsPartial: false });
  assert.equal(full.iterationMs, 162);
  assert.deepEqual(checkFill(work, full, target.slots, 16), []);
});

const randomCase = (rng: Rng, maxLayers: number) =>
  randomFillProblem(rng, { maxLayers, maxComponents: 3, maxReplicas: 2, maxBatch: 24 });

test('every filling does each sample of each layer once, in idle time, after what it needs', () => {
  for (let seed = 0; seed < 300; seed++) {
    const { times, components, batch } = randomCase(createRng(seed, 'fill'), 4);
    const run = simulatePipeline(times, { schedule: 'commAware' });
    const work = createFrozenWork(components);
    const joint = { slots: jointIdleSlots(run), pipelineMs: run.iterationMs, replicas: times.replicas };
    const own = { ...joint, slots: idleSlotsPerStage(run) };
    for (const allowsPartial of [true, false])
      assert.deepEqual(checkFill(work, fillGreedily(work, joint, { batch, allowsPartial }), joint.slots, batch), []);
    assert.deepEqual(checkFill(work, fillPerDevice(work, own, { batch }), own.slots, batch), [], `seed ${seed}`);
  }
});

test('the greedy filling is never better than the exact one and mostly equal', () => {
  let numEqual = 0;
  let worst = 0;
  const cases = 120;
  for (let seed = 0; seed < cases; seed++) {
    const { times, components, batch } = randomCase(createRng(seed, 'exact'), 2);
    const run = simulatePipeline(times, { schedule: 'classic' });
    const work = createFrozenWork(components);
    const target = { slots: jointIdleSlots(run).slice(0, 6), pipelineMs: run.iterationMs, replicas: times.replicas };
    const options = { batch, partialBatches: [1, 4, 8] };
    const greedy = fillGreedily(work, target, options);
    const exact = fillExactly(work, target, options);
    assert.deepEqual(checkFill(work, exact, target.slots, batch), []);
    assert.ok(exact.iterationMs <= greedy.iterationMs + 1e-9);
    const gap = greedy.iterationMs / exact.iterationMs - 1;
    worst = Math.max(worst, gap);
    if (gap < 1e-9) numEqual++;
  }
  assert.ok(numEqual > cases / 2, `${numEqual} of ${cases}`);
  assert.ok(worst > 0 && worst < 0.1, `worst gap ${worst}`);
  console.log(`greedy equals exact in ${numEqual} of ${cases} cases, worst gap ${(100 * worst).toFixed(2)} %`);
});

test('frozen components in a circle or with unknown predecessors are refused by name', () => {
  const [component] = worked as [FrozenComponent];
  assert.throws(() => createFrozenWork([{ ...component, preds: ['text'] }]), {
    message: 'createFrozenWork: predecessors of "encoder" among encoder, got "text". TF-PIPE-004',
  });
  assert.throws(
    () =>
      createFrozenWork([
        { ...component, preds: ['b'] },
        { ...component, id: 'b', preds: ['encoder'] },
      ]),
    {
      message: 'createFrozenWork: frozen components without a circle, got encoder → b → encoder. TF-PIPE-004',
    },
  );
});
