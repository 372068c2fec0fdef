import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictWith, selfTrain, trainSource } from '../src/index.ts';
import type { Checkpoint, Method, RoundReport } from '../src/index.ts';
import { createNetwork } from '../src/engine/network.ts';
import { adapt, adaptJson } from '../src/adaptation.ts';
import { METHODS } from '../src/types.ts';
import { drawBlobs, trainBlobs } from './blobs.ts';

const source = await trainBlobs();
const target = drawBlobs(300, 2, 0.4);
const QUICK = { rounds: 2, numPasses: 3, seed: 5 } as const;

const plain = (rounds: readonly RoundReport[]) => JSON.parse(JSON.stringify(rounds)) as unknown;

test('two runs with one seed are equal bit for bit, and another seed differs', async () => {
  const run = (seed: number) => selfTrain({ source, target: target.x }, { ...QUICK, seed });
  const [first, second, other] = [await run(5), await run(5), await run(6)];
  assert.deepEqual(plain(first.rounds), plain(second.rounds));
  for (const [name, tensor] of Object.entries(first.states))
    assert.deepEqual(tensor.data, second.states[name].data, name);
  assert.notDeepEqual(plain(first.rounds), plain(other.rounds));
});

test('a run that is broken off after a round and resumed ends in the same reports and weights', async () => {
  const whole = await selfTrain({ source, target: target.x }, { ...QUICK, rounds: 3 });
  const checkpoints: Checkpoint[] = [];
  const controller = new AbortController();
  const broken = selfTrain(
    {
      source,
      target: target.x,
      signal: controller.signal,
      async onCheckpoint(checkpoint) {
        checkpoints.push(checkpoint);
        if (checkpoints.length === 2) controller.abort();
      },
    },
    { ...QUICK, rounds: 3 },
  );
  await assert.rejects(broken, { code: 'TF-BASE-001' });
  const resumed = await selfTrain({ source, target: target.x, resumeFrom: checkpoints[1] }, { ...QUICK, rounds: 3 });
  assert.deepEqual(plain(resumed.rounds), plain(whole.rounds));
  for (const [name, tensor] of Object.entries(whole.states))
    assert.deepEqual(tensor.data, resumed.states[name].data, name);
});

test('no method but the oracle can be given target labels, and wrong labels to measure with change no decision', async () => {
  const input = { source, target: { name: 'blobs', x: target.x }, classNames: ['a', 'b', 'c'] };
  const poisoned = target.labels.map((label) => (label + 1) % 3);
  const runs = [];
  for (const truth of [target.labels, poisoned]) runs.push(await adapt({ ...input, truth }, QUICK));
  const withoutTruth = (rounds: readonly RoundReport[]) =>
    rounds.map(({ truthAccuracy: _a, truthAcceptedAccuracy: _b, truthEce: _c, ...rest }) => rest);
  assert.notEqual(runs[0].result.rounds[0].truthAccuracy, runs[1].result.rounds[0].truthAccuracy);
  assert.deepEqual(withoutTruth(runs[0].result.rounds), withoutTruth(runs[1].result.rounds));
  for (const [name, { data }] of Object.entries(runs[0].result.states)) {
    assert.deepEqual(data, runs[1].result.states[name].data, name);
  }
  for (const method of METHODS.filter((name) => name !== 'oracle')) {
    await assert.rejects(selfTrain({ source, target: target.x, oracleLabels: target.labels }, { ...QUICK, method }), {
      message: `selfTrain: no target labels for "${method}", got 300 labels. TF-SELF-002`,
    });
  }
  await assert.rejects(selfTrain({ source, target: target.x }, { ...QUICK, method: 'oracle' }), {
    message: 'selfTrain: target labels for the oracle, got none. TF-SELF-002',
  });
});

test('every method makes the same number of updates', async () => {
  const steps = new Map<Method, number>();
  for (const method of METHODS) {
    let last = 0;
    await selfTrain(
      {
        source,
        target: target.x,
        ...(method === 'oracle' && { oracleLabels: target.labels }),
        async onCheckpoint({ network }) {
          last = network.step;
        },
      },
      { ...QUICK, rounds: 3, method, hasGuard: false },
    );
    steps.set(method, last);
  }
  assert.ok(steps.get('em')! >= 60);
  assert.equal(new Set(steps.values()).size, 1, JSON.stringify([...steps]));
});

test('likelihood never falls in any round of any setting of EM', async () => {
  const settings = [
    { beta: 0 },
    { beta: 1, isShared: false },
    { beta: 0.5, basesPerClass: 3 },
    { beta: 0.5, clampWeight: 1 },
    { label: 'soft', weighting: 'exp' },
  ] as const;
  for (const setting of settings) {
    const { rounds } = await selfTrain({ source, target: target.x }, { ...QUICK, ...setting, hasGuard: false });
    for (const { logLikelihood } of rounds) {
      assert.ok(logLikelihood.length > 1);
      logLikelihood.forEach((value, i) => assert.ok(i === 0 || value >= logLikelihood[i - 1] - 1e-9 * Math.abs(value)));
    }
  }
});

