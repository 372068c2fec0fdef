/** The lab's demonstration: trains a small CNN on MNIST, saves it, loads it again, exports it to ONNX, and checks that
 *  the reloaded model and onnxruntime-web compute the same logits. */
import type * as Ort from 'onnxruntime-common';
import { makeFolder } from '../../base/index.ts';
import { loadMnist } from '../../data/index.ts';
import type { Mnist } from '../../data/index.ts';
import { writeOnnx } from '../../graph/index.ts';
import type { Report } from '../../report/index.ts';
import type { VerbContext, VerbResult } from '../../system/index.ts';
import { compareTensors, createTensor } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { loadCheckpoint, saveCheckpoint } from '../checkpoint/checkpoint.ts';
import { createBatchOrder, gatherRows } from '../data/batches.ts';
import { fit } from '../fit.ts';
import { crossEntropy } from '../losses.ts';
import { smallCnn } from '../models/cnn.ts';
import { f32, i64 } from '../net.ts';
import { nnError } from '../nn-errors.ts';
import { adamW } from '../optim/adam.ts';
import { warmupCosine } from '../optim/schedules.ts';
import { buildInference } from '../train-step.ts';
import { createTrainer } from '../trainer.ts';
import type { Trainer } from '../trainer.ts';

export interface TrainDigitsParams {
  readonly epochs: number;
  readonly batch: number;
  /** Folder for the checkpoint and the ONNX file; empty: the run's cache folder. */
  readonly out: string;
  readonly maxItems: number;
  readonly minAccuracy: number;
  readonly force: boolean;
  readonly dryRun: boolean;
}

const CLASSES = 10;
const SIDE = 28;
const MAX_INK = 255;
const PEAK_RATE = 2e-3;
const WARMUP_STEPS = 50;
const EVALUATION_BATCH = 1000;
const COMPARED_DIGITS = 100;
/** Two engines that sum in other orders differ by rounding of logits of size ten. */
const LOGIT_TOLERANCE = 1e-3;

export async function run(params: TrainDigitsParams, context: VerbContext): Promise<VerbResult> {
  const { epochs, batch, maxItems, minAccuracy, force, dryRun } = params;
  const { join, resolve } = await import('node:path');
  const { rename, writeFile } = await import('node:fs/promises');
  const started = context.clock.nowMs();
  const folder =
    params.out === '' ? join(context.cacheFolder, 'train-digits') : resolve(context.workingFolder, params.out);
  const checkpointPath = join(folder, 'digits.safetensors');
  const onnxPath = join(folder, 'digits.onnx');
  if (params.out !== '' && !force && !dryRun) await assertNew([checkpointPath, onnxPath]);
  const limit = maxItems > 0 ? { maxItems } : {};
  context.progress({ phase: 'reading digits' });
  const train = digits(await loadMnist({ split: 'train', ...limit }));
  const test = digits(await loadMnist({ split: 'test', ...limit }));

  const model = smallCnn({ classes: CLASSES });
  const order = createBatchOrder({ count: train.x.shape[0], batchSize: batch, seed: context.seed });
  const totalSteps = epochs * order.stepsPerEpoch;
  const options = {
    model,
    inputs: { x: f32(batch, 1, SIDE, SIDE), y: i64(batch) },
    loss: ({ g, outputs, inputs }: Parameters<Parameters<typeof createTrainer>[0]['loss']>[0]) =>
      crossEntropy(g, outputs['logits'], inputs['y']),
    optimizer: adamW({ learningRate: warmupCosine({ peak: PEAK_RATE, totalSteps, warmupSteps: WARMUP_STEPS }) }),
    seed: context.seed,
  };
  await using trainer = await createTrainer(options);
  const { losses, scores } = await fit({
    trainer,
    totalSteps,
    batchAt(step) {
      const rows = order.rowsAt(step);
      return { x: gatherRows(train.x, rows), y: gatherRows(train.y, rows) };
    },
    evaluate: (current) => accuracyOf(current, test),
    evaluateEvery: order.stepsPerEpoch,
    signal: context.signal,
    onStep({ step, loss, score }) {
      context.progress({
        phase: 'training',
        done: step,
        total: totalSteps,
        ...(score === undefined ? {} : { note: `test accuracy ${(100 * score).toFixed(2)} %` }),
      });
      context.metric('loss', step, loss);
    },
  });
  const accuracy = scores.at(-1)?.score ?? 0;
  const trainedMs = context.clock.nowMs() - started;

  // Save, load into a second trainer, and ask both the same question.
  const numCompared = Math.min(COMPARED_DIGITS, test.x.shape[0]);
  const sample = {
    x: gatherRows(
      test.x,
      Array.from({ length: numCompared }, (_, i) => i),
    ),
  };
  const { logits } = await trainer.predict(sample, { outputs: ['logits'] });
  const { graph } = buildInference({ model, inputs: { x: f32(numCompared, 1, SIDE, SIDE) }, outputs: ['logits'] });
  const onnx = writeOnnx(graph, { stateValues: await trainer.parameters() }).model;
  // A dry run saves nothing, so that nothing is loaded.
  let reloadError: number | null = null;
  if (!dryRun) {
    context.progress({ phase: 'saving and loading' });
    makeFolder(folder);
    await saveCheckpoint(checkpointPath, trainer, { force: force || params.out === '' });
    await writeFile(`${onnxPath}.part`, onnx);
    await rename(`${onnxPath}.part`, onnxPath);
    const loaded = await loadCheckpoint(checkpointPath, { fits: trainer.trainStep.states });
    await using second = await createTrainer({ ...options, states: loaded.states, step: loaded.step });
    reloadError = maxDifference((await second.predict(sample, { outputs: ['logits'] }))['logits'], logits);
  }
  context.progress({ phase: 'running the ONNX file in onnxruntime-web' });
  const webError = maxDifference(await logitsInWeb(onnx, sample.x), logits);

  const problems = [
    ...(accuracy >= minAccuracy ? [] : [`below the ${(100 * minAccuracy).toFixed(2)} % asked for`]),
    ...(reloadError === null || reloadError === 0 ? [] : ['the reloaded model computes other logits']),
    ...(webError <= LOGIT_TOLERANCE ? [] : ['onnxruntime-web computes other logits']),
  ];
  const ok = problems.length === 0;
  const value = {
    accuracy,
    steps: totalSteps,
    parameters: trainer.parameterCount,
    trainSec: trainedMs / 1000,
    firstLoss: losses[0],
    lastLoss: losses.at(-1),
    reloadError,
    webError,
    ...(dryRun ? {} : { checkpoint: checkpointPath, onnx: onnxPath }),
  };
  return { ok, value, report: reportOf(value, { problems, minAccuracy, losses, scores }) };
}

