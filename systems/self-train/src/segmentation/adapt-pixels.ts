/** Adaptation of a pixel classifier, with the pictures that the page shows. */
import type { Look } from '../engine/look.ts';
import type { SelfTrainingOptions } from '../engine/options.ts';
import { selfTrain } from '../engine/self-training.ts';
import type { SelfTrainingResult } from '../engine/self-training.ts';
import type { TrainedSource } from '../engine/train-source.ts';
import { pngUrl } from '../outputs/png.ts';
import type { PictureJson, PixelMethodJson } from '../outputs/segment-json.ts';
import { argmaxRow } from '../selection.ts';
import type { Method, Probabilities, RoundReport } from '../types.ts';
import { classPalette, UNUSED_COLOUR } from './palette.ts';
import { measurePixels } from './quality.ts';
import type { PixelSamples } from './types.ts';

export interface PixelAdaptation {
  readonly method: Method;
  readonly isGuarded: boolean;
  readonly result: SelfTrainingResult;
  readonly pictures: readonly PictureJson[];
}

const NUM_PICTURES = 6;
/** Variance of a fair coin: the most a pooled label can have. */
const MOST_DOUBT = 0.25;

export async function adaptPixels(
  input: {
    readonly source: TrainedSource;
    readonly target: PixelSamples;
    /** [tokens], only to measure with. */
    readonly truth?: Int32Array;
    readonly numClasses: number;
    /** Keep pictures of every round. */
    readonly isShown: boolean;
    readonly signal?: AbortSignal;
    readonly onRound?: (report: RoundReport) => void;
  },
  options: Partial<SelfTrainingOptions>,
): Promise<PixelAdaptation> {
  const { source, target, truth, numClasses } = input;
  const method = options.method ?? 'em';
  const shown = createPictures(target, truth, numClasses);
  const result = await selfTrain(
    {
      source,
      target: target.x,
      view: { kind: 'photo', channels: 3 },
      ...(method === 'oracle' && truth && { oracleLabels: truth }),
      ...(input.signal && { signal: input.signal }),
      ...(truth && { measure: (look: Look) => measure(look, truth, numClasses) }),
      onRound(look) {
        if (input.isShown) shown.add(look);
        input.onRound?.(look.report);
      },
    },
    options,
  );
  return {
    method,
    isGuarded: options.hasGuard ?? true,
    result,
    pictures: input.isShown ? shown.pictures : [],
  };
}

/** Truth enters here only. */
function measure({ prediction, plan }: Look, truth: Int32Array, numClasses: number): Partial<RoundReport> {
  const quality = measurePixels(truth, hardLabels(prediction.probabilities), numClasses);
  let [used, right] = [0, 0];
  plan.accepted.forEach((isAccepted, n) => {
    if (isAccepted === 0 || truth[n] < 0) return;
    used++;
    right += Number(plan.hard[n] === truth[n]);
  });
  return {
    truthMeanIou: quality.meanIou,
    truthAccuracy: quality.pixelAccuracy,
    ...(used > 0 && { truthAcceptedAccuracy: right / used }),
  };
}

export function hardLabels({ numRows, numClasses, data }: Probabilities): Int32Array {
  return Int32Array.from({ length: numRows }, (_, n) => argmaxRow(data, n, numClasses));
}

export function pixelMethodJson(
  { method, isGuarded, result }: PixelAdaptation,
  truth: Int32Array | undefined,
): PixelMethodJson {
  const { rounds, keptRound, isStopped, final } = result;
  const common = { method, isGuarded, rounds, keptRound, isStopped };
  if (truth === undefined) return common;
  const { probabilities } = final.prediction;
  const { meanIou, pixelAccuracy, iou } = measurePixels(truth, hardLabels(probabilities), probabilities.numClasses);
  return { ...common, meanIou, pixelAccuracy, iou: iou.map((value) => value ?? null) };
}

/** Pictures of a few targets, evenly spread; grows by one set of masks a round. */
function createPictures(target: PixelSamples, truth: Int32Array | undefined, numClasses: number) {
  const { heightPx, widthPx, x, ids } = target;
  const numPixels = heightPx * widthPx;
  const count = Math.min(NUM_PICTURES, x.numRows);
  const palette = [...classPalette(numClasses), UNUSED_COLOUR];
  const save = (data: Uint8Array, colours: 'grey' | 'rgb' | { readonly palette: typeof palette }): string =>
    pngUrl({ widthPx, heightPx, data, colours });
  const pictures = Array.from({ length: count }, (_, i) => {
    const n = Math.floor(((i + 0.5) * x.numRows) / count);
    const pixels = new Uint8Array(3 * numPixels);
    for (let p = 0; p < numPixels; p++) {
      for (let c = 0; c < 3; c++)
        pixels[3 * p + c] = Math.round(255 * Math.min(1, Math.max(0, x.data[(3 * n + c) * numPixels + p])));
    }
    const shownTruth =
      truth &&
      Uint8Array.from(truth.subarray(n * numPixels, (n + 1) * numPixels), (label) => (label < 0 ? numClasses : label));
    return {
      row: n,
      id: ids[n],
      image: save(pixels, 'rgb'),
      ...(shownTruth && { truth: save(shownTruth, { palette }) }),
      rounds: [] as { prediction: string; accepted: string; doubt: string }[],
    };
  });
  return {
    pictures,
    add({ prediction, plan, pooled }: Look): void {
      pictures.forEach(({ row, rounds }) => {
        const tokens = Array.from({ length: numPixels }, (_, p) => row * numPixels + p);
        const predicted = Uint8Array.from(tokens, (n) => argmaxRow(prediction.probabilities.data, n, numClasses));
        const accepted = Uint8Array.from(tokens, (n) => (plan.accepted[n] === 1 ? plan.hard[n] : numClasses));
        const doubt = Uint8Array.from(tokens, (n) =>
          Math.round((255 * Math.min(MOST_DOUBT, pooled.varianceTotal[n])) / MOST_DOUBT),
        );
        rounds.push({
          prediction: save(predicted, { palette }),
          accepted: save(accepted, { palette }),
          doubt: save(doubt, 'grey'),
        });
      });
    },
  };
}