test('adaptation is better than the source network on held-back target samples, mean of three seeds', async () => {
  let [before, after] = [0, 0];
  const [far, fresh] = [drawBlobs(300, 2, 0.45), drawBlobs(600, 77, 0.45)];
  const accuracyOf = ({ probabilities }: Awaited<ReturnType<typeof predictWith>>) => {
    let right = 0;
    for (let n = 0; n < probabilities.numRows; n++) {
      const row = probabilities.data.subarray(3 * n, 3 * n + 3);
      right += Number(row.indexOf(Math.max(...row)) === fresh.labels[n]);
    }
    return right / probabilities.numRows;
  };
  for (const seed of [1, 2, 3]) {
    const trained = await trainBlobs(seed);
    const { states } = await selfTrain({ source: trained, target: far.x }, { seed, rounds: 4, numPasses: 5 });
    before += accuracyOf(await predictWith(trained.network, trained.states, fresh.x)) / 3;
    after += accuracyOf(await predictWith(trained.network, states, fresh.x)) / 3;
  }
  assert.ok(after > before + 0.02, `${before} → ${after}`);
});

test('dropout is off in predictions and on in passes, and a pass is the same thinned network for all samples', async () => {
  await using network = await createNetwork({ ...source.network, states: source.states, seed: 1, learningRate: 0 });
  const [first, second] = [await network.predict(target.x), await network.predict(target.x)];
  assert.deepEqual(first.probabilities.data, second.probabilities.data);
  const passes = await network.dropoutPasses(target.x, 8, 'a');
  const spread = passes.squares.reduce((sum, value) => sum + value, 0);
  assert.ok(spread > 0.1, `passes differ by ${spread}`);
  assert.equal(passes.numPasses, 8);
  const again = await network.dropoutPasses(target.x, 8, 'a');
  assert.deepEqual(passes.mean, again.mean);
  const otherPurpose = await network.dropoutPasses(target.x, 8, 'b');
  assert.notDeepEqual(passes.mean, otherPurpose.mean);
  const twice = { ...target.x, numRows: 600, data: Float32Array.from([...target.x.data, ...target.x.data]) };
  const doubled = await network.dropoutPasses(twice, 8, 'a');
  doubled.mean.subarray(0, 900).forEach((value, i) => assert.ok(Math.abs(value - doubled.mean[900 + i]) < 1e-6));
});

test('one pass folded with others gives what it gives alone', async () => {
  await using network = await createNetwork({ ...source.network, states: source.states, seed: 1, learningRate: 0 });
  const small = drawBlobs(7, 3, 0.5).x;
  const alone = await network.dropoutPasses(small, 1, 'fold');
  const many = { ...small };
  const folded = await network.dropoutPasses(many, 6, 'fold');
  assert.notDeepEqual(alone.mean, folded.mean);
  assert.ok(folded.squares.some((value) => value > 0));
  for (let n = 0; n < 7; n++) {
    const sum = folded.mean.subarray(3 * n, 3 * n + 3).reduce((a, b) => a + b);
    assert.ok(Math.abs(sum - 1) < 1e-6);
  }
});

test('the guard goes back to the best round, and that network is the one that comes out', async () => {
  const guard = { maxAgreementLoss: -1 };
  const { isStopped, keptRound, rounds, states, final } = await selfTrain(
    { source, target: target.x },
    { ...QUICK, guard },
  );
  assert.equal(isStopped, true);
  assert.equal(keptRound, 0);
  assert.equal(rounds.length, 2);
  assert.match(rounds[1].alarms.join(), /agreement fell/);
  const back = await predictWith(source.network, states, target.x);
  const before = await predictWith(source.network, source.states, target.x);
  assert.deepEqual(back.probabilities.data, before.probabilities.data);
  assert.deepEqual(final.prediction.probabilities.data, before.probabilities.data);
  const off = await selfTrain({ source, target: target.x }, { ...QUICK, guard, hasGuard: false });
  assert.equal(off.isStopped, false);
});

