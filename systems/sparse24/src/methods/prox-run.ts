/** ProxSparse: a short regularised fine-tune whose only use is the position of the two largest weights of every block.
 *
 *  Each step: gradient of the language-model loss (plus λ₂ Σ‖(W/(W₀+ε sgn W₀)) ∘ (W−W₀)‖²), clipped to norm 1, an AdamW
 *  update without decay, then the proximal operator with λ₁ (not λ₁·lr) on every prunable matrix. Learning rate: linear
 *  warm-up over the first tenth, then linear to zero. Output: the mask; the tuned weights are thrown away.
 *  Source: ProxSparse (arXiv 2502.00258), algorithm 1; settings of the released code.
 *  Differs: f32 instead of pure bf16; by default only prunable matrices are trained (`trainsAll` trains everything);
 *  λ₁ may be given as κ/rms(W₀) per matrix, because the operator scales that way. */
import { throwIfCancelled } from '@tenfold/core/base';
import {
  adamW,
  createTrainer,
  crossEntropy,
  i64,
  llama,
  saveCheckpoint,
  warmupLinear,
  type Trainer,
} from '@tenfold/core/nn';
import type { StateValues } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';
import { magnitudeMask, maskDifference, maskFromScores } from '../mask/mask24.ts';
import { proxInPlace, type ProxSolver } from '../prox/prox.ts';
import { sparseError } from '../sparse-errors.ts';
import type { LoadedModel, Mask24, MaskSet, PruneOutcome } from '../types.ts';
import { frozenTerm, lambdasOf, prunableNames } from './prox-terms.ts';

export interface ProxSparseOptions {
  readonly steps: number;
  readonly learningRate: number;
  /** Either a λ₁ for all matrices, or κ: λ₁ = κ / rms(W₀) per matrix. */
  readonly lambda1?: number;
  readonly kappa?: number;
  readonly lambda2?: number;
  readonly epsilon?: number;
  readonly solver?: ProxSolver;
  readonly trainsAll?: boolean;
  /** Go on from here. */
  readonly from?: ProxSnapshot;
}

export interface ProxPoint {
  readonly step: number;
  readonly loss: number;
  /** Share of blocks with at most two non-zeros. */
  readonly sparseShare: number;
}

/** A run between two steps: weights, moments, and what was seen so far. */
export interface ProxSnapshot {
  readonly step: number;
  readonly states: StateValues;
  readonly history: readonly ProxPoint[];
  readonly warnings: readonly string[];
}