async function assertNew(paths: readonly string[]): Promise<void> {
  const { existsSync } = await import('node:fs');
  const existing = paths.find((path) => existsSync(path));
  if (existing === undefined) return;
  throw nnError('TF-NN-007', {
    subject: 'train-digits',
    expected: 'to write new files only',
    actual: `"${existing}", which exists`,
    hints: ['Pass --force to overwrite, or choose another folder.'],
  });
}

interface Digits {
  /** [N, 1, 28, 28] in 0 … 1 */
  readonly x: Tensor<'float32'>;
  readonly y: Tensor<'int64'>;
}

function digits({ images, labels }: Mnist): Digits {
  const count = images.shape[0];
  const x = createTensor('float32', [count, 1, SIDE, SIDE]);
  const y = createTensor('int64', [count]);
  for (let i = 0; i < x.data.length; i++) x.data[i] = images.data[i] / MAX_INK;
  for (let i = 0; i < count; i++) y.data[i] = BigInt(labels.data[i]);
  return { x, y };
}

async function accuracyOf(trainer: Trainer, { x, y }: Digits): Promise<number> {
  const count = x.shape[0];
  let numRight = 0;
  for (let start = 0; start < count; start += EVALUATION_BATCH) {
    const rows = Array.from({ length: Math.min(EVALUATION_BATCH, count - start) }, (_, i) => start + i);
    const { logits } = await trainer.predict({ x: gatherRows(x, rows) }, { outputs: ['logits'] });
    rows.forEach((row, i) => {
      const scores = (logits.data as Float32Array).subarray(i * CLASSES, (i + 1) * CLASSES);
      if (scores.indexOf(Math.max(...scores)) === Number(y.data[row])) numRight++;
    });
  }
  return numRight / count;
}

async function logitsInWeb(onnx: Uint8Array, x: Tensor<'float32'>): Promise<Tensor> {
  const ort = (await import('onnxruntime-web')) as unknown as typeof Ort;
  const session = await ort.InferenceSession.create(onnx, { executionProviders: ['wasm'] });
  const { logits } = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
  await session.release();
  return { dtype: 'float32', shape: logits.dims, data: logits.data as Float32Array };
}

function maxDifference(a: Tensor, b: Tensor): number {
  return compareTensors(a, b).maxAbs;
}

interface Outcome {
  readonly problems: readonly string[];
  readonly minAccuracy: number;
  readonly losses: readonly number[];
  readonly scores: readonly { readonly step: number; readonly score: number }[];
}

function reportOf(
  value: {
    accuracy: number;
    steps: number;
    parameters: number;
    trainSec: number;
    reloadError: number | null;
    webError: number;
  },
  { problems, minAccuracy, losses, scores }: Outcome,
): Report {
  const ok = problems.length === 0;
  const percent = (100 * value.accuracy).toFixed(2);
  return {
    title: 'Digits',
    verdict: {
      tone: ok ? 'good' : 'bad',
      text: `Test accuracy ${percent} % after ${value.steps} updates in ${value.trainSec.toFixed(1)} s${ok ? '' : `: ${problems.join('; ')}`}.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          {
            label: 'test accuracy',
            value: value.accuracy,
            format: 'percent',
            digits: 2,
            tone: value.accuracy >= minAccuracy ? 'good' : 'bad',
          },
          { label: 'parameters', value: value.parameters, format: 'count' },
          { label: 'reading, training and tests', value: value.trainSec, unit: 's', digits: 1 },
          ...(value.reloadError === null
            ? []
            : [{ label: 'logits after reload, largest difference', value: value.reloadError }]),
          { label: 'logits in onnxruntime-web, largest difference', value: value.webError, digits: 7 },
        ],
      },
      {
        kind: 'plot',
        caption: 'Training loss, every tenth update',
        mark: 'line',
        x: { label: 'update' },
        y: { label: 'cross-entropy', unit: 'nats', scale: 'log' },
        series: [{ name: 'loss', points: losses.flatMap((loss, i) => (i % 10 === 0 ? [{ x: i + 1, y: loss }] : [])) }],
      },
      {
        kind: 'table',
        caption: 'Test accuracy after each epoch',
        columns: [
          { key: 'step', label: 'update', format: 'count' },
          { key: 'score', label: 'accuracy', format: 'percent', digits: 2 },
        ],
        rows: scores.map(({ step, score }) => ({ step, score })),
      },
    ],
  };
}