test('the network learns bases that become more orthogonal with their weight', async () => {
  const cosineOf = async (orthogonality: number) => {
    const { x, labels } = drawBlobs(240, 1, 0);
    const backbone = { kind: 'mlp' as const, width: 8, hidden: [24, 12], dropout: 0.3 };
    const trained = await trainSource(x, labels, {
      numClasses: 3,
      seed: 1,
      backbone,
      batchSize: 64,
      epochs: 80,
      hasBases: true,
      basisWeights: { orthogonality },
    });
    const bases = trained.bases!;
    const norm = (k: number) => Math.hypot(...bases.subarray(k * 12, k * 12 + 12));
    let sum = 0;
    for (const [j, k] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ]) {
      let dot = 0;
      for (let a = 0; a < 12; a++) dot += bases[j * 12 + a] * bases[k * 12 + a];
      sum += Math.abs(dot) / (norm(j) * norm(k)) / 3;
    }
    return { cosine: sum, accuracy: trained.heldOutQuality.accuracy };
  };
  const [without, weighted] = [await cosineOf(0), await cosineOf(5)];
  assert.ok(weighted.cosine < 0.5 * without.cosine, `${without.cosine} → ${weighted.cosine}`);
  assert.ok(weighted.accuracy >= without.accuracy - 0.05);
});

test('learned bases can start EM', async () => {
  const withBases = await trainBlobs(1, { hasBases: true });
  const { rounds } = await selfTrain(
    { source: withBases, target: target.x },
    { ...QUICK, bases: 'attention', hasGuard: false },
  );
  assert.equal(rounds.length, 3);
});

test('what the page gets has one view a round, turned alike, and names the samples to ask about', async () => {
  const input = { source, target: { name: 'target', x: target.x }, truth: target.labels, classNames: ['a', 'b', 'c'] };
  const adaptation = await adapt(input, QUICK);
  const json = adaptJson(adaptation, { ...input, sourceName: 'source', seed: 5 });
  assert.deepEqual(
    json.views.map(({ round }) => round),
    [0, 1, 2],
  );
  for (const { x, y, label, variance, accepted, bases } of json.views) {
    assert.deepEqual([x.length, y.length, label.length, variance.length, accepted.length], [300, 300, 300, 300, 300]);
    assert.deepEqual(
      bases.map((basis) => basis.label),
      [0, 1, 2],
    );
  }
  // A point moves little between rounds beside the size of the picture.
  const [first, second] = json.views;
  const size = Math.sqrt(first.x.reduce((sum, x, i) => sum + x * x + first.y[i] ** 2, 0) / 300);
  const moved = Math.sqrt(
    first.x.reduce((sum, x, i) => sum + (x - second.x[i]) ** 2 + (first.y[i] - second.y[i]) ** 2, 0) / 300,
  );
  assert.ok(moved < 0.7 * size, `moved ${moved} of ${size}`);
  assert.equal(json.askNext.length, 20);
  assert.ok(json.certain[0].confidence >= json.uncertain[0].confidence);
});

test('empty targets, other widths, one class and classes without samples are refused', async () => {
  const empty = { numRows: 0, width: 8, data: new Float32Array() };
  await assert.rejects(selfTrain({ source, target: empty }), {
    message: 'selfTrain: at least one unlabelled sample, got none. TF-SELF-001',
  });
  await assert.rejects(selfTrain({ source, target: { numRows: 1, width: 3, data: new Float32Array(3) } }), {
    message: 'selfTrain: target samples of width 8, as in the source, got 3. TF-SELF-002',
  });
  const { x, labels } = drawBlobs(30, 1, 0);
  await assert.rejects(trainSource(x, labels.fill(0), { numClasses: 1, seed: 1 }), { code: 'TF-SELF-001' });
  await assert.rejects(trainSource(x, labels, { numClasses: 2, seed: 1 }), {
    message: 'trainSource: labelled samples of every class, got none of class 1. TF-SELF-004',
  });
  await assert.rejects(trainSource(x, labels.fill(7), { numClasses: 2, seed: 1 }), {
    message: 'trainSource: labels 0 to 1, or −1 for void, got 7 (label 0). TF-SELF-004',
  });
});

const tiny = (width: number) => ({ kind: 'mlp' as const, width, hidden: [8], dropout: 0.1 });

test('the last sample of a class is not held out; with one of each all are learned', async () => {
  const { x } = drawBlobs(40, 4, 0);
  const labels = Int32Array.from({ length: 40 }, (_, n) => (n === 17 ? 2 : n % 2));
  for (let seed = 0; seed < 20; seed++) {
    const source = await trainSource(x, labels, { numClasses: 3, seed, epochs: 1, backbone: tiny(x.width) });
    assert.ok(source.trainingLabels.includes(2), `seed ${seed}`);
    assert.equal(source.heldOut.labels.length, 4);
    assert.equal(source.numSamples, 40);
  }
  const one = { numRows: 3, width: x.width, data: x.data.subarray(0, 3 * x.width) };
  const shot = await trainSource(one, Int32Array.of(0, 1, 2), { numClasses: 3, seed: 1, backbone: tiny(x.width) });
  assert.deepEqual([...shot.trainingLabels].sort(), [0, 1, 2]);
  assert.equal(shot.heldOut.labels.length, 1);
  assert.equal(shot.numSamples, 3);
});
