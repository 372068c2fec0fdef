/** compare-traces: what was predicted beside what was measured. */
import { compareTraces, readChromeTrace, timelineFromTrace, traceFromSpans, type Trace } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { planFileSpans } from '../plan-spans.ts';
import { readPlanFile } from '../profiles/plan-json.ts';
import { readTextFile } from './inputs.ts';

const MOST_ROWS = 200;

export async function run(
  params: { readonly predicted: string; readonly measured: string },
  context: VerbContext,
): Promise<VerbResult> {
  const predicted = await readTrace(params.predicted, context);
  const measured = await readTrace(params.measured, context);
  const comparison = compareTraces(predicted, measured);
  const { spans, makespanError, weightedSpanError, onlyPredicted, onlyMeasured } = comparison;
  const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
  return {
    ok: spans.length > 0,
    value: { makespanError, weightedSpanError, numJoined: spans.length, onlyPredicted, onlyMeasured },
    report: {
      title: 'Predicted against measured',
      verdict: {
        tone: spans.length === 0 ? 'bad' : makespanError < 0.1 ? 'good' : 'warn',
        text:
          spans.length === 0
            ? 'The traces have no operation in common: were they made from one plan?'
            : `The iteration was predicted within ${percent(makespanError)}, operations within ${percent(weightedSpanError)} (${spans.length} joined, ${onlyPredicted.length} only predicted, ${onlyMeasured.length} only measured).`,
      },
      blocks: [
        timelineFromTrace(predicted, { caption: 'Predicted' }),
        timelineFromTrace(measured, { caption: 'Measured' }),
        {
          kind: 'table',
          caption: 'Operations, the worst first',
          columns: [
            { key: 'name', label: 'operation' },
            { key: 'predictedMs', label: 'predicted', unit: 'ms', digits: 3 },
            { key: 'measuredMs', label: 'measured', unit: 'ms', digits: 3 },
            { key: 'predictedStartMs', label: 'predicted start', unit: 'ms', digits: 2 },
            { key: 'measuredStartMs', label: 'measured start', unit: 'ms', digits: 2 },
          ],
          rows: spans
            .toSorted((a, b) => Math.abs(b.predictedMs - b.measuredMs) - Math.abs(a.predictedMs - a.measuredMs))
            .slice(0, MOST_ROWS)
            .map((span) => ({ ...span })),
        },
      ],
    },
  };
}

async function readTrace(file: string, context: VerbContext): Promise<Trace> {
  const text = await readTextFile(file, context, 'a plan or a Chrome trace in JSON');
  if (text.slice(0, 200).includes('tenfold-pipe-plan')) return traceFromSpans(planFileSpans(readPlanFile(text, file)));
  return (await readChromeTrace(new TextEncoder().encode(text))).trace;
}
