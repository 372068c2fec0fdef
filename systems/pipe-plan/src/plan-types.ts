/** What planning is asked and what it answers. */
import type { Partition } from './partition/problem.ts';
import type {
  Cluster,
  DiffusionModel,
  FillMode,
  FillResult,
  PipelineTimes,
  Placement,
  Stage,
  StageMemory,
  Warmup,
} from './types.ts';

export interface PlanOptions {
  /** B: samples of an iteration on the whole cluster. */
  readonly batch: number;
  /** D; default: every divisor of the devices up to 16. */
  readonly groupDevices?: number;
  readonly numStages?: number;
  readonly numMicroBatches?: number;
  /** Default `pareto`. */
  readonly method?: 'pareto' | 'paper';
  /** Default `greedy`. */
  readonly fill?: FillMode;
  /** Default: both are tried. */
  readonly warmup?: Warmup;
  /** Default `pipeline-inner`. */
  readonly placement?: Placement;
  /** `auto`: only where a plan does not fit otherwise. Default `auto`. */
  readonly recompute?: 'never' | 'always' | 'auto';
  readonly allowsUneven?: boolean;
  /** Bubbles shorter than this share of the iteration stay empty. Default 0.005. */
  readonly minBubbleShare?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** One point of the outer search, before filling. */
export interface Candidate {
  readonly groupDevices: number;
  readonly numGroups: number;
  readonly numStages: number;
  readonly numMicroBatches: number;
  readonly microBatch: number;
  readonly warmup: Warmup;
  readonly recomputes: boolean;
  readonly partition: Partition;
  readonly times: PipelineTimes;
  readonly pipelineMs: number;
  readonly bubbleRatio: number;
  readonly peakBytes: number;
  /** Pipeline plus the frozen work that even perfect filling leaves. */
  readonly estimateMs: number;
}

export interface Plan extends Candidate {
  readonly model: DiffusionModel;
  readonly cluster: Cluster;
  readonly batch: number;
  readonly placement: Placement;
  readonly stages: readonly Stage[];
  readonly fill: FillResult;
  readonly iterationMs: number;
  readonly samplesPerSec: number;
  /** Idle share of the iteration after filling. */
  readonly filledBubbleRatio: number;
  readonly memory: readonly StageMemory[];
  /** Frozen part of the first iteration, before its pipeline. */
  readonly coldStartMs: number;
  /** By how much outputs of frozen layers reach their stages too late for the next iteration; part of `iterationMs`. */
  readonly deliveryMs: number;
  /** With self-conditioning: iterations whose coin says yes and no; `iterationMs` is their mean. */
  readonly withExtraPassMs?: number;
  readonly withoutExtraPassMs?: number;
  /** Most that perfect filling could give over running the frozen part first. */
  readonly perfectGain: number;
  readonly gain: number;
}

export interface SearchResult {
  readonly best: Plan;
  /** Filled plans, best first. */
  readonly plans: readonly Plan[];
  /** Best candidate of every (S, M), for the heat map. */
  readonly grid: readonly Candidate[];
  readonly numCandidates: number;
}
