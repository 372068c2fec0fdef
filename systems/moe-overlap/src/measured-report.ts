/** Measured runs of the block as report blocks. */
import type { Block, Report } from '@tenfold/core/report';
import { timelineFromTrace, traceFromSpans, type SpanSpec } from '@tenfold/core/schedule';
import { withExposedLane } from './exposed-lane.ts';
import type { MeasuredBlock, MeasuredMode } from './exec/measured-run.ts';

export function measuredValue({ modes, a2aMs, expertMs, links, numDropped, numGradients, numOutputs }: MeasuredBlock) {
  return {
    modes: modes.map(({ lastRun: _run, linkSpans: _spans, ...mode }) => mode),
    a2aMs,
    expertMs,
    links,
    numDropped,
    numGradients,
    numOutputs,
  };
}

export function measuredMode({ modes }: MeasuredBlock, name: MeasuredMode['mode']): MeasuredMode {
  return modes.find(({ mode }) => mode === name)!;
}

export function reportMeasured(measured: MeasuredBlock): Report {
  const [none, tutel, both] = (['none', 'tutel', 'both'] as const).map((mode) => measuredMode(measured, mode)) as [
    MeasuredMode,
    MeasuredMode,
    MeasuredMode,
  ];
  const isEqual = measured.modes.every(({ isBitEqual }) => isBitEqual);
  return {
    title: 'A mixture-of-experts block on two workers',
    verdict: {
      tone: isEqual ? 'good' : 'bad',
      text: isEqual
        ? `Exposed communication: ${none.exposedMs.toFixed(1)} ms as written, ${tutel.exposedMs.toFixed(1)} ms with experts in parts, ` +
          `${both.exposedMs.toFixed(1)} ms with both passes; outputs and all gradients are equal bit for bit.`
        : 'Some mode changed an output or a gradient.',
    },
    blocks: measuredBlocks(measured),
  };
}

export function measuredBlocks(measured: MeasuredBlock): Block[] {
  const { modes, a2aMs, expertMs, numDropped, numGradients, numOutputs } = measured;
  return [
    {
      kind: 'text',
      text:
        `Two worker threads, real tensors, irregular all-to-alls over an emulated link (t_a2a/t_expert = ${(a2aMs / expertMs).toFixed(2)}). ` +
        `${numDropped} tokens were dropped on worker 0; ${numGradients} gradients and the outputs of ${numOutputs} layers were compared.`,
    },
    {
      kind: 'table',
      caption: 'Measured (median over rounds and workers) and predicted',
      columns: [
        { key: 'mode', label: 'mode' },
        { key: 'stepMs', label: 'step', unit: 'ms', format: 'number', digits: 1 },
        { key: 'predictedMs', label: 'predicted', unit: 'ms', format: 'number', digits: 1 },
        { key: 'error', label: 'difference', format: 'percent', digits: 1 },
        { key: 'exposedMs', label: 'exposed', unit: 'ms', format: 'number', digits: 1 },
        { key: 'predictedExposedMs', label: 'predicted exposed', unit: 'ms', format: 'number', digits: 1 },
        { key: 'equal', label: 'bits' },
      ],
      rows: modes.map(({ mode, stepMs, predictedMs, error, exposedMs, predictedExposedMs, isBitEqual }) => ({
        mode,
        stepMs,
        predictedMs,
        error,
        exposedMs,
        predictedExposedMs,
        equal: isBitEqual ? 'equal' : 'differ',
      })),
    },
    ...(['none', 'both'] as const).map((mode) => timelineOfRun(measuredMode(measured, mode))),
  ];
}

function timelineOfRun({ mode, lastRun, linkSpans }: MeasuredMode): Block {
  const spans = [
    ...lastRun.spans.map(({ op, startMs, endMs }) => spanOf('compute', op, roleOf(op), startMs, endMs)),
    ...linkSpans.map(({ op, startMs, endMs }) => spanOf('communication', op, 'a2a', startMs, endMs)),
  ];
  const lanes = [{ id: 'compute' }, { id: 'communication', label: 'communication (emulated link)' }];
  const block = timelineFromTrace(traceFromSpans(spans, { lanes }), {
    caption: `Measured: worker 0, last round, mode ${mode}`,
    hasFlows: false,
  });
  return withExposedLane(block, spans);
}

function spanOf(lane: string, name: string, category: string, startMs: number, endMs: number): SpanSpec {
  return { lane, name, category, startMs, endMs };
}

function roleOf(op: string): string {
  return op.includes('.dW') ? 'dW' : op.includes('.dX') ? 'dX' : 'fwd';
}
