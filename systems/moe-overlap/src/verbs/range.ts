/** range: how far should the cut range around a layer reach, and into how many parts? */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { partCostsOf } from '../device-costs.ts';
import { groupForward } from '../forward-groups.ts';
import { NEEDS_WHOLE_BATCH } from '../gates.ts';
import { loadInput, type InputParams } from '../load-input.ts';
import { isAllToAll, isComm } from '../op-graph.ts';
import { priceRanges } from '../range-costs.ts';
import type { PartCosts } from '../types.ts';

interface RangeParams extends InputParams {
  readonly overhead: number;
  readonly maxParts: number;
}

export async function run(params: RangeParams, context: VerbContext): Promise<VerbResult> {
  const { graph, device } = await loadInput(params, context);
  const groups = groupForward(graph);
  const base = partCostsOf(device);
  // In place of the launch that the device adds.
  const addedMs = params.overhead - device.launchMs;
  const costs: PartCosts = {
    partMs: (op, k) => Math.max(0, base.partMs(op, k) + (k === 1 || isComm(op) || op.timeMs === 0 ? 0 : addedMs)),
    mergeMs: (bytes) => base.mergeMs(bytes) + addedMs,
  };
  const { problem } = priceRanges(graph, groups, { costs, maxParts: params.maxParts });
  const { firstOp } = groups;
  const layers = firstOp.slice(0, -1).flatMap((first, group) => {
    return graph.ops.slice(first, firstOp[group + 1]).some(isAllToAll) ? [group] : [];
  });
  // A layer from the middle, so that there is room on both sides.
  const layer = layers[Math.floor(layers.length / 2)] ?? 0;
  const period = groups.maxGroups;
  const reaches = Array.from({ length: period }, (_, reach) => reach);
  const window = { start: Math.max(0, layer - period), end: Math.min(problem.numGroups, layer + period) };
  const wholeMs = problem.rangeMs(window.start, window.end, 1);
  const gridRows = reaches.flatMap((reach) => {
    // The encoding first: only behind it may a range reach past the experts. Then alternately, unless the gate needs the
    // whole batch.
    const numBefore = NEEDS_WHOLE_BATCH[graph.gate] ? Math.min(1, reach) : Math.ceil(reach / 2);
    const start = Math.max(window.start, layer - numBefore);
    const end = Math.min(window.end, layer + 1 + reach - numBefore);
    return Array.from({ length: params.maxParts }, (_, index) => {
      const parts = index + 1;
      const rangeMs = problem.rangeMs(start, end, parts);
      const ms = wholeMs - problem.rangeMs(start, end, 1) + rangeMs;
      return {
        reach,
        parts,
        ms: Number.isFinite(ms) ? ms : null,
        from: graph.ops[firstOp[start]!]!.id,
        to: graph.ops[firstOp[end]! - 1]!.id,
      };
    });
  });
  const possible = gridRows.filter((cell) => cell.ms !== null);
  const best = possible.reduce((a, b) => (b.ms! < a.ms! ? b : a));
  return {
    ok: true,
    value: { wholeMs, grid: gridRows, best },
    report: {
      title: 'Range and parts around one layer',
      verdict: {
        tone: 'info',
        text:
          best.parts === 1
            ? `No cut is faster than the whole: ${wholeMs.toFixed(2)} ms.`
            : `Best: ${best.parts} parts from ${best.from} to ${best.to}: ${wholeMs.toFixed(2)} ms become ${best.ms!.toFixed(2)} ms.`,
      },
      blocks: [
        {
          kind: 'plot',
          caption: 'Forward time around the layer',
          mark: 'line',
          x: { label: 'groups added around exchange and experts' },
          y: { label: 'time', unit: 'ms' },
          series: [2, 3, 4, 8]
            .filter((parts) => parts <= params.maxParts)
            .map((parts) => ({
              name: `${parts} parts`,
              points: possible.filter((cell) => cell.parts === parts).map(({ reach, ms }) => ({ x: reach, y: ms! })),
            })),
          rules: [{ axis: 'y', value: wholeMs, label: 'not cut' }],
        },
      ],
    },
  };
}
