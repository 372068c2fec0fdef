/** Which κ suits a model: every candidate runs a quarter of its steps and is judged on validation rows; the best go on. */
import type { MaskSet } from './types.ts';
import { maskedParameters, type LearnSettings } from './compare.ts';
import { openProxRun, type ProxSnapshot } from './methods/prox-run.ts';
import { magnitudeMask, maskDifference } from './mask/mask24.ts';
import { prunableNames } from './methods/prox-terms.ts';
import { createEvaluator } from './model/perplexity.ts';
import type { LoadedModel } from './types.ts';

export interface SweepPoint {
  readonly kappa: number;
  /** Perplexity of the mask after a quarter of the steps, on the validation rows. */
  readonly earlyPerplexity: number;
  readonly earlySparseShare: number;
  /** At the end, for those that went on. */
  readonly finalPerplexity?: number;
  readonly sparseShare?: number;
  readonly differsFromMagnitude?: number;
  readonly warnings: readonly string[];
}

export interface Sweep {
  readonly densePerplexity: number;
  readonly magnitudePerplexity: number;
  /** In the order of κ. */
  readonly points: readonly SweepPoint[];
  readonly best: SweepPoint;
  readonly masks: MaskSet;
}

export interface SweepOptions {
  readonly kappas: readonly number[];
  readonly keep: number;
  readonly settings: LearnSettings;
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: string, done: number, total: number) => void;
}

const EARLY_SHARE = 0.25;

/** @param calibration  rows to train on @param validation  other rows, to judge on
 *  @throws TF-SPARSE-005, 009 as a run does */
export async function sweepKappa(
  model: LoadedModel,
  calibration: readonly (readonly number[])[],
  validation: readonly (readonly number[])[],
  options: SweepOptions,
): Promise<Sweep> {
  const { keep, settings, signal, onProgress } = options;
  const kappas = [...new Set(options.kappas)].toSorted((a, b) => a - b);
  const { lambda1: _lambda1, kappa: _kappa, maskLearningRate: _rate, ...shared } = settings;
  const stops = signal ? { signal } : {};
  const evaluator = await createEvaluator(model, validation);
  const magnitude = new Map(prunableNames(model).map((name) => [name, magnitudeMask(name, model.parameters[name]!)]));
  const score = (masks: MaskSet): Promise<number> => evaluator.perplexity(maskedParameters(model, masks), stops);
  const runTo = async (kappa: number, until: number, from?: ProxSnapshot) => {
    await using run = await openProxRun(model, calibration, { ...shared, kappa, ...(from ? { from } : {}) });
    await run.advance(until, {
      ...(signal ? { signal } : {}),
      onStep: ({ step }) => onProgress?.(`κ ${kappa}`, step, until),
    });
    const outcome = await run.outcome();
    return { outcome, perplexity: await score(outcome.masks), snapshot: await run.snapshot() };
  };
  try {
    const densePerplexity = await evaluator.perplexity({}, stops);
    const magnitudePerplexity = await score(magnitude);
    const early = [];
    for (const kappa of kappas)
      early.push({ kappa, ...(await runTo(kappa, Math.max(1, Math.round(settings.steps * EARLY_SHARE)))) });
    const going = early.toSorted((a, b) => a.perplexity - b.perplexity).slice(0, keep);
    const finals = new Map<number, Awaited<ReturnType<typeof runTo>>>();
    for (const { kappa, snapshot } of going) finals.set(kappa, await runTo(kappa, settings.steps, snapshot));
    const points = early.map(({ kappa, perplexity, outcome }): SweepPoint => {
      const final = finals.get(kappa);
      return {
        kappa,
        earlyPerplexity: perplexity,
        earlySparseShare: outcome.sparseShare ?? 0,
        ...(final
          ? {
              finalPerplexity: final.perplexity,
              sparseShare: final.outcome.sparseShare ?? 0,
              differsFromMagnitude: maskDifference(final.outcome.masks, magnitude),
            }
          : {}),
        warnings: final?.outcome.warnings ?? [],
      };
    });
    const best = points
      .filter((point) => point.finalPerplexity !== undefined)
      .reduce((a, b) => (b.finalPerplexity! < a.finalPerplexity! ? b : a));
    return { densePerplexity, magnitudePerplexity, points, best, masks: finals.get(best.kappa)!.outcome.masks };
  } finally {
    await evaluator.dispose();
  }
}
