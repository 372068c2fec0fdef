/** Plans for the runner on PyTorch (runner/run_plan.py): a stack of GPT-2 layers, every second with experts, in all modes. */
import { partCostsOf, withTimes, type DeviceCosts } from './device-costs.ts';
import { blockGraph, type BlockSizes } from './exec/block-graph.ts';
import { MODES, optimise, type Optimised } from './plan.ts';
import { stepOps, type StepOp } from './step-ops.ts';
import type { OverlapGraph } from './types.ts';

export interface RunnerPlans {
  readonly version: 1;
  readonly sizes: BlockSizes;
  /** t_a2a / t_expert that the plans were made for. */
  readonly ratio: number;
  readonly plans: readonly { readonly mode: string; readonly predictedMs: number; readonly ops: readonly StepOp[] }[];
}

/** The stack with an all-to-all that takes `ratio` times as long as the experts. */
export async function planRunner(
  sizes: BlockSizes,
  device: DeviceCosts,
  ratio: number,
): Promise<{ readonly file: RunnerPlans; readonly optimised: Optimised; readonly graph: OverlapGraph }> {
  const timed = withTimes(blockGraph(sizes), device);
  const timeOf = (id: string): number => timed.ops.find((op) => op.id === id)!.timeMs;
  const a2aMs = ratio * (timeOf('1.exp1') + timeOf('1.exp2'));
  const graph = { ...timed, ops: timed.ops.map((op) => (op.kind === 'a2a' ? { ...op, timeMs: a2aMs } : op)) };
  const costs = partCostsOf(device);
  const optimised = await optimise(graph, {
    costs: {
      ...costs,
      partMs: (op, k) => (op.kind === 'a2a' && k > 1 ? op.timeMs / k + device.launchMs : costs.partMs(op, k)),
    },
    maxParts: 4,
    slowdown: { compute: device.computeSlowdown, comm: device.commSlowdown },
  });
  const plans = MODES.map((mode) => {
    const { graph: planned, notes, simulation } = optimised.plans[mode];
    return { mode, predictedMs: simulation.makespanMs, ops: stepOps(planned.ops, notes) };
  });
  return { file: { version: 1, sizes, ratio, plans }, optimised, graph };
}
