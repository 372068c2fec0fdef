/** One adaptation as the verbs run it: source network, rounds, and what the page shows of them. */
import { createRng } from '@tenfold/core/base';
import { askOrder } from './ask-next.ts';
import { measureQuality } from './calibration.ts';
import type { StrongView } from './engine/augment.ts';
import type { Look } from './engine/look.ts';
import type { SelfTrainingOptions } from './engine/options.ts';
import { DEFAULT_OPTIONS } from './engine/options.ts';
import { selfTrain } from './engine/self-training.ts';
import type { Checkpoint, SelfTrainingResult } from './engine/self-training.ts';
import type { TrainedSource } from './engine/train-source.ts';
import { takeRows } from './feature-rows.ts';
import { mapToPlane } from './plane.ts';
import { pngUrl } from './outputs/png.ts';
import type { AdaptJson, Example, MethodJson, RoundView } from './outputs/adapt-json.ts';
import type { Method, RoundReport, Samples } from './types.ts';

export interface AdaptationInput {
  readonly source: TrainedSource;
  readonly target: Samples;
  /** [N] classes that the run is measured with and that it never sees; −1 is not known. */
  readonly truth?: Int32Array;
  readonly classNames: readonly string[];
  readonly signal?: AbortSignal;
  readonly onRound?: (report: RoundReport) => void;
  readonly onCheckpoint?: (checkpoint: Checkpoint, views: readonly RoundView[]) => Promise<void>;
  readonly resumeFrom?: { readonly checkpoint: Checkpoint; readonly views: readonly RoundView[] };
}

export interface Adaptation {
  readonly method: Method;
  readonly result: SelfTrainingResult;
  readonly views: readonly RoundView[];
  /** Rows that the views show. */
  readonly shownRows: readonly number[];
}

/** Points in a map. */
const MAX_POINTS = 600;
const NUM_EXAMPLES = 20;

/** Runs a method and records what the page shows. */
export async function adapt(input: AdaptationInput, options: Partial<SelfTrainingOptions>): Promise<Adaptation> {
  const { source, target, truth } = input;
  const method = options.method ?? DEFAULT_OPTIONS.method;
  const shownRows = chooseShown(target.x.numRows, options.seed ?? 0);
  // The last round is looked at again after a resume.
  const views: RoundView[] = [...(input.resumeFrom?.views.slice(0, -1) ?? [])];
  const result = await selfTrain(
    {
      source,
      target: target.x,
      view: viewOf(target),
      ...(method === 'oracle' && truth && { oracleLabels: truth }),
      ...(input.signal && { signal: input.signal }),
      ...(input.onCheckpoint && { onCheckpoint: (checkpoint) => input.onCheckpoint!(checkpoint, views) }),
      ...(input.resumeFrom && { resumeFrom: input.resumeFrom.checkpoint }),
      ...(truth && { measure: (look: Look) => measure(look, truth) }),
      onRound(look) {
        views.push(viewOfRound(look, shownRows, views.at(-1)));
        input.onRound?.(look.report);
      },
    },
    options,
  );
  return { method, result, views, shownRows };
}

/** Truth enters here only: the figures go into the report and nowhere else. */
function measure({ prediction, plan }: Look, truth: Int32Array): Partial<RoundReport> {
  const quality = measureQuality(prediction.probabilities, truth);
  let [used, right] = [0, 0];
  plan.accepted.forEach((isAccepted, n) => {
    if (isAccepted === 0 || truth[n] < 0) return;
    used++;
    right += Number(plan.hard[n] === truth[n]);
  });
  return {
    truthAccuracy: quality.accuracy,
    truthEce: quality.ece,
    ...(used > 0 && { truthAcceptedAccuracy: right / used }),
  };
}

export function methodJson({ method, result }: Adaptation): MethodJson {
  const { rounds, keptRound, isStopped } = result;
  const { truthAccuracy, truthEce } = rounds[keptRound];
  return {
    method,
    rounds,
    keptRound,
    isStopped,
    ...(truthAccuracy !== undefined && { accuracy: truthAccuracy }),
    ...(truthEce !== undefined && { ece: truthEce }),
  };
}