/** One ProxSparse run that can be stopped between steps and gone on with. */
export interface ProxRun {
  readonly step: number;
  /** Takes steps up to `until` (at most all). @throws TF-SPARSE-009 if the loss leaves the finite numbers */
  advance(until: number, options?: AdvanceOptions): Promise<void>;
  /** The mask that the weights of now give. */
  masks(): Promise<MaskSet>;
  outcome(): Promise<PruneOutcome>;
  snapshot(): Promise<ProxSnapshot>;
  /** Writes a checkpoint file. */
  save(path: string, metadata: Readonly<Record<string, string>>): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface AdvanceOptions {
  readonly signal?: AbortSignal;
  readonly onStep?: (point: ProxPoint) => void;
}

const WARMUP_SHARE = 0.1;
const CLIP_NORM = 1;
const ENOUGH_SPARSE = 0.9;
const TOO_EARLY = 0.2;
const HISTORY_POINTS = 40;
const NEAR_MAGNITUDE = 0.02;

/** @param rows  token rows of one length; step t uses row t mod rows.length
 *  @throws TF-SPARSE-005 on λ or steps out of range */
export async function openProxRun(
  model: LoadedModel,
  rows: readonly (readonly number[])[],
  options: ProxSparseOptions,
): Promise<ProxRun> {
  const { steps, lambda2 = 0, epsilon = 0.1, solver = 'enum-alm', trainsAll = false, from } = options;
  const names = prunableNames(model);
  const lambdas = lambdasOf(model, names, options);
  const context = rows[0]!.length;
  const frozen = lambda2 > 0 ? frozenTerm(model, names, lambda2, epsilon) : undefined;
  const trainer = await createTrainer({
    model: llama(model.config),
    inputs: { tokens: i64(1, context), labels: i64(1, context - 1) },
    loss: (loss) => {
      const { g, outputs, inputs } = loss;
      const logits = g.sliceAxis(outputs['logits']!, 0, 0, context - 1); // [T − 1, V]
      const nats = crossEntropy(g, logits, g.reshape(inputs['labels']!, [context - 1]));
      return frozen ? g.add(nats, frozen(loss)) : nats;
    },
    optimizer: adamW({
      learningRate: warmupLinear({
        peak: options.learningRate,
        totalSteps: steps,
        warmupSteps: Math.ceil(steps * WARMUP_SHARE),
      }),
      weightDecay: 0,
    }),
    clipNorm: CLIP_NORM,
    isTrained: (name) => trainsAll || lambdas.has(name),
    states: model.parameters,
  });
  if (from) await trainer.load(from.states, from.step);
  const history: ProxPoint[] = [...(from?.history ?? [])];
  const warnings: string[] = [...(from?.warnings ?? [])];

  const takeStep = async (): Promise<ProxPoint> => {
    const { loss } = await trainStep(trainer, rows[trainer.stepCount % rows.length]!);
    const support = new Float64Array(5);
    for (const [name, lambda] of lambdas) {
      const state = (await trainer.session.readState(name)) as Tensor<'float32'>;
      proxInPlace(state.data, lambda, { solver }).support.forEach((count, k) => (support[k] = support[k]! + count));
      await trainer.session.writeState(name, state);
    }
    const total = support.reduce((sum, count) => sum + count, 0);
    return { step: trainer.stepCount, loss, sparseShare: (support[0]! + support[1]! + support[2]!) / total };
  };
  const masks = async (): Promise<MaskSet> => {
    const found = new Map<string, Mask24>();
    for (const name of names)
      found.set(name, tunedMask(model.parameters[name]!, (await trainer.session.readState(name)) as Tensor<'float32'>));
    return found;
  };
  let last = history.at(-1);

  return {
    get step() {
      return trainer.stepCount;
    },
    async advance(until, { signal, onStep } = {}) {
      while (trainer.stepCount < Math.min(until, steps)) {
        throwIfCancelled(signal, 'proxsparse');
        last = await takeStep();
        const every = Math.max(1, Math.floor(steps / HISTORY_POINTS));
        if (last.step === 1 || last.step === steps || last.step % every === 0) history.push(last);
        if (last.sparseShare > ENOUGH_SPARSE && last.step < steps * TOO_EARLY && warnings.length === 0) {
          warnings.push(
            `More than ${ENOUGH_SPARSE * 100} % of blocks were 2:4 after ${last.step} of ${steps} steps: λ₁ is large, the mask will be close to magnitude.`,
          );
        }
        onStep?.(last);
      }
    },
    masks,
    async outcome() {
      const found = await masks();
      return {
        method: 'proxsparse',
        masks: found,
        history,
        sparseShare: last?.sparseShare ?? 0,
        warnings: [...warnings, ...warningsOf(model, found, last?.sparseShare ?? 0)],
      };
    },
    snapshot: async () => ({
      step: trainer.stepCount,
      states: await trainer.allStates(),
      history: [...history],
      warnings: [...warnings],
    }),
    save: (path, metadata) =>
      saveCheckpoint(path, trainer, {
        force: true,
        metadata: { ...metadata, history: JSON.stringify(history), warnings: JSON.stringify(warnings) },
      }),
    [Symbol.asyncDispose]: () => trainer.dispose(),
  };
}

function warningsOf(model: LoadedModel, masks: MaskSet, sparseShare: number): string[] {
  const warnings: string[] = [];
  if (sparseShare < ENOUGH_SPARSE)
    warnings.push(
      `Only ${(sparseShare * 100).toFixed(1)} % of blocks were 2:4 at the end: λ₁ or the number of steps is small.`,
    );
  const magnitude = new Map([...masks.keys()].map((name) => [name, magnitudeMask(name, model.parameters[name]!)]));
  const difference = maskDifference(masks, magnitude);
  if (difference < NEAR_MAGNITUDE)
    warnings.push(
      `Only ${(difference * 100).toFixed(1)} % of the mask differs from magnitude: raise the learning rate or lower λ₁.`,
    );
  return warnings;
}

async function trainStep(trainer: Trainer, row: readonly number[]): Promise<{ loss: number }> {
  const tokens = BigInt64Array.from(row, BigInt);
  const feeds = {
    tokens: { dtype: 'int64' as const, shape: [1, row.length], data: tokens },
    labels: { dtype: 'int64' as const, shape: [1, row.length - 1], data: tokens.slice(1) },
  };
  try {
    return await trainer.step(feeds);
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'TF-NN-004') throw cause;
    throw sparseError('TF-SPARSE-009', {
      subject: 'proxsparse',
      expected: 'a finite loss',
      actual: 'NaN or infinity',
      location: `step ${trainer.stepCount}`,
      hints: ['Lower --lr or --lambda2.'],
      cause,
    });
  }
}

/** Where the tuned block has fewer than two non-zeros, the original magnitude decides the rest. */
function tunedMask(original: Tensor<'float32'>, tuned: Tensor<'float32'>): Mask24 {
  const scores = new Float64Array(tuned.data.length);
  for (let i = 0; i < scores.length; i++) {
    const size = Math.abs(tuned.data[i]!);
    // Non-zero entries come first, whatever their size; zeros are ordered by the original weight.
    scores[i] = size > 0 ? 2 + size : Math.abs(original.data[i]!) / (1 + Math.abs(original.data[i]!));
  }
  return maskFromScores(original.shape as readonly [number, number], scores);
}
