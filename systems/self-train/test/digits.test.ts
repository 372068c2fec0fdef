/** Promises about real digits. They take minutes, so they run where TENFOLD_LONG_TESTS is set and USPS is at hand. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDataFolder } from '@tenfold/core/system';
import { measureQuality, predictWith, selfTrain, trainSource } from '../src/index.ts';
import { readMnistDigits, readUspsDigits } from '../src/inputs/digit-sets.ts';

const dataFolder = findDataFolder();
const wantsLong = process.env['TENFOLD_LONG_TESTS'] !== undefined;
const hasUsps = dataFolder !== undefined && existsSync(join(dataFolder, 'self-train/usps.h5'));
const whyNotLong = wantsLong ? false : 'takes minutes: set TENFOLD_LONG_TESTS';
const whyNotUsps = hasUsps ? whyNotLong : 'no USPS digits: set TENFOLD_DATA';

test(
  'MNIST to USPS: source only .74 to .81; EM at least .855, not below CBST, accepted labels .955 right',
  { skip: whyNotUsps },
  async () => {
    const results: Record<'source' | 'cbst' | 'em' | 'accepted', number[]> = {
      source: [],
      cbst: [],
      em: [],
      accepted: [],
    };
    for (const seed of [1, 2, 3]) {
      const labelled = await readMnistDigits('train', 5000, seed);
      const target = await readUspsDigits(dataFolder, 'train', 5000, seed);
      const fresh = await readUspsDigits(dataFolder, 'test', 10_000, seed);
      const source = await trainSource(labelled.x, labelled.labels, { numClasses: 10, seed });
      const accuracy = async (states: typeof source.states) =>
        measureQuality((await predictWith(source.network, states, fresh.x)).probabilities, fresh.labels).accuracy;
      results.source.push(await accuracy(source.states));
      for (const method of ['cbst', 'em'] as const) {
        const run = await selfTrain(
          { source, target: target.x, view: { kind: 'grey', sidePx: target.sidePx } },
          { method, seed, hasGuard: method === 'em', numPasses: method === 'em' ? 10 : 1 },
        );
        results[method].push(await accuracy(run.states));
        if (method !== 'em') continue;
        const { plan } = run.final;
        let [used, right] = [0, 0];
        plan.accepted.forEach((isAccepted, n) => {
          used += isAccepted;
          right += isAccepted * Number(plan.hard[n] === target.labels[n]);
        });
        results.accepted.push(right / used);
      }
    }
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const shown = JSON.stringify(results);
    assert.ok(mean(results.source) > 0.74 && mean(results.source) < 0.81, shown);
    assert.ok(mean(results.em) >= 0.855 && mean(results.em) >= mean(results.cbst) - 0.002, shown);
    assert.ok(mean(results.accepted) >= 0.955, shown);
  },
);

test(
  'bases of MNIST digits are nearly orthogonal with the term at weight 3 and less so without, at no cost in accuracy',
  { skip: whyNotLong },
  async () => {
    const labelled = await readMnistDigits('train', 5000, 1);
    const train = (orthogonality: number) =>
      trainSource(labelled.x, labelled.labels, {
        numClasses: 10,
        seed: 1,
        hasBases: true,
        basisWeights: { orthogonality },
      });
    const [apart, free] = [await train(3), await train(0)];
    const cosines = ({ bases }: typeof apart) => {
      const width = bases!.length / 10;
      const dot = (i: number, j: number) => {
        let sum = 0;
        for (let a = 0; a < width; a++) sum += bases![i * width + a] * bases![j * width + a];
        return sum;
      };
      let total = 0;
      for (let i = 0; i < 10; i++)
        for (let j = 0; j < i; j++) total += Math.abs(dot(i, j)) / Math.sqrt(dot(i, i) * dot(j, j));
      return total / 45;
    };
    const shown = `${cosines(apart)} against ${cosines(free)}`;
    assert.ok(cosines(apart) < 0.15 && cosines(free) > cosines(apart), shown);
    assert.ok(apart.heldOutQuality.accuracy >= free.heldOutQuality.accuracy - 0.005, shown);
  },
);
