/** Digits across domains: every method on the same source network, with the same number of updates, over seeds.
 *  node systems/self-train/scripts/digits.ts [directions] [methods] [seeds] [out.jsonl]
 *  Directions: mnist-usps, usps-mnist, fonts-mnist. Prints one JSON object a run, then means with standard errors. */
import { appendFileSync } from 'node:fs';
import { findDataFolder } from '@tenfold/core/system';
import { measureQuality } from '../src/calibration.ts';
import { predictWith } from '../src/engine/apply.ts';
import { selfTrain } from '../src/engine/self-training.ts';
import { trainSource } from '../src/engine/train-source.ts';
import { readMnistDigits, readUspsDigits } from '../src/inputs/digit-sets.ts';
import type { DigitSamples } from '../src/inputs/digit-sets.ts';
import { drawFontDigits } from '../src/inputs/font-digits.ts';
import { METHODS } from '../src/types.ts';
import type { Method } from '../src/types.ts';

const [directions = 'mnist-usps,usps-mnist,fonts-mnist', methods = METHODS.join(','), seeds = '1,2,3,4,5', out] =
  process.argv.slice(2);
const NUM_SOURCE = 5000;
const NUM_TARGET = 5000;
const NUM_TEST = 10_000;

const dataFolder = findDataFolder();
const read: Readonly<Record<string, (split: 'train' | 'test', count: number, seed: number) => Promise<DigitSamples>>> =
  {
    mnist: readMnistDigits,
    usps: (split, count, seed) => readUspsDigits(dataFolder, split, count, seed),
    fonts: (_split, count, seed) => drawFontDigits(count, seed),
  };

const results: { direction: string; method: string; test: number; ece: number; accepted: number }[] = [];
for (const direction of directions.split(',')) {
  const [from, to] = direction.split('-');
  for (const seed of seeds.split(',').map(Number)) {
    const sourceDigits = await read[from]('train', NUM_SOURCE, seed);
    const target = await read[to]('train', NUM_TARGET, seed);
    const test = await read[to]('test', NUM_TEST, seed);
    const source = await trainSource(sourceDigits.x, sourceDigits.labels, { numClasses: 10, seed });
    for (const method of methods.split(',') as Method[]) {
      const start = performance.now();
      const result = await selfTrain(
        {
          source,
          target: target.x,
          view: { kind: 'grey', sidePx: target.sidePx },
          ...(method === 'oracle' && { oracleLabels: target.labels }),
          measure: ({ prediction, plan }) => {
            const used = plan.accepted.reduce((sum, value) => sum + value, 0);
            let right = 0;
            plan.accepted.forEach((value, n) => void (right += value * Number(plan.hard[n] === target.labels[n])));
            return {
              truthAccuracy: measureQuality(prediction.probabilities, target.labels).accuracy,
              truthAcceptedAccuracy: used === 0 ? 0 : right / used,
            };
          },
        },
        { method, seed, hasGuard: method === 'em', numPasses: method === 'em' ? 10 : 1 },
      );
      const seconds = (performance.now() - start) / 1000;
      const quality = measureQuality(
        (await predictWith(source.network, result.states, test.x)).probabilities,
        test.labels,
      );
      const row = {
        direction,
        method,
        seed,
        test: quality.accuracy,
        ece: quality.ece,
        transductive: result.rounds[result.keptRound].truthAccuracy!,
        accepted: result.rounds[result.keptRound].truthAcceptedAccuracy!,
        isStopped: result.isStopped,
        keptRound: result.keptRound,
        seconds: Number(seconds.toFixed(1)),
        alarms: result.rounds.at(-1)!.alarms,
      };
      results.push(row);
      console.log(JSON.stringify(row));
      if (out) appendFileSync(out, `${JSON.stringify({ ...row, rounds: result.rounds })}\n`);
    }
  }
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const standardError = (values: readonly number[]) => {
  const middle = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length - 1);
  return Math.sqrt(variance / values.length);
};
console.log(
  '| direction | method | test accuracy | standard error | ECE | accepted labels right |\n|---|---|---|---|---|---|',
);
for (const direction of directions.split(',')) {
  for (const method of methods.split(',')) {
    const rows = results.filter((row) => row.direction === direction && row.method === method);
    const tests = rows.map(({ test }) => test);
    console.log(
      `| ${direction} | ${method} | ${mean(tests).toFixed(4)} | ${standardError(tests).toFixed(4)} | ` +
        `${mean(rows.map(({ ece }) => ece)).toFixed(3)} | ${mean(rows.map(({ accepted }) => accepted)).toFixed(3)} |`,
    );
  }
}
