/** Plans for the runner on PyTorch (runner/run_plan.py): a stack of GPT-2 layers, every second with experts, in all modes. */
import { partCostsOf, withTimes, type DeviceCosts } from './device-costs.ts';
import { blockGraph, type BlockSizes } from './exec/block-graph.ts';
import { isComm } from './op-graph.ts';
import { MODES, optimise, type Optimised } from './plan.ts';
import { stepOps, type StepOp } from './step-ops.ts';
import type { OverlapGraph } from './types.ts';

export interface RunnerPlans {
  readonly version: 1;
  readonly sizes: BlockSizes;
  /** t_a2a / t_expert that the plans were made for; 0: the link as it is. */
  readonly ratio: number;
  readonly plans: readonly { readonly mode: string; readonly predictedMs: number; readonly ops: readonly StepOp[] }[];
}

export interface RunnerPlanOptions {
  readonly sizes: BlockSizes;
  readonly device: DeviceCosts;
  /** > 0: an all-to-all takes so many times as long as the experts. */
  readonly ratio: number;
  /** Measured times of operations, ms; others get the device's. */
  readonly measuredMs?: Readonly<Record<string, number>>;
  /** ms that every part adds. */
  readonly partOverheadMs: number;
  readonly maxParts: number;
}

export async function planRunner(options: RunnerPlanOptions): Promise<{
  readonly file: RunnerPlans;
  readonly optimised: Optimised;
  readonly graph: OverlapGraph;
}> {
  const { sizes, device, ratio, measuredMs = {}, partOverheadMs, maxParts } = options;
  const analytic = withTimes(blockGraph(sizes), device);
  const timed = analytic.ops.map((op) => ({ ...op, timeMs: measuredMs[op.id] ?? op.timeMs }));
  const timeOf = (id: string): number => timed.find((op) => op.id === id)!.timeMs;
  const a2aMs = ratio * (timeOf('1.exp1') + timeOf('1.exp2'));
  const ops = ratio > 0 ? timed.map((op) => (isComm(op) ? { ...op, timeMs: a2aMs } : op)) : timed;
  const graph = { ...analytic, ops };
  const costs = partCostsOf(device);
  const optimised = await optimise(graph, {
    costs: { ...costs, partMs: (op, k) => (k === 1 ? op.timeMs : op.timeMs / k + partOverheadMs) },
    maxParts,
    slowdown: { compute: device.computeSlowdown, comm: device.commSlowdown },
  });
  const plans = MODES.map((mode) => {
    const { graph: planned, notes, simulation } = optimised.plans[mode];
    return { mode, predictedMs: simulation.makespanMs, ops: stepOps(planned.ops, notes) };
  });
  return { file: { version: 1, sizes, ratio, plans }, optimised, graph };
}
