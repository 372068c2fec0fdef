/** ProxSparse: a short regularised fine-tune whose only use is the position of the two largest weights of every block.
 *
 *  Each step: gradient of the language-model loss (plus λ₂ Σ‖(W/(W₀+ε sgn W₀)) ∘ (W−W₀)‖²), clipped to norm 1, an AdamW
 *  update without decay, then the proximal operator with λ₁ (not λ₁·lr) on every prunable matrix. Learning rate: linear
 *  warm-up over the first tenth, then linear to zero. Output: the mask; the tuned weights are thrown away.
 *  Source: ProxSparse (arXiv 2502.00258), algorithm 1; settings of the released code.
 *  Differs: f32 instead of pure bf16; by default only prunable matrices are trained (`trainsAll` trains everything);
 *  λ₁ may be given as κ/rms(W₀) per matrix, because the operator scales that way. */
import { throwIfCancelled } from '@tenfold/core/base';
import { adamW, createTrainer, crossEntropy, i64, llama, warmupLinear, type LossContext } from '@tenfold/core/nn';
import type { GraphValue } from '@tenfold/core/graph';
import type { Tensor } from '@tenfold/core/tensor';
import {
  assertFinite,
  assertMaskable,
  isPrunable,
  magnitudeMask,
  maskDifference,
  maskFromScores,
} from '../mask/mask24.ts';
import { proxInPlace, type ProxSolver } from '../prox/prox.ts';
import { sparseError } from '../sparse-errors.ts';
import type { LoadedModel, Mask24, PruneOutcome } from '../types.ts';

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
  readonly signal?: AbortSignal;
  readonly onStep?: (point: { readonly step: number; readonly loss: number; readonly sparseShare: number }) => void;
}

const WARMUP_SHARE = 0.1;
const CLIP_NORM = 1;
const ENOUGH_SPARSE = 0.9;
const TOO_EARLY = 0.2;
const HISTORY_POINTS = 40;

/** @param rows  token rows of one length; step t uses row t mod rows.length
 *  @throws TF-SPARSE-005 on λ or steps out of range; TF-SPARSE-009 if the loss leaves the finite numbers */
export async function proxSparse(
  model: LoadedModel,
  rows: readonly (readonly number[])[],
  options: ProxSparseOptions,
): Promise<PruneOutcome> {
  const { steps, lambda2 = 0, epsilon = 0.1, solver = 'enum-alm', trainsAll = false, signal, onStep } = options;
  const names = prunableNames(model);
  const lambdas = lambdasOf(model, names, options);
  const context = rows[0]!.length;
  const frozen = lambda2 > 0 ? frozenTerm(model, names, lambda2, epsilon) : undefined;
  await using trainer = await createTrainer({
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
  const history: { step: number; loss: number; sparseShare: number }[] = [];
  const warnings: string[] = [];
  let sparseShare = 0;
  for (let step = 0; step < steps; step++) {
    throwIfCancelled(signal, 'proxsparse');
    const { loss } = await trainStep(trainer, rows[step % rows.length]!);
    const support = new Float64Array(5);
    for (const [name, lambda] of lambdas) {
      const state = (await trainer.session.readState(name)) as Tensor<'float32'>;
      proxInPlace(state.data, lambda, { solver }).support.forEach((count, k) => (support[k] = support[k]! + count));
      await trainer.session.writeState(name, state);
    }
    sparseShare = (support[0]! + support[1]! + support[2]!) / support.reduce((sum, count) => sum + count, 0);
    const point = { step: step + 1, loss, sparseShare };
    if (step === 0 || step + 1 === steps || (step + 1) % Math.max(1, Math.floor(steps / HISTORY_POINTS)) === 0)
      history.push(point);
    if (sparseShare > ENOUGH_SPARSE && step + 1 < steps * TOO_EARLY && warnings.length === 0) {
      warnings.push(
        `More than ${ENOUGH_SPARSE * 100} % of blocks were 2:4 after ${step + 1} of ${steps} steps: λ₁ is large, the mask will be close to magnitude.`,
      );
    }
    onStep?.(point);
  }
  if (sparseShare < ENOUGH_SPARSE)
    warnings.push(
      `Only ${(sparseShare * 100).toFixed(1)} % of blocks were 2:4 at the end: λ₁ or the number of steps is small.`,
    );
  const masks = new Map<string, Mask24>();
  for (const name of names) {
    const tuned = (await trainer.session.readState(name)) as Tensor<'float32'>;
    masks.set(name, tunedMask(model.parameters[name]!, tuned));
  }
  const difference = maskDifference(
    masks,
    new Map(names.map((name) => [name, magnitudeMask(name, model.parameters[name]!)])),
  );
  if (difference < 0.02)
    warnings.push(
      `Only ${(difference * 100).toFixed(1)} % of the mask differs from magnitude: raise the learning rate or lower λ₁.`,
    );
  return { method: 'proxsparse', masks, history, sparseShare, warnings };
}

type TrainerOf = Awaited<ReturnType<typeof createTrainer>>;

async function trainStep(trainer: TrainerOf, row: readonly number[]): Promise<{ loss: number }> {
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

export function prunableNames(model: LoadedModel): string[] {
  const names = Object.keys(model.parameters).filter((name) => isPrunable(name, model.parameters[name]!.shape));
  for (const name of names) {
    assertMaskable(name, model.parameters[name]!.shape);
    assertFinite(name, model.parameters[name]!.data);
  }
  return names;
}

function lambdasOf(
  model: LoadedModel,
  names: readonly string[],
  { lambda1, kappa, steps, learningRate }: ProxSparseOptions,
): Map<string, number> {
  const refuse = (expected: string, actual: unknown) =>
    sparseError('TF-SPARSE-005', { subject: 'proxsparse', expected, actual: String(actual) });
  if (!(Number.isInteger(steps) && steps > 0)) throw refuse('steps to be a positive whole number', steps);
  if (!(learningRate > 0)) throw refuse('a learning rate above 0', learningRate);
  if ((lambda1 === undefined) === (kappa === undefined))
    throw refuse('either lambda1 or kappa', lambda1 === undefined ? 'neither' : 'both');
  const given = lambda1 ?? kappa!;
  if (!(given > 0 && Number.isFinite(given))) throw refuse('lambda1 or kappa to be above 0', given);
  return new Map(names.map((name) => [name, lambda1 ?? kappa! / rootMeanSquare(model.parameters[name]!.data)]));
}

export function rootMeanSquare(data: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!;
  return Math.sqrt(sum / data.length);
}

/** λ₂ Σ (w (w − w₀) / d)², d = w₀ + ε sgn(w₀), sgn(0) = +1: a well at zero and one at the original weight. */
function frozenTerm(
  model: LoadedModel,
  names: readonly string[],
  lambda2: number,
  epsilon: number,
): (context: LossContext) => GraphValue {
  return ({ g, net }) => {
    let total: GraphValue = g.scalar(0);
    for (const name of names) {
      const w = net.parameters.get(name)!;
      const original = model.parameters[name]!;
      const reciprocal = original.data.map((value) => 1 / (value + (value < 0 ? -epsilon : epsilon)));
      const pull = g.mul(
        g.mul(w, g.sub(w, g.constant(original))),
        g.constant({ dtype: 'float32', shape: original.shape, data: reciprocal }),
      );
      total = g.add(total, g.reduceSumSquare(pull));
    }
    return g.mul(g.reshape(total, []), lambda2);
  };
}
