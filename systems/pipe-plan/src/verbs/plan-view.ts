/** The plain JSON answer of planning: the plan, and what the page draws. */
import { cutBytes } from '../cuts.ts';
import type { SearchResult } from '../plan-types.ts';
import { planFileFrom, type PlanFile } from '../profiles/plan-json.ts';

export interface PlanView {
  readonly plan: PlanFile;
  readonly iterationMs: number;
  readonly samplesPerSec: number;
  readonly bubbleBefore: number;
  readonly bubbleAfter: number;
  readonly peakBytes: number;
  readonly memoryCapBytes: number;
  /** Per stage: a micro-batch forward and backward, and memory of a device. */
  readonly stages: readonly { readonly replicas: number; readonly roundMs: number; readonly bytes: number }[];
  readonly layers: readonly {
    readonly name: string;
    readonly forwardMs: number;
    readonly backwardMs: number;
    readonly paramBytes: number;
    readonly cutBytes: number;
  }[];
  readonly grid: readonly {
    readonly numStages: number;
    readonly numMicroBatches: number;
    readonly samplesPerSec: number;
    readonly bubbleRatio: number;
    readonly peakBytes: number;
  }[];
}

export function planView({ best, grid }: SearchResult): PlanView {
  const backbone = best.model.backbones[0]!;
  return {
    plan: planFileFrom(best),
    iterationMs: best.iterationMs,
    samplesPerSec: best.samplesPerSec,
    bubbleBefore: best.bubbleRatio,
    bubbleAfter: best.filledBubbleRatio,
    peakBytes: best.peakBytes,
    memoryCapBytes: best.cluster.memoryBytes,
    stages: best.stages.map(({ replicas }, stage) => ({
      replicas,
      roundMs: best.times.forwardMs[stage]! + best.times.backwardMs[stage]!,
      bytes: best.memory[stage]!.totalBytes,
    })),
    layers: backbone.layers.map((layer, index) => ({
      name: layer.name,
      forwardMs: layer.forward.timesMs[0]!,
      backwardMs: layer.backward!.timesMs[0]!,
      paramBytes: layer.paramBytes,
      cutBytes: index + 1 < backbone.layers.length ? cutBytes(backbone, index + 1).forward : 0,
    })),
    grid: grid.map((candidate) => ({
      numStages: candidate.numStages,
      numMicroBatches: candidate.numMicroBatches,
      samplesPerSec: (1000 * best.batch) / candidate.estimateMs,
      bubbleRatio: candidate.bubbleRatio,
      peakBytes: candidate.peakBytes,
    })),
  };
}
