/** Plans for the runner on PyTorch (runner/run_plan.py): a stack of GPT-2 layers, every second with experts, in all modes. */
import { evenPartCosts, partCostsOf, withTimes, type DeviceCosts } from './device-costs.ts';
import { blockGraph, type BlockSizes } from './exec/block-graph.ts';
import { partCostsFrom, PROFILE_PARTS, profileMode, type MeasuredCosts } from './measured-costs.ts';
import { isComm } from './op-graph.ts';
import { profileOrder } from './profile-plans.ts';
import { MODES, optimise, type Optimised } from './plan.ts';
import { stepOps, type StepOp } from './step-ops.ts';
import type { OverlapGraph, PartCosts } from './types.ts';

export interface RunnerPlans {
  readonly version: 1;
  readonly sizes: BlockSizes;
  /** t_a2a / t_expert that the plans were made for; 0: the link as it is. */
  readonly ratio: number;
  /** How often every exchange is sent to emulate that; absent: the runner chooses. */
  readonly repeat?: number;
  readonly plans: readonly {
    readonly mode: string;
    /** 0 for orders that only profile. */
    readonly predictedMs: number;
    readonly predictedExposedMs: number;
    readonly ops: readonly StepOp[];
  }[];
}

export interface RunnerPlanOptions {
  readonly sizes: BlockSizes;
  readonly device: DeviceCosts;
  /** > 0: an all-to-all takes so many times as long as the experts. */
  readonly ratio: number;
  /** Measured times at that ratio replace those of the device, whole operations and parts alike. */
  readonly measured?: MeasuredCosts;
  /** ms that every part adds, where parts were not measured. */
  readonly partOverheadMs: number;
  readonly maxParts: number;
}

export async function planRunner(options: RunnerPlanOptions): Promise<{
  readonly file: RunnerPlans;
  readonly optimised: Optimised;
  readonly graph: OverlapGraph;
}> {
  const { sizes, device, ratio, measured, partOverheadMs, maxParts } = options;
  const graph = measured ? measuredGraph(sizes, device, measured) : analyticGraph(sizes, device, ratio);
  const analytic: PartCosts = {
    ...partCostsOf(device),
    partMs: (op, k) => (k === 1 ? op.timeMs : op.timeMs / k + partOverheadMs),
  };
  const optimised = await optimise(graph, {
    costs: measured ? partCostsFrom(measured) : analytic,
    maxParts,
    slowdown: measured?.slowdown ?? { compute: device.computeSlowdown, comm: device.commSlowdown },
  });
  const plans = MODES.map((mode) => {
    const { graph: planned, notes, simulation } = optimised.plans[mode];
    const { makespanMs, metrics } = simulation;
    return {
      mode,
      predictedMs: makespanMs,
      predictedExposedMs: metrics.exposedMs,
      ops: stepOps(planned.ops, notes),
    };
  });
  const repeat = measured?.repeat;
  return { file: { version: 1, sizes, ratio, ...(repeat ? { repeat } : {}), plans }, optimised, graph };
}

/** What to run before planning: the written order, and the forward pass in parts wherever it can be cut. */
export function profilingPlans(sizes: BlockSizes, device: DeviceCosts): RunnerPlans {
  const graph = analyticGraph(sizes, device, 0);
  const written = { mode: 'none', predictedMs: 0, predictedExposedMs: 0, ops: stepOps(graph.ops, new Map()) };
  const cut = PROFILE_PARTS.flatMap((numParts) => {
    const ops = sizes.batch % numParts === 0 ? profileOrder(graph, numParts, evenPartCosts(0)) : undefined;
    return ops ? [{ mode: profileMode(numParts), predictedMs: 0, predictedExposedMs: 0, ops }] : [];
  });
  return { version: 1, sizes, ratio: 0, plans: [written, ...cut] };
}

function analyticGraph(sizes: BlockSizes, device: DeviceCosts, ratio: number): OverlapGraph {
  const graph = withTimes(blockGraph(sizes), device);
  const timeOf = (id: string): number => graph.ops.find((op) => op.id === id)!.timeMs;
  const a2aMs = ratio * (timeOf('1.exp1') + timeOf('1.exp2'));
  return ratio > 0 ? { ...graph, ops: graph.ops.map((op) => (isComm(op) ? { ...op, timeMs: a2aMs } : op)) } : graph;
}

function measuredGraph(sizes: BlockSizes, device: DeviceCosts, { wholeMs }: MeasuredCosts): OverlapGraph {
  const graph = withTimes(blockGraph(sizes), device);
  return { ...graph, ops: graph.ops.map((op) => ({ ...op, timeMs: wholeMs[op.id] ?? op.timeMs })) };
}
