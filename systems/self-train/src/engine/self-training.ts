/** The rounds: look at the target, check for collapse, retrain. No target label enters here, except for `oracle`. */
import type { StateValues } from '@tenfold/core/runtime';
import { collapseAlarms } from '../guard.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Features, RoundReport } from '../types.ts';
import type { StrongView } from './augment.ts';
import { backboneFrom } from './backbone.ts';
import { lookAtTarget } from './look.ts';
import type { Look, StartBases } from './look.ts';
import { openNetwork } from './ensemble.ts';
import { DEFAULT_OPTIONS } from './options.ts';
import type { SelfTrainingOptions } from './options.ts';
import { retrain } from './retrain.ts';
import type { TrainedSource } from './train-source.ts';

export interface SelfTrainingInput {
  readonly source: TrainedSource;
  readonly target: Features;
  /** What samples are, for the augmentation of `fixmatch`. Default: plain numbers. */
  readonly view?: StrongView;
  /** Target labels of the method `oracle`; no other method may be given them. */
  readonly oracleLabels?: Int32Array;
  readonly signal?: AbortSignal;
  /** Sees each look; what it returns is added to the report and to nothing else. */
  readonly measure?: (look: Look) => Partial<RoundReport>;
  readonly onRound?: (look: Look) => void;
  /** Called after each look with all that a run needs to go on from there. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => Promise<void>;
  readonly resumeFrom?: Checkpoint;
}

/** A run between two rounds. */
export interface Checkpoint {
  readonly rounds: readonly RoundReport[];
  readonly network: { readonly states: StateValues; readonly step: number };
  readonly kept: Kept;
  readonly startBases: StartBases;
}

/** The round with the best score so far. */
interface Kept {
  readonly round: number;
  readonly score: number;
  readonly states: StateValues;
}

export interface SelfTrainingResult {
  readonly rounds: readonly RoundReport[];
  /** The round whose network is kept. */
  readonly keptRound: number;
  /** The guard ended the run. */
  readonly isStopped: boolean;
  readonly states: StateValues;
  /** The target as the kept network sees it. */
  readonly final: Look;
}

/** Adapts the source network to the target. The same seed and data give the same result, also across a resume.
 *  @throws TF-SELF-001 if the target is empty, TF-SELF-002 if its width differs from the source's */
export async function selfTrain(
  input: SelfTrainingInput,
  given: Partial<SelfTrainingOptions> = {},
): Promise<SelfTrainingResult> {
  const options = { ...DEFAULT_OPTIONS, ...given };
  assertInput(input, options);
  const { source, target, resumeFrom, view = { kind: 'numbers' } } = input;
  await using network = await openNetwork({
    ...source.network,
    seed: options.seed,
    learningRate: options.learningRate,
    basisWeights: options.basisWeights,
    ...(resumeFrom === undefined ? { states: source.states } : resumeFrom.network),
    ...(input.signal && { signal: input.signal }),
  });
  const rounds: RoundReport[] = [...(resumeFrom?.rounds.slice(0, -1) ?? [])];
  let kept = resumeFrom?.kept;
  let startBases = resumeFrom?.startBases;
  for (let round = rounds.length; ; round++) {
    const look = await lookAtTarget(network, { ...input, ...(startBases && { startBases }) }, options, round);
    startBases ??= { bases: look.smoothed.em.bases, variances: look.smoothed.em.variances };
    const alarms = collapseAlarms([...rounds, look.report], options.guard);
    const report = { ...look.report, alarms, ...input.measure?.(look) };
    rounds.push(report);
    const state = { ...look, report };
    input.onRound?.(state);
    if (options.hasGuard && round > 0 && alarms.length > 0) {
      await network.load(kept!.states);
      const back = await lookAtTarget(network, { ...input, startBases }, options, kept!.round);
      const final = { ...back, report: rounds[kept!.round] };
      return { rounds, keptRound: kept!.round, isStopped: true, states: kept!.states, final };
    }
    if (round === options.rounds) {
      return { rounds, keptRound: round, isStopped: false, states: await network.states(), final: state };
    }
    if (kept === undefined || report.score > kept.score) {
      kept = { round, score: report.score, states: await network.states() };
    }
    await input.onCheckpoint?.({ rounds, network: await network.allStates(), kept, startBases });
    await retrain(network, { training: source.training, target, view }, options, { round, plan: state.plan });
  }
}

function assertInput({ source, target, oracleLabels }: SelfTrainingInput, options: SelfTrainingOptions): void {
  if (target.numRows === 0) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'selfTrain',
      expected: 'at least one unlabelled sample',
      actual: 'none',
    });
  }
  const { inputWidth } = backboneFrom(source.network.backbone);
  if (target.width !== inputWidth) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'selfTrain',
      expected: `target samples of width ${inputWidth}, as in the source`,
      actual: `${target.width}`,
    });
  }
  const wantsLabels = options.method === 'oracle';
  if (wantsLabels !== (oracleLabels !== undefined)) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'selfTrain',
      expected: wantsLabels ? 'target labels for the oracle' : `no target labels for "${options.method}"`,
      actual: wantsLabels ? 'none' : `${oracleLabels!.length} labels`,
    });
  }
}
