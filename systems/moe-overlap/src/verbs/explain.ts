/** explain: can this range of the forward pass be cut, along which axes, and if not, which operations contradict? */
import { nearestNameHints } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { axisName, WHOLE } from '../axis-rules.ts';
import { partCostsOf } from '../device-costs.ts';
import { groupForward } from '../forward-groups.ts';
import { loadInput, type InputParams } from '../load-input.ts';
import { isAllToAll } from '../op-graph.ts';
import { overlapError } from '../overlap-errors.ts';
import { priceRanges } from '../range-costs.ts';
import type { OverlapGraph } from '../types.ts';

interface ExplainParams extends InputParams {
  readonly from: string;
  readonly to: string;
  readonly parts: number;
}

const MAX_NAMED = 4;

function firstExchanges({ ops }: OverlapGraph): string {
  const ids = ops.filter((op) => isAllToAll(op)).map(({ id }) => id);
  return `${ids.slice(0, MAX_NAMED).join(', ')}${ids.length > MAX_NAMED ? ', …' : ''}`;
}

export async function run(params: ExplainParams, context: VerbContext): Promise<VerbResult> {
  const { graph, device } = await loadInput(params, context);
  const position = (id: string): number => {
    const found = graph.ops.findIndex((op) => op.id === id);
    if (found >= 0) return found;
    throw overlapError('TF-OVERLAP-002', {
      subject: 'moe-overlap explain',
      expected: 'an operation of the graph',
      actual: `"${id}"`,
      hints: [
        ...nearestNameHints(
          id,
          graph.ops.map((op) => op.id),
        ),
        ...(params.graph === ''
          ? []
          : [`Name --from and --to of your graph; its exchanges are ${firstExchanges(graph)}.`]),
      ],
    });
  };
  const pricer = priceRanges(graph, groupForward(graph), { costs: partCostsOf(device), maxParts: params.parts });
  const [start, end] = [position(params.from), position(params.to) + 1];
  if (end <= start) {
    throw overlapError('TF-OVERLAP-003', {
      subject: 'moe-overlap explain',
      expected: 'a first operation that stands before the last',
      actual: `positions ${start} and ${end - 1}`,
      hints: ['Swap --from and --to.'],
    });
  }
  const found = pricer.cutRange(start, end, params.parts);
  const range = graph.ops.slice(start, end);
  const described = (axisOf?: ReadonlyMap<string, number>) =>
    range.map(({ id, kind, outs }) => ({
      id,
      kind,
      outs: axisOf ? outs.map((tensor) => ({ tensor, axis: axisName(axisOf.get(tensor) ?? WHOLE) })) : [],
    }));
  if ('kind' in found) {
    const text =
      found.kind === 'no-exchange'
        ? 'The range has no all-to-all: cutting it hides nothing.'
        : `The range cannot be cut into ${params.parts} parts: ${found.text}.`;
    return {
      ok: false,
      value: { canCut: false, conflict: found.kind === 'conflict' ? found.ops : [], text, ops: described() },
      report: { title: 'Why this range cannot be cut', verdict: { tone: 'warn', text }, blocks: [] },
    };
  }
  const axes = [...found.axisOf].filter(([, axis]) => axis >= 0);
  return {
    ok: true,
    value: { canCut: true, conflict: [], text: '', ops: described(found.axisOf) },
    report: {
      title: 'How this range is cut',
      verdict: {
        tone: 'good',
        text: `The range can be cut into ${params.parts} parts; ${axes.length} tensors are cut.`,
      },
      blocks: [
        {
          kind: 'table',
          caption: 'Axis per tensor',
          columns: [
            { key: 'tensor', label: 'tensor' },
            { key: 'axis', label: 'cut along' },
          ],
          rows: axes.map(([tensor, axis]) => ({ tensor, axis: axisName(axis) })),
        },
        {
          kind: 'table',
          caption: 'Put together again for the backward pass',
          columns: [
            { key: 'tensor', label: 'tensor' },
            { key: 'bytes', label: 'size', format: 'bytes' },
            { key: 'ms', label: 'time', unit: 'ms', format: 'number', digits: 3 },
          ],
          rows: found.merges.map((merge) => ({ ...merge })),
        },
      ],
    },
  };
}
