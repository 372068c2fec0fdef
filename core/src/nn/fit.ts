/** The training loop: batches in, updates, progress, evaluation, early stop. */
import { throwIfCancelled, yieldToEventLoop } from '../base/index.ts';
import type { Feeds, StateValues } from '../runtime/index.ts';
import { assertOption, NOT_NEGATIVE } from './number-checks.ts';
import type { Trainer } from './trainer.ts';

export interface FitProgress {
  /** Updates made in all, including before a resume. */
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  /** Last result of `evaluate`. */
  readonly score?: number;
}

export interface FitOptions {
  readonly trainer: Trainer;
  /** Feeds of the update with that count; the same step gives the same batch, so that a resumed run goes on alike. */
  readonly batchAt: (step: number) => Feeds | Promise<Feeds>;
  /** Updates in all; a trainer that resumes at step 40 makes totalSteps − 40 more. */
  readonly totalSteps: number;
  readonly onStep?: (progress: FitProgress) => void;
  /** A score to make large (accuracy, −loss), measured every `evaluateEvery` updates and at the end. */
  readonly evaluate?: (trainer: Trainer) => Promise<number>;
  readonly evaluateEvery?: number;
  /** Stop after so many evaluations without a better score, and go back to the best parameters. Default: never. */
  readonly patience?: number;
  readonly signal?: AbortSignal;
}

export interface FitResult {
  readonly losses: readonly number[];
  readonly scores: readonly { readonly step: number; readonly score: number }[];
  readonly bestScore: number | undefined;
  readonly stoppedEarly: boolean;
}

/** Trains until the last step, the end of patience, or a cancel request (which throws TF-BASE-001; the trainer stays
 *  usable, so that a checkpoint can be written). */
export async function fit(options: FitOptions): Promise<FitResult> {
  const {
    trainer,
    batchAt,
    totalSteps,
    onStep,
    evaluate,
    evaluateEvery = Infinity,
    patience = Infinity,
    signal,
  } = options;
  assertOption('fit', 'totalSteps', totalSteps, NOT_NEGATIVE);
  const losses: number[] = [];
  const scores: { step: number; score: number }[] = [];
  let best: { score: number; states: StateValues | undefined } | undefined;
  let numWorse = 0;
  let stoppedEarly = false;

  while (trainer.stepCount < totalSteps && !stoppedEarly) {
    throwIfCancelled(signal, 'fit');
    const { loss } = await trainer.step(await batchAt(trainer.stepCount));
    losses.push(loss);
    const step = trainer.stepCount;
    if (evaluate !== undefined && (step % evaluateEvery === 0 || step === totalSteps)) {
      const score = await evaluate(trainer);
      scores.push({ step, score });
      if (best === undefined || score > best.score) {
        // Copies are kept only where they may be needed again.
        best = { score, states: patience === Infinity ? undefined : await trainer.parameters() };
        numWorse = 0;
      } else stoppedEarly = ++numWorse >= patience;
    }
    const score = scores.at(-1)?.score;
    onStep?.({ step, totalSteps, loss, ...(score === undefined ? {} : { score }) });
    await yieldToEventLoop();
  }
  if (stoppedEarly && best?.states !== undefined) await trainer.load(best.states);
  return { losses, scores, bestScore: best?.score, stoppedEarly };
}
