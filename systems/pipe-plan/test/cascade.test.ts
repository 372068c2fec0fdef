import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { compareCascade, simulateTwoWay } from '../src/cascade/compare-cascade.ts';
import { partitionTwoWay } from '../src/cascade/two-way-partition.ts';
import { presetCluster } from '../src/cluster.ts';
import { presetModel } from '../src/models/presets.ts';
import { cutMs, linkIndex, syncMs, type PartitionProblem } from '../src/partition/problem.ts';
import { randomProblem } from '../src/random-problem.ts';

const stageMs = (p: PartitionProblem, start: number, end: number, index: number): number =>
  p.forwardPrefixMs[index]![end]! -
  p.forwardPrefixMs[index]![start]! +
  p.backwardPrefixMs[index]![end]! -
  p.backwardPrefixMs[index]![start]!;

/** Every pair of partitions with common replicas, written apart from the program. */
function bruteForce(down: PartitionProblem, up: PartitionProblem, numStages: number): number {
  const compositions = (total: number, parts: number): number[][] =>
    parts === 1
      ? [[total]]
      : Array.from({ length: total - parts + 1 }, (_, k) => k + 1).flatMap((first) =>
          compositions(total - first, parts - 1).map((rest) => [first, ...rest]),
        );
  let best = Infinity;
  for (const replicas of compositions(down.numDevices, numStages))
    for (const downSizes of compositions(down.numLayers, numStages))
      for (const upSizes of compositions(up.numLayers, numStages)) {
        let slowest = 0;
        let exposed = 0;
        let [position, downStart, upEnd] = [0, 0, up.numLayers];
        replicas.forEach((count, group) => {
          const index = count - 1;
          const place = position * down.replicas.length + index;
          const downEnd = downStart + downSizes[group]!;
          const upStart = upEnd - upSizes[group]!;
          slowest = Math.max(slowest, stageMs(down, downStart, downEnd, index), stageMs(up, upStart, upEnd, index));
          exposed = Math.max(exposed, syncMs(down, downStart, downEnd, place) + syncMs(up, upStart, upEnd, place));
          if (group > 0) {
            const link = linkIndex(down, position, replicas[group - 1]! - 1, index);
            for (const [a, b] of [cutMs(down, downStart, link), cutMs(up, upEnd, link)])
              slowest = Math.max(slowest, a + b);
          }
          position += count;
          downStart = downEnd;
          upEnd = upStart;
        });
        best = Math.min(best, (down.numMicroBatches + up.numMicroBatches + 2 * numStages - 2) * slowest + exposed);
      }
  return best;
}

test('the two-way program equals brute force on 60 random pairs of backbones', () => {
  for (let seed = 0; seed < 60; seed++) {
    const rng = createRng(seed, 'two ways');
    const numStages = 2 + rng.integer(2);
    const numDevices = numStages + rng.integer(2);
    const [first, second] = [4, 4].map(() =>
      randomProblem(rng, numStages + rng.integer(3), numDevices, 1 + rng.integer(6)),
    );
    const down = first!;
    // Both run on the same links.
    const { cutMsPerByte, cutLatencyMs, syncFixedMs, syncMsPerByte } = down;
    const up = { ...second!, cutMsPerByte, cutLatencyMs, syncFixedMs, syncMsPerByte };
    const found = partitionTwoWay(down, up, numStages)!;
    const best = bruteForce(down, up, numStages);
    assert.ok(Math.abs(found.boundMs - best) <= 1e-9 * best, `seed ${seed}: ${found.boundMs} and ${best}`);
  }
});

test('without communication both directions together stay within (3) and above the busiest device, on 300 random pairs', () => {
  for (let seed = 0; seed < 300; seed++) {
    const rng = createRng(seed, 'bound 3');
    const numStages = 2 + rng.integer(3);
    const quiet = (): PartitionProblem => {
      const problem = randomProblem(rng, numStages + 2, numStages, numStages * (1 + rng.integer(3)));
      return {
        ...problem,
        replicas: [1],
        cutForwardBytes: new Float64Array(numStages + 3),
        cutBackwardBytes: new Float64Array(numStages + 3),
        gradPrefixBytes: new Float64Array(numStages + 3),
      };
    };
    const down = quiet();
    const up = { ...quiet(), numMicroBatches: down.numMicroBatches };
    const found = partitionTwoWay(down, up, numStages)!;
    const run = simulateTwoWay([down, up], found, {});
    assert.ok(run.iterationMs <= found.boundMs * (1 + 1e-9), `seed ${seed}: ${run.iterationMs} over ${found.boundMs}`);
    const busiest = Math.max(
      ...found.replicas.map((_, group) => {
        const mirror = numStages - 1 - group;
        const start = (ends: readonly number[], stage: number): number => ends[stage - 1] ?? 0;
        return (
          down.numMicroBatches * stageMs(down, start(found.downEnds, group), found.downEnds[group]!, 0) +
          up.numMicroBatches * stageMs(up, start(found.upEnds, mirror), found.upEnds[mirror]!, 0)
        );
      }),
    );
    assert.ok(run.iterationMs >= busiest * (1 - 1e-9));
  }
});

test('three ways to train a cascade are compared, each within memory, and one backbone is refused', () => {
  const model = presetModel('cascaded');
  const rows = compareCascade(model, presetCluster('workstation', 4), 32);
  assert.deepEqual(rows.map(({ method }) => method).sort(), ['bidirectional', 'one after another', 'side by side']);
  for (const row of rows) assert.ok(row.iterationMs >= row.pipelineMs && row.pipelineMs > 0);
  const cramped = { ...presetCluster('workstation', 4), memoryBytes: 2 ** 20 };
  assert.throws(() => compareCascade(model, cramped, 32), { message: /TF-PIPE-003/ });
  assert.throws(() => compareCascade(presetModel('sd21'), presetCluster('workstation', 4), 32), {
    message:
      'compareCascade: a model with two or more backbones, got 1 in "Stable Diffusion 2.1". Use `pipe-plan plan` for one backbone. TF-PIPE-005',
  });
});