export function adaptJson(
  shown: Adaptation,
  input: AdaptationInput & { readonly sourceName: string; readonly seed: number },
  others: readonly Adaptation[] = [],
): AdaptJson {
  const { source, target, truth, classNames } = input;
  const { pooled } = shown.result.final;
  const rows = Array.from(pooled.hard.keys());
  const byConfidence = rows.toSorted((a, b) => pooled.confidence[b] - pooled.confidence[a] || a - b);
  const example = (n: number) => exampleOf(n, shown, input);
  return {
    sourceName: input.sourceName,
    targetName: target.name,
    classNames,
    numSource: source.numSamples,
    numTarget: target.x.numRows,
    seed: input.seed,
    methods: [shown, ...others].map(methodJson),
    views: shown.views,
    ...(truth && { truth: shown.shownRows.map((n) => truth[n]) }),
    certain: spread(byConfidence, pooled.hard, classNames.length).map(example),
    uncertain: byConfidence.slice(-NUM_EXAMPLES).toReversed().map(example),
    askNext: askOrder(pooled, NUM_EXAMPLES).map(example),
  };
}

/** The surest rows of each class in turn. */
function spread(order: readonly number[], hard: Int32Array, numClasses: number): number[] {
  const perClass = Math.max(1, Math.ceil(NUM_EXAMPLES / numClasses));
  const taken = new Int32Array(numClasses);
  return order.filter((n) => taken[hard[n]]++ < perClass).slice(0, NUM_EXAMPLES);
}

function exampleOf(n: number, { result }: Adaptation, { target, truth, classNames }: AdaptationInput): Example {
  const { pooled } = result.final;
  const { sidePx } = target;
  const pixels = () => target.x.data.subarray(n * target.x.width, (n + 1) * target.x.width);
  return {
    id: target.ids?.[n] ?? `row ${n}`,
    label: classNames[pooled.hard[n]],
    confidence: pooled.confidence[n],
    data: pooled.varianceData[n],
    model: pooled.varianceModel[n],
    disagreement: pooled.varianceDisagreement[n],
    ...(truth && truth[n] >= 0 && { truth: classNames[truth[n]] }),
    ...(sidePx && { thumbnail: thumbnailOf(pixels(), sidePx) }),
  };
}

/** Grey or RGB by the number of pixels. */
function thumbnailOf(values: Float32Array, sidePx: number): string {
  const numPixels = sidePx * sidePx;
  const channels = values.length / numPixels;
  const data = new Uint8Array(values.length);
  for (let p = 0; p < numPixels; p++) {
    for (let c = 0; c < channels; c++)
      data[p * channels + c] = Math.round(255 * Math.min(1, Math.max(0, values[c * numPixels + p])));
  }
  return pngUrl({ widthPx: sidePx, heightPx: sidePx, data, colours: channels === 3 ? 'rgb' : 'grey' });
}

function viewOf({ x, sidePx }: Samples): StrongView {
  if (sidePx === undefined) return { kind: 'numbers' };
  return x.width === sidePx * sidePx ? { kind: 'grey', sidePx } : { kind: 'photo', channels: 3 };
}

function chooseShown(numRows: number, seed: number): number[] {
  const rows = createRng(seed, 'shown').shuffle(Array.from({ length: numRows }, (_, n) => n));
  return rows.slice(0, MAX_POINTS).sort((a, b) => a - b);
}

function viewOfRound(
  { report, pooled, plan, smoothed, heldOut }: Look,
  rows: readonly number[],
  previous: RoundView | undefined,
): RoundView {
  const { bases } = smoothed.em;
  const before = previous && Float64Array.from(rows.flatMap((_, i) => [previous.x[i], previous.y[i]]));
  const map = mapToPlane(takeRows(smoothed.features, rows), bases, before);
  const short = (value: number) => Number(value.toFixed(3));
  const perClass = map.bases.length / 2 / pooled.numClasses;
  return {
    round: report.round,
    x: rows.map((_, i) => short(map.points[2 * i])),
    y: rows.map((_, i) => short(map.points[2 * i + 1])),
    label: rows.map((n) => pooled.hard[n]),
    variance: rows.map((n) => short(pooled.varianceTotal[n])),
    accepted: rows.map((n) => plan.accepted[n]),
    bases: Array.from({ length: map.bases.length / 2 }, (_, k) => ({
      x: short(map.bases[2 * k]),
      y: short(map.bases[2 * k + 1]),
      label: Math.floor(k / perClass),
    })),
    reliability: heldOut.quality.bins,
    calibrated: heldOut.calibrated.bins,
  };
}
