/** A segmentation run as the verbs make it: source network, methods, JSON, report, artifacts. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { trainSource } from '../engine/train-source.ts';
import { PICTURES_FILE } from '../outputs/segment-json.ts';
import type { SegmentJson } from '../outputs/segment-json.ts';
import { METHOD_NAMES, percent } from '../report.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Method } from '../types.ts';
import { adaptPixels, pixelMethodJson } from './adapt-pixels.ts';
import type { PixelAdaptation } from './adapt-pixels.ts';
import { STREET_NETWORK, STREET_OPTIONS } from './defaults.ts';
import { classPalette } from './palette.ts';
import { reportSegmentation } from './report.ts';
import type { PixelSamples } from './types.ts';

/** Target pixels × classes: everything about them is held in memory. */
const MAX_TOKENS_BY_CLASSES = 3e7;

export interface SegmentationRun {
  readonly source: PixelSamples & { readonly labels: Int32Array };
  readonly target: PixelSamples;
  readonly truth?: Int32Array;
  readonly classNames: readonly string[];
  /** The first is shown in full. */
  readonly methods: readonly { readonly method: Method; readonly hasGuard: boolean }[];
  readonly rounds: number;
  readonly epochs: number;
  readonly title: string;
}

export async function runSegmentation(
  run: SegmentationRun,
  context: VerbContext,
): Promise<{ readonly outcome: VerbResult; readonly shown: PixelAdaptation; readonly value: SegmentJson }> {
  const { source: labelled, target, truth, classNames, methods } = run;
  const { seed, signal } = context;
  const numClasses = classNames.length;
  const numTokens = target.x.numRows * target.heightPx * target.widthPx;
  if (numTokens * numClasses > MAX_TOKENS_BY_CLASSES) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'self-train segment',
      expected: `at most ${MAX_TOKENS_BY_CLASSES.toLocaleString('en')} target pixels × classes in memory`,
      actual: `${target.x.numRows} pictures of ${target.widthPx} × ${target.heightPx} × ${numClasses} classes`,
      hints: ['Lower --width and --height, or give fewer target pictures.'],
    });
  }
  const source = await trainSource(labelled.x, labelled.labels, {
    ...STREET_NETWORK,
    numClasses,
    seed,
    epochs: run.epochs,
    backbone: { ...STREET_NETWORK.backbone, heightPx: labelled.heightPx, widthPx: labelled.widthPx },
    signal,
    onProgress: (done, total) => context.progress({ phase: 'training on labelled pictures', done, total }),
  });
  const adaptations: PixelAdaptation[] = [];
  for (const [place, { method, hasGuard }] of methods.entries()) {
    const isOurs = method === 'em';
    const total = methods.length * (run.rounds + 1);
    adaptations.push(
      await adaptPixels(
        {
          source,
          target,
          numClasses,
          isShown: place === 0,
          signal,
          ...(truth && { truth }),
          onRound(report) {
            const done = place * (run.rounds + 1) + report.round;
            context.progress({
              phase: `adapting: ${METHOD_NAMES[method]}`,
              done,
              total,
              note: `agreement ${percent(report.agreement)}`,
            });
            const name = isOurs && !hasGuard ? 'em, guard off' : method;
            context.metric(`score/${name}`, report.round, report.score);
            if (report.truthMeanIou !== undefined)
              context.metric(`mean IoU/${name}`, report.round, report.truthMeanIou);
          },
        },
        {
          ...STREET_OPTIONS,
          method,
          seed,
          rounds: run.rounds,
          hasGuard,
          numPasses: isOurs ? STREET_OPTIONS.numPasses : 1,
        },
      ),
    );
  }
  const [shown] = adaptations;
  const value: SegmentJson = {
    sourceName: labelled.name,
    targetName: target.name,
    classNames,
    palette: classPalette(numClasses),
    widthPx: target.widthPx,
    heightPx: target.heightPx,
    numSource: labelled.x.numRows,
    numTarget: target.x.numRows,
    seed,
    sourceAccuracy: source.heldOutQuality.accuracy,
    methods: adaptations.map((each) => pixelMethodJson(each, truth)),
  };
  const pictureList = shown.pictures.map(({ id, image, truth: mask, rounds }) => ({
    id,
    image,
    ...(mask && { truth: mask }),
    rounds,
  }));
  const outcome = {
    ok: true,
    value,
    report: reportSegmentation(value, run.title),
    artifacts: [
      {
        name: PICTURES_FILE,
        mediaType: 'application/json',
        bytes: new TextEncoder().encode(JSON.stringify(pictureList)),
      },
    ],
  };
  return { outcome, shown, value };
}
