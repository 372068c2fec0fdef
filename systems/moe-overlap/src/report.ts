/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Block, Report, TableBlock, TimelineBlock } from '@tenfold/core/report';
import { timelineFromTrace, traceFromSpans } from '@tenfold/core/schedule';
import type { DeviceCosts } from './device-costs.ts';
import { withExposedLane } from './exposed-lane.ts';
import { isSized, peakLiveBytes } from './memory-effect.ts';
import { isComm } from './op-graph.ts';
import { MODES, type Mode, type Optimised, type Plan } from './plan.ts';
import type { PlanFile } from './plan-file.ts';

const MODE_TEXT: Readonly<Record<Mode, string>> = {
  none: 'as written',
  tutel: 'experts only in parts',
  dw: 'weight gradients moved',
  partition: 'forward ranges in parts',
  both: 'both passes',
  exact: 'both passes, exact assignment',
};

export interface ModeRow {
  readonly mode: Mode;
  readonly stepMs: number;
  readonly exposedMs: number;
  readonly commMs: number;
  /** null: the graph does not state the shapes of all tensors. */
  readonly peakBytes: number | null;
}

export function modeRows({ plans }: Optimised): ModeRow[] {
  const hasSizes = isSized(plans.none.graph);
  return MODES.map((mode) => {
    const { makespanMs, metrics } = plans[mode].simulation;
    const { exposedMs, communicationMs } = metrics;
    return {
      mode,
      stepMs: makespanMs,
      exposedMs,
      commMs: communicationMs,
      peakBytes: hasSizes ? peakLiveBytes(plans[mode].graph) : null,
    };
  });
}

/** Time of communication that no computation hides, as a share of that in the written order. */
export function exposedRatio({ plans, accepted }: Optimised): number {
  const { exposedMs } = plans.none.simulation.metrics;
  return exposedMs === 0 ? 1 : plans[accepted].simulation.metrics.exposedMs / exposedMs;
}

/** @param plan  the plan that is written, of any mode: its ranges and its timeline are shown */
export function reportPlans(optimised: Optimised, device: DeviceCosts, plan: PlanFile, optimiseMs: number): Report {
  const { plans, accepted } = optimised;
  const before = plans.none.simulation;
  const after = plans[accepted].simulation;
  const speedUp = before.makespanMs / after.makespanMs;
  return {
    title: `All-to-all behind compute: ${plans.none.graph.name}`,
    verdict: {
      tone: accepted === 'none' ? 'info' : 'good',
      text:
        accepted === 'none'
          ? 'No plan is predicted to be more than 1 % faster: keep the order as it is.'
          : `Predicted ${speedUp.toFixed(2)}× faster: ${before.makespanMs.toFixed(1)} ms become ${after.makespanMs.toFixed(1)} ms; ` +
            `exposed communication falls from ${before.metrics.exposedMs.toFixed(1)} to ${after.metrics.exposedMs.toFixed(1)} ms.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          { label: 'predicted speed-up', value: speedUp, unit: '×', format: 'number', digits: 2 },
          { label: 'exposed communication left', value: exposedRatio(optimised), format: 'percent', digits: 0 },
          { label: 'optimised in', value: optimiseMs, format: 'duration-ms' },
        ],
      },
      { kind: 'text', text: `Costs: ${device.name}. ${device.origin}.` },
      tableOfModes(optimised),
      ...gapBlocks(optimised),
      {
        kind: 'table',
        caption: `Forward ranges in parts, mode ${plan.mode}`,
        columns: [
          { key: 'from', label: 'from' },
          { key: 'to', label: 'to' },
          { key: 'parts', label: 'parts', format: 'count' },
        ],
        rows: plan.ranges.map((range) => ({ ...range })),
      },
      timelineOf(plans.none, 'before'),
      ...(plan.mode === 'none' ? [] : [timelineOf(plans[plan.mode], `after, mode ${plan.mode}`)]),
    ],
  };
}

export function tableOfModes(optimised: Optimised): TableBlock {
  const rows = modeRows(optimised);
  const firstMs = rows[0]!.stepMs;
  return {
    kind: 'table',
    caption: 'Predicted, per mode (both lanes simulated with interference)',
    columns: [
      { key: 'mode', label: 'mode' },
      { key: 'what', label: 'what' },
      { key: 'stepMs', label: 'step', unit: 'ms', format: 'number', digits: 2 },
      { key: 'speedUp', label: 'speed-up', format: 'number', digits: 3 },
      { key: 'exposedMs', label: 'exposed', unit: 'ms', format: 'number', digits: 2 },
      { key: 'commMs', label: 'communication', unit: 'ms', format: 'number', digits: 2 },
      { key: 'peakBytes', label: 'peak of live tensors', format: 'bytes' },
    ],
    rows: rows.map((row) => ({ ...row, what: MODE_TEXT[row.mode], speedUp: firstMs / row.stepMs })),
  };
}

function gapBlocks({ plans }: Optimised): Block[] {
  const [official, exact] = [plans.both.dw!, plans.exact.dw!];
  if (exact.labels.allToAlls.length === 0) return [];
  const bound = exact.boundMs ?? exact.assignment.hiddenMs;
  const proof = exact.status === 'optimal' ? 'proved optimal' : `at most ${bound.toFixed(2)} ms are possible`;
  return [
    {
      kind: 'text',
      text:
        `Weight gradients hide ${official.assignment.hiddenMs.toFixed(2)} ms of backward all-to-all by the greedy rule, ` +
        `${exact.assignment.hiddenMs.toFixed(2)} ms by the integer program (${proof}).`,
    },
  ];
}

/** A long plan is shown by its longest operations only. */
const MAX_SPANS = 3000;

/** Two lanes and a third that shows communication with no computation beside it. */
export function timelineOf({ simulation, graph }: Plan, name: string): TimelineBlock {
  const { startMs, endMs } = simulation.simulation;
  const spans = graph.ops.map((op, index) => ({
    lane: isComm(op) ? 'communication' : 'compute',
    name: op.id,
    startMs: startMs[index]!,
    endMs: endMs[index]!,
    category: isComm(op) ? op.kind : op.role,
  }));
  const trace = traceFromSpans(spans, { lanes: [{ id: 'compute' }, { id: 'communication' }] });
  const block = timelineFromTrace(trace, {
    caption: `Predicted, ${name}: ${simulation.makespanMs.toFixed(1)} ms`,
    maxSpans: MAX_SPANS,
    hasFlows: false,
  });
  return withExposedLane(block, spans);
}
