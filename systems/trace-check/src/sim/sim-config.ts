/** What a simulated run is: model, mesh, precision, schedule, and at most one bug. Plain data, sent to the ranks. */
import { traceError } from '../trace-check-errors.ts';
import type { TracePrecision } from '../types.ts';
import type { BugName } from './bug-texts.ts';

export interface SimModel {
  readonly numLayers: number;
  readonly hidden: number;
  readonly numHeads: number;
  /** Query groups: heads of keys and values. */
  readonly numGroups: number;
  readonly ffn: number;
  readonly numVocab: number;
  readonly sequence: number;
  /** Sequences of a micro-batch. */
  readonly batch: number;
  /** 0: dense. */
  readonly numExperts: number;
  readonly topK: number;
  readonly isTied: boolean;
  /** Embedding rows of the upper half of the vocabulary have one dominant channel, and the second half of every sequence
   *  uses them: largest magnitudes then differ between sequence shards. */
  readonly isImbalanced: boolean;
  /** Only the first positions of a micro-batch count in the loss: five times as many in even ones as in odd ones. */
  readonly isMasked: boolean;
}

export interface SimMesh {
  readonly tp: number;
  readonly cp: number;
  readonly ep: number;
  readonly dp: number;
  readonly pp: number;
}

export interface SimConfig {
  readonly model: SimModel;
  readonly mesh: SimMesh;
  readonly precision: Exclude<TracePrecision, 'float16'>;
  readonly isSequenceParallel: boolean;
  /** Layer chunks per pipeline stage. */
  readonly numChunks: number;
  /** Layers per recomputed chunk, 0: none. */
  readonly recompute: number;
  readonly isZero: boolean;
  /** Weight gradients under sequence parallelism gather their input again, chunk by chunk, while products are queued. */
  readonly isOverlapped: boolean;
  /** FP8 scales: from the present tensor, or from the magnitudes of the steps before. */
  readonly fp8Scaling: 'current' | 'delayed';
  /** Passes before the first recorded step that only move the FP8 scales. */
  readonly numWarmUpSteps: number;
  /** Multiplies the loss before the backward pass. */
  readonly lossScale: number;
  /** Micro-batches of a step over all data ranks. */
  readonly numMicroBatches: number;
  readonly numSteps: number;
  readonly algorithm: 'ring' | 'tree' | 'rank-order';
  readonly planSeed: number;
  readonly learningRate: number;
  /** Perturbs embedding outputs (and rewritten inputs) by ± ulps units. */
  readonly perturb?: { readonly seed: number; readonly ulps: number };
  /** Every leaf module gets generated inputs and generated output gradients. */
  readonly isIsolated: boolean;
  readonly bug?: BugName;
}

export const SMALL_MODEL: SimModel = {
  numLayers: 4,
  hidden: 64,
  numHeads: 4,
  numGroups: 4,
  ffn: 128,
  numVocab: 128,
  sequence: 32,
  batch: 1,
  numExperts: 0,
  topK: 2,
  isTied: false,
  isImbalanced: false,
  isMasked: false,
};

/** Ranks are threads of one process. */
const MAX_RANKS = 64;

export const NO_MESH: SimMesh = { tp: 1, cp: 1, ep: 1, dp: 1, pp: 1 };

export function createSimConfig(
  changes: Partial<Omit<SimConfig, 'model' | 'mesh'>> & { model?: Partial<SimModel>; mesh?: Partial<SimMesh> },
): SimConfig {
  const config: SimConfig = {
    precision: 'float32',
    isSequenceParallel: false,
    numChunks: 1,
    recompute: 0,
    isZero: false,
    isOverlapped: false,
    fp8Scaling: 'current',
    numWarmUpSteps: 0,
    lossScale: 1,
    numMicroBatches: 4,
    numSteps: 1,
    algorithm: 'ring',
    planSeed: 1,
    learningRate: 1e-3,
    isIsolated: false,
    ...changes,
    model: { ...SMALL_MODEL, ...changes.model },
    mesh: { ...NO_MESH, ...changes.mesh },
  };
  assertSimConfig(config);
  return config;
}

/** Same step on one rank: what every run is compared with. */
export function referenceConfig(config: SimConfig): SimConfig {
  const { bug: _bug, perturb: _perturb, ...rest } = config;
  return {
    ...rest,
    mesh: NO_MESH,
    isSequenceParallel: false,
    numChunks: 1,
    recompute: 0,
    isZero: false,
    isOverlapped: false,
    algorithm: 'ring',
  };
}

function assertSimConfig(config: SimConfig): void {
  const { model, mesh, isSequenceParallel, numMicroBatches, numChunks } = config;
  const { tp, cp, ep, dp, pp } = mesh;
  const world = tp * cp * ep * dp * pp;
  const rules: readonly [boolean, string][] = [
    [[tp, cp, ep, dp, pp, numChunks].every((size) => Number.isInteger(size) && size >= 1), 'sizes of at least 1'],
    [world <= MAX_RANKS, `at most ${MAX_RANKS} ranks, one thread each`],
    [pp * numChunks <= model.numLayers, `a layer for each of ${pp * numChunks} stages (${model.numLayers} layers)`],
    [model.numExperts === 0 || model.numExperts >= model.topK, `at least ${model.topK} experts`],
    [model.numHeads % tp === 0 && model.numGroups % tp === 0, `heads and groups divisible by tp ${tp}`],
    [model.ffn % tp === 0 && model.numVocab % tp === 0, `ffn and vocabulary divisible by tp ${tp}`],
    [model.sequence % (2 * cp) === 0, `a sequence divisible by ${2 * cp} (zigzag over cp ${cp})`],
    [!isSequenceParallel || (model.sequence / cp) % tp === 0, `a sequence divisible by cp·tp`],
    [numMicroBatches % (dp * ep) === 0, `micro-batches divisible by dp·ep ${dp * ep}`],
    [ep === 1 || (model.numExperts > 0 && model.numExperts % ep === 0), `experts divisible by ep ${ep}`],
    [config.fp8Scaling === 'current' || model.numExperts === 0, 'a dense model with delayed FP8 scaling'],
    [numChunks === 1 || model.numLayers % (pp * numChunks) === 0, `layers divisible by pp·chunks ${pp * numChunks}`],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (broken)
    throw traceError('TF-TRACE-016', { subject: 'simulate', expected: broken[1], actual: JSON.stringify(mesh) });
}

/** Global layers of (stage, chunk). An uneven division gives the first stages one more.
 *  The bug `pp-division` forgets the remainder. */
export function layersOfStage({ model, mesh, numChunks, bug }: SimConfig, stage: number, chunk: number): number[] {
  const numSlots = mesh.pp * numChunks;
  const slot = chunk * mesh.pp + stage;
  const least = Math.floor(model.numLayers / numSlots);
  const extra = bug === 'pp-division' ? 0 : model.numLayers % numSlots;
  const start = slot * least + Math.min(slot, extra);
  return Array.from({ length: least + (slot < extra ? 1 : 0) }, (_, i) => start + i);
}
