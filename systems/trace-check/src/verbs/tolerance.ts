/** tolerance: per-tensor tolerances from perturbed runs of the reference, as a file for later checks. */
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { compareRuns } from '../check/compare-runs.ts';
import { describeRerun, estimateTolerance, perturbedComparisons } from '../check/tolerance.ts';
import { withFiles } from '../report.ts';
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
  return withTraces(folders, context, ([reference, ...others]) => {
    const perturbed = others.slice(0, params.perturbed.length);
    const comparisons = perturbedComparisons(reference, perturbed);
    const rerun = params.rerun === '' ? undefined : compareRuns(reference, others.at(-1)!);
    const warning = rerun && describeRerun(rerun);
    const options = { factor: params.k, floor: params.floor, rerun };
    const rows = [...estimateTolerance(reference.info.precision, comparisons, options)].map(([id, entry]) => ({
      id,
      ...entry,
    }));
    const files = params.output === '' ? [] : [{ path: params.output, bytes: `${JSON.stringify(rows, null, 1)}\n` }];
    const { dryRun, force } = params;
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
  });
}
