import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictWith, selfTrain, trainSource } from '../src/index.ts';
import type { Checkpoint } from '../src/index.ts';
import { openNetwork } from '../src/engine/ensemble.ts';
import { drawBlobs } from './blobs.ts';

const labelled = drawBlobs(240, 1, 0);
const target = drawBlobs(200, 2, 0.4);
const backbone = { kind: 'mlp' as const, width: labelled.x.width, hidden: [24, 12], dropout: 0.3 };
const train = (numMembers: number) =>
  trainSource(labelled.x, labelled.labels, { numClasses: 3, seed: 5, backbone, batchSize: 32, numMembers });
const [single, ensemble] = [await train(1), await train(3)];
const open = (source: typeof single) =>
  openNetwork({ ...source.network, states: source.states, seed: 5, learningRate: 0.02 });

test('an ensemble answers with the mean of its members, the first of which is the network alone', async () => {
  const memberStates = [0, 1, 2].map((i) =>
    Object.fromEntries(
      Object.entries(ensemble.states).flatMap(([name, value]) => {
        const [, index, own] = /^member(\d+)\/(.*)$/.exec(name) ?? [undefined, '0', name];
        return Number(index) === i ? [[own, value]] : [];
      }),
    ),
  );
  for (const [name, { data }] of Object.entries(single.states))
    assert.deepEqual(memberStates[0][name].data, data, name);
  const answers: Float32Array[] = [];
  for (const states of memberStates)
    answers.push((await predictWith(single.network, states, target.x)).probabilities.data);
  assert.notDeepEqual(answers[0], answers[1]);
  const { probabilities } = await predictWith(ensemble.network, ensemble.states, target.x);
  probabilities.data.forEach((value, i) => {
    assert.ok(Math.abs(value - (answers[0][i] + answers[1][i] + answers[2][i]) / 3) < 1e-6);
  });
});

test('the variance of passes holds what members disagree about, also where dropout is off', async () => {
  const variance = async (source: typeof single) => {
    const network = { ...source.network, backbone: { ...backbone, dropout: 0 } };
    await using opened = await open({ ...source, network });
    const { squares, numPasses } = await opened.dropoutPasses(target.x, 6, 'test');
    assert.equal(numPasses, 6);
    return squares.reduce((sum, value) => sum + value, 0) / squares.length / numPasses;
  };
  assert.ok((await variance(single)) < 1e-12);
  assert.ok((await variance(ensemble)) > 1e-5);
});

test('an ensemble adapts with its members, and a resumed run ends in the same weights', async () => {
  const options = { rounds: 2, numPasses: 6, seed: 5 } as const;
  const checkpoints: Checkpoint[] = [];
  const whole = await selfTrain(
    {
      source: ensemble,
      target: target.x,
      async onCheckpoint(checkpoint) {
        checkpoints.push({ ...checkpoint, rounds: [...checkpoint.rounds] });
      },
    },
    options,
  );
  const names = Object.keys(whole.states);
  for (const member of ['fc1', 'member1/fc1', 'member2/fc1']) {
    const name = names.find((each) => each.startsWith(`${member}.`))!;
    assert.notDeepEqual(whole.states[name].data, ensemble.states[name].data, name);
  }
  const resumed = await selfTrain({ source: ensemble, target: target.x, resumeFrom: checkpoints[1] }, options);
  for (const name of names) assert.deepEqual(resumed.states[name].data, whole.states[name].data, name);
});
