/** Means a level, drops against training and control views with both ways of averaging, and the trust radius. */
import type { Level } from '../types.ts';
import type { Evaluation, ViewScore } from './evaluate.ts';

export const TEST_LEVELS: readonly Level[] = ['train', 'control', 'level1', 'level2', 'level3'];

export interface LevelRow {
  readonly level: Level;
  readonly numViews: number;
  readonly psnr: number;
  readonly ssim: number;
  readonly lpips: number | null;
  readonly featureCosine: number | null;
  /** The workshop's sum, ¼ SSIM + 0.15 PSNR in dB + 0.35 (1 − LPIPS) + ¼ cosine; PSNR outweighs the rest. null if one is missing. */
  readonly workshopScore: number | null;
  readonly psnrSeen: number | null;
  readonly psnrUnseen: number | null;
  readonly psnrSky: number | null;
  readonly unseenShare: number | null;
  readonly absRel: number | null;
  /** dB by which single members match their mean picture; null for one. */
  readonly agreement: number | null;
  /** Share of the squared error that lies on unseen pixels. */
  readonly unseenErrorShare: number | null;
  /** (train − level) / train for PSNR, SSIM and features, (level − train) / train for LPIPS; null for train. */
  readonly dropPsnr: number | null;
  readonly dropSsim: number | null;
  readonly dropLpips: number | null;
  readonly dropFeatures: number | null;
}

export function summariseLevels({ views }: Evaluation): readonly LevelRow[] {
  const train = meansOf(views.filter(({ level }) => level === 'train'));
  return TEST_LEVELS.flatMap((level) => {
    const own = views.filter((view) => view.level === level);
    if (own.length === 0) return [];
    const means = meansOf(own);
    const isTrain = level === 'train' || !Number.isFinite(train.psnr);
    return [
      {
        level,
        numViews: own.length,
        ...means,
        workshopScore: workshopScore(means),
        dropPsnr: isTrain ? null : (train.psnr - means.psnr) / train.psnr,
        dropSsim: isTrain ? null : (train.ssim - means.ssim) / train.ssim,
        dropLpips: isTrain || means.lpips === null || !train.lpips ? null : (means.lpips - train.lpips) / train.lpips,
        dropFeatures:
          isTrain || means.featureCosine === null || !train.featureCosine
            ? null
            : (train.featureCosine - means.featureCosine) / train.featureCosine,
      },
    ];
  });
}

function workshopScore({ psnr, ssim, lpips, featureCosine }: ReturnType<typeof meansOf>): number | null {
  if (lpips === null || featureCosine === null) return null;
  return 0.25 * ssim + 0.15 * psnr + 0.35 * (1 - lpips) + 0.25 * featureCosine;
}

function meansOf(views: readonly ViewScore[]) {
  const errorShare = views.filter(({ squaredError }) => squaredError.unseen !== null);
  return {
    psnr: mean(views.map(({ psnr }) => psnr)),
    ssim: mean(views.map(({ ssim }) => ssim)),
    lpips: meanOrNull(views.map(({ lpips }) => lpips)),
    featureCosine: meanOrNull(views.map(({ featureCosine }) => featureCosine)),
    psnrSeen: meanOrNull(views.map(({ psnrSeen }) => psnrSeen)),
    psnrUnseen: meanOrNull(views.map(({ psnrUnseen }) => psnrUnseen)),
    psnrSky: meanOrNull(views.map(({ psnrSky }) => psnrSky)),
    unseenShare: meanOrNull(views.map(({ unseenShare }) => unseenShare)),
    absRel: meanOrNull(views.map(({ depth }) => depth?.absRel ?? null)),
    agreement: meanOrNull(views.map(({ agreement }) => agreement)),
    unseenErrorShare:
      errorShare.length === 0
        ? null
        : sum(errorShare.map(({ squaredError }) => squaredError.unseen!)) /
          sum(errorShare.map(({ squaredError }) => squaredError.all)),
  };
}

/** Drops averaged over scenes (or methods) in the two ways that tables use. */
export interface AveragedDrop {
  /** Drop of the mean values. */ readonly ratioOfMeans: number;
  /** Mean of the drops. */ readonly meanOfRatios: number;
}

/** @param pairs  (train, test) of every scene or method @param isLowerBetter  as LPIPS */
export function averageDrops(
  pairs: readonly { readonly train: number; readonly test: number }[],
  isLowerBetter = false,
): AveragedDrop {
  const sign = isLowerBetter ? -1 : 1;
  const train = mean(pairs.map((pair) => pair.train));
  const test = mean(pairs.map((pair) => pair.test));
  return {
    ratioOfMeans: (sign * (train - test)) / train,
    meanOfRatios: mean(pairs.map((pair) => (sign * (pair.train - pair.test)) / pair.train)),
  };
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? NaN : sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function meanOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : mean(known);
}
