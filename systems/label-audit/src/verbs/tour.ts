/** tour: MNIST with a fifth of the labels made wrong, audited; and the most suspicious labels of the real test set. */
import { loadMnist } from '@tenfold/core/data';
import type { Mnist } from '@tenfold/core/data';
import type { Block, Report } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { Tensor } from '@tenfold/core/tensor';
import { symmetricNoise } from '../injected-noise.ts';
import type { Issue } from '../issue-list.ts';
import { runAudit } from '../pipeline.ts';
import type { Audit } from '../pipeline.ts';
import { aboutWrong, percent } from '../report.ts';
import { auditOutcome, listIssues } from './audit-outcome.ts';

interface TourParams {
  readonly train: number;
  readonly test: number;
  readonly epochs: number;
  readonly noise: number;
}

const CLASSES = 10;
const NUM_DIGITS = 8;
const CLASS_NAMES = Array.from({ length: CLASSES }, (_, k) => String(k));

export async function run(params: TourParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'reading digits' });
  const train = digits(await loadMnist({ split: 'train', maxItems: params.train }));
  const test = digits(await loadMnist({ split: 'test', maxItems: params.test }));
  const noisy = symmetricNoise(train.labels, CLASSES, params.noise, context.rng.fork('noise'));
  const training = {
    backbone: 'mlp' as const,
    loss: 'sce' as const,
    epochs: params.epochs,
    batchSize: 128,
    learningRate: 0.05,
  };
  const classNames = CLASS_NAMES;
  const noisyAudit = await runAudit(
    {
      name: `MNIST with ${percent(params.noise)} injected noise`,
      labelCells: noisy,
      truthCells: train.labels,
      classNames,
      x: train.x,
    },
    { training, numFolds: 3, maxIssues: 2000 },
    context,
  );
  const realAudit = await runAudit(
    { name: 'the real MNIST test labels', labelCells: test.labels, classNames, x: test.x },
    { training: { ...training, loss: 'ce' }, numFolds: 3, maxIssues: NUM_DIGITS },
    context,
  );
  const shown = (images: Tensor<'float32'>, prefix: string) => ({
    idOf: (row: number) => `${prefix} ${row}`,
    previewOf: () => '',
    images,
  });
  const issues = await listIssues(noisyAudit, shown(train.x, 'train'));
  const suspicious = await listIssues(realAudit, shown(test.x, 'test'));
  const change = (report: Report): Report => ({
    ...report,
    title: 'Tour: MNIST with wrong labels',
    verdict: {
      tone: isRepairBetter(noisyAudit) ? 'good' : 'bad',
      text:
        `${percent(noisyAudit.truth!.precision)} of the ${noisyAudit.result.ranked.length.toLocaleString('en')} flagged labels are wrong, ` +
        `${percent(noisyAudit.truth!.recall)} of the wrong ones are flagged; ` +
        `repair lifts label accuracy from ${percent(noisyAudit.truth!.accuracyGiven)} to ${percent(noisyAudit.truth!.accuracyRepaired)}.`,
    },
    blocks: [...realBlocks(realAudit, suspicious), ...report.blocks],
  });
  const outcome = await auditOutcome(noisyAudit, issues, context, { images: train.x, change });
  return {
    ...outcome,
    ok: isRepairBetter(noisyAudit),
    value: {
      ...(outcome.value as object),
      realTest: {
        numFlagged: realAudit.result.ranked.length,
        suspicious: suspicious.map(({ row, given, top }) => ({ row, given, mostLikely: top[0].name })),
      },
    },
  };
}

function isRepairBetter({ truth }: Audit): boolean {
  return truth!.accuracyRepaired > truth!.accuracyGiven && truth!.accuracyRepaired >= truth!.accuracyArgmax;
}

function realBlocks(audit: Audit, suspicious: readonly Issue[]): Block[] {
  return [
    {
      kind: 'group',
      title: `The most suspicious of ${audit.labels.length.toLocaleString('en')} real test digits (${audit.result.ranked.length} flagged${aboutWrong(audit.result)})`,
      layout: 'grid',
      blocks: suspicious.map(({ row, given, top, thumbnail, wrongProbability }) => ({
        kind: 'image',
        source: thumbnail!,
        alt: `Test digit ${row}, labelled ${given}, most likely ${top[0].name}`,
        caption: `test ${row}: labelled ${given}, most likely ${top[0].name}, wrong with ${percent(wrongProbability)}`,
        pixelated: true,
      })),
    },
  ];
}

function digits({ images, labels }: Mnist): { x: Tensor<'float32'>; labels: Int32Array } {
  const [count, height, width] = images.shape;
  const data = Float32Array.from(images.data, (ink) => ink / 255);
  return { x: { dtype: 'float32', shape: [count, 1, height, width], data }, labels: Int32Array.from(labels.data) };
}
