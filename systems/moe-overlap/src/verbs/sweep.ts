/** sweep: step time and exposed communication over the bandwidth between nodes. */
import { throwIfCancelled } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { partCostsOf } from '../device-costs.ts';
import { loadInput, type InputParams } from '../load-input.ts';
import { MODES, optimise, type Mode } from '../plan.ts';

interface SweepParams extends InputParams {
  readonly maxParts: number;
}

const FACTORS = [0.25, 0.5, 1, 2, 4] as const;
/** The exact assignment is left to `optimise`: a sweep is about shapes. */
const EXACT_LIMIT_MS = 300;

export async function run(params: SweepParams, context: VerbContext): Promise<VerbResult> {
  const points: { factor: number; accepted: Mode; stepMs: Record<Mode, number>; exposedMs: Record<Mode, number> }[] =
    [];
  for (const factor of FACTORS) {
    throwIfCancelled(context.signal, 'moe-overlap sweep');
    context.progress({ phase: 'optimising', done: points.length, total: FACTORS.length });
    const { graph, device } = await loadInput({ ...params, bandwidth: params.bandwidth * factor }, context);
    const { plans, accepted } = await optimise(graph, {
      costs: partCostsOf(device),
      maxParts: params.maxParts,
      slowdown: { compute: device.computeSlowdown, comm: device.commSlowdown },
      timeLimitMs: EXACT_LIMIT_MS,
      signal: context.signal,
    });
    const of = (pick: (mode: Mode) => number) =>
      Object.fromEntries(MODES.map((mode) => [mode, pick(mode)])) as Record<Mode, number>;
    points.push({
      factor: params.bandwidth * factor,
      accepted,
      stepMs: of((mode) => plans[mode].simulation.makespanMs),
      exposedMs: of((mode) => plans[mode].simulation.metrics.exposedMs),
    });
  }
  const shown: readonly Mode[] = ['none', 'tutel', 'dw', 'partition', 'both'];
  const gain = (point: (typeof points)[number]): number => point.stepMs.none / point.stepMs[point.accepted];
  const best = points.reduce((a, b) => (gain(b) > gain(a) ? b : a));
  const isFlat = points.every(({ stepMs }) => stepMs.none === points[0]!.stepMs.none);
  return {
    ok: true,
    value: { points },
    report: {
      title: 'What if the network were faster or slower?',
      verdict: {
        tone: 'info',
        text: isFlat
          ? `The bandwidth changes nothing: no exchange of this graph is priced by its size.`
          : `The gain is largest at ${best.factor} times today's bandwidth between nodes: ${gain(best).toFixed(2)}×.`,
      },
      blocks: [
        {
          kind: 'plot',
          caption: 'Speed-up over the written order',
          mark: 'line',
          x: { label: 'bandwidth factor', scale: 'log' },
          y: { label: 'speed-up' },
          series: shown.map((name) => ({
            name,
            points: points.map((point) => ({ x: point.factor, y: point.stepMs.none / point.stepMs[name] })),
          })),
        },
        {
          kind: 'plot',
          caption: 'Exposed communication',
          mark: 'line',
          x: { label: 'bandwidth factor', scale: 'log' },
          y: { label: 'exposed', unit: 'ms' },
          series: shown.map((name) => ({
            name,
            points: points.map((point) => ({ x: point.factor, y: point.exposedMs[name] })),
          })),
        },
      ],
    },
  };
}
