/** Day to dusk on the synthetic streets: mIoU of every method from the same source network, over seeds; with the guard off
 *  too.  node systems/self-train/scripts/streets.ts [methods] [seeds] [out.jsonl] [rounds] [darkness]
 *  The method `em-unguarded` is `em` without the guard. */
import { appendFileSync } from 'node:fs';
import { predictWith } from '../src/engine/apply.ts';
import { selfTrain } from '../src/engine/self-training.ts';
import { trainSource } from '../src/engine/train-source.ts';
import { STREET_NETWORK, STREET_OPTIONS } from '../src/segmentation/defaults.ts';
import { measurePixels } from '../src/segmentation/quality.ts';
import { argmaxRow } from '../src/selection.ts';
import { STREET_CLASSES } from '../src/streets/scene.ts';
import { drawStreets, DUSK } from '../src/streets/street-set.ts';
import type { Method, Probabilities } from '../src/types.ts';

const [methods = 'source,cbst,em,em-unguarded,oracle', seeds = '1,2,3', out, rounds = '6', dusk = String(DUSK)] =
  process.argv.slice(2);
const darkness = Number(dusk);
const numClasses = STREET_CLASSES.length;
const hardOf = ({ numRows, data }: Probabilities) =>
  Int32Array.from({ length: numRows }, (_, n) => argmaxRow(data, n, numClasses));

for (const seed of seeds.split(',').map(Number)) {
  const day = drawStreets(0, { seed, first: 0, count: 150 });
  const target = drawStreets(darkness, { seed, first: 1000, count: 100 });
  const test = drawStreets(darkness, { seed, first: 2000, count: 60 });
  const dayTest = drawStreets(0, { seed, first: 3000, count: 30 });
  let start = performance.now();
  const source = await trainSource(day.x, day.labels, {
    numClasses,
    seed,
    ...STREET_NETWORK,
    backbone: { ...STREET_NETWORK.backbone, heightPx: day.heightPx, widthPx: day.widthPx },
  });
  const onDay = measurePixels(
    dayTest.labels,
    hardOf((await predictWith(source.network, source.states, dayTest.x)).probabilities),
    numClasses,
  );
  console.log(
    `seed ${seed}: source mIoU by day ${onDay.meanIou.toFixed(4)}, ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  for (const name of methods.split(',')) {
    const method = name.split('-')[0] as Method;
    start = performance.now();
    const result = await selfTrain(
      {
        source,
        target: target.x,
        view: { kind: 'photo', channels: 3 },
        ...(method === 'oracle' && { oracleLabels: target.labels }),
        measure: ({ prediction }) => ({
          truthAccuracy: measurePixels(target.labels, hardOf(prediction.probabilities), numClasses).meanIou,
        }),
      },
      {
        ...STREET_OPTIONS,
        method,
        seed,
        rounds: Number(rounds),
        hasGuard: name === 'em',
        numPasses: method === 'em' ? STREET_OPTIONS.numPasses : 1,
      },
    );
    const onDusk = measurePixels(
      test.labels,
      hardOf((await predictWith(source.network, result.states, test.x)).probabilities),
      numClasses,
    );
    const row = {
      method: name,
      seed,
      miou: onDusk.meanIou,
      pixelAccuracy: onDusk.pixelAccuracy,
      perRound: result.rounds.map(({ truthAccuracy }) => Number(truthAccuracy!.toFixed(4))),
      score: result.rounds.map(({ score }) => Number(score.toFixed(3))),
      agreement: result.rounds.map(({ agreement }) => Number(agreement.toFixed(3))),
      shift: result.rounds.map(({ priorShift }) => Number(priorShift.toFixed(3))),
      startLikelihood: result.rounds.map(({ startLikelihood }) => Number(startLikelihood.toFixed(2))),
      sourceAccuracy: result.rounds.map(({ sourceAccuracy }) => Number(sourceAccuracy.toFixed(3))),
      isStopped: result.isStopped,
      keptRound: result.keptRound,
      alarms: result.rounds.at(-1)!.alarms,
      iou: onDusk.iou.map((value) => Number((value ?? 0).toFixed(3))),
      seconds: Math.round((performance.now() - start) / 1000),
    };
    console.log(JSON.stringify(row));
    if (out) appendFileSync(out, `${JSON.stringify(row)}\n`);
  }
}
