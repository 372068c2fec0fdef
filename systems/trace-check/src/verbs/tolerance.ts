/** tolerance: per-tensor tolerances from perturbed runs of the reference, as a file for later checks. */
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { compareSteps } from '../check/compare-runs.ts';
import { describeRerun, estimateTolerance, perturbedSteps } from '../check/tolerance.ts';
import { inTurns } from '../check/turns.ts';
import { withFiles } from '../report.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import { withOutput } from './output-target.ts';
import { withTraces } from './trace-folders.ts';

interface ToleranceParams {
  readonly reference: string;
  readonly perturbed: readonly string[];
  readonly rerun: string;
  readonly k?: number;
  readonly floor: number;
  readonly output: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: ToleranceParams, context: VerbContext): Promise<VerbResult> {
  const folders = [params.reference, ...params.perturbed, ...(params.rerun === '' ? [] : [params.rerun])];
  const { dryRun, force } = params;
  const measure = async ([reference, ...others]: readonly TraceRun[]): Promise<VerbResult> => {
    const perturbed = others.slice(0, params.perturbed.length);
    const comparisons = await inTurns(perturbedSteps(reference, perturbed), 'tolerance', context.signal);
    const rerun =
      params.rerun === ''
        ? undefined
        : await inTurns(compareSteps(reference, others.at(-1)!), 'tolerance', context.signal);
    const warning = rerun && describeRerun(rerun);
    const options = { factor: params.k, floor: params.floor, rerun };
    const rows = [...estimateTolerance(reference.info.precision, comparisons, options)].map(([id, entry]) => ({
      id,
      ...entry,
    }));
    const files = params.output === '' ? [] : [{ path: params.output, bytes: `${JSON.stringify(rows, null, 1)}\n` }];
    const written = writeOutputFiles(files, { subject: 'tolerance', context, dryRun, force });
    const numBad = rows.filter(({ status }) => status === 'inconclusive').length;
    const taus = rows.map(({ tau }) => tau).sort((a, b) => a - b);
    const widest = rows.toSorted((a, b) => b.ePert - a.ePert).slice(0, 10);
    return {
      ok: true,
      value: rows,
      report: withFiles(
        {
          title: `Tolerances of ${params.reference}`,
          verdict: {
            tone: numBad > 0 ? 'warn' : 'good',
            text: `${rows.length} tensors; ${numBad} are too ill-conditioned to certify.`,
          },
          blocks: [
            ...(warning === undefined ? [] : [{ kind: 'text' as const, text: warning }]),
            {
              kind: 'figures',
              figures: [
                { label: 'median tolerance', value: (taus[taus.length >> 1] ?? NaN).toExponential(2) },
                { label: 'largest tolerance', value: (taus.at(-1) ?? NaN).toExponential(2) },
                { label: 'perturbed runs', value: perturbed.length, format: 'count' },
              ],
            },
            {
              kind: 'table',
              caption: 'Most sensitive tensors',
              columns: [
                { key: 'id', label: 'tensor' },
                { key: 'ePert', label: 'moves by' },
                { key: 'tau', label: 'tolerance' },
              ],
              rows: widest.map(({ id, ePert, tau }) => ({
                id,
                ePert: ePert.toExponential(2),
                tau: tau.toExponential(2),
              })),
            },
          ],
        },
        written.map(({ path }) => path),
        dryRun,
      ),
    };
  };
  const outputs = params.output === '' ? [] : [params.output];
  const target = { subject: 'tolerance', context, dryRun, force };
  return withOutput(outputs, target, () => withTraces(folders, context, measure));
}
