/** simulate: policies × capacities on a trace, with bounds; on request as one CSV table. */
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { csvOf, reportWhatIf } from '../report.ts';
import { whatIf } from '../sim/what-if.ts';
import { capacitiesFromText, openNamedTrace, openProfile } from './trace-source.ts';

interface SimulateParams {
  readonly trace: string;
  readonly policies: string;
  readonly capacity: string;
  readonly model: string;
  readonly limit?: number;
  readonly minCheckpointTokens: number;
  readonly alignTokens: number;
  readonly csv: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export async function run(params: SimulateParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'reading the trace' });
  const trace = await openNamedTrace(params.trace, params.limit, context);
  const { profile, paperModel } = await openProfile(params.model, context);
  const result = whatIf(trace, {
    profile,
    paperModel,
    policies: params.policies.split(',').map((name) => name.trim()),
    capacities: capacitiesFromText(params.capacity, trace, profile),
    minCheckpointTokens: params.minCheckpointTokens,
    alignTokens: params.alignTokens,
    signal: context.signal,
    onStep: (done, total) => context.progress({ phase: 'replaying', done, total }),
  });
  const rows = result.rows.map(({ reused: _, ...row }) => row);
  const bounds = result.bounds.map(({ clairvoyant: { reused: _, ...clairvoyant }, ...bound }) => ({
    ...bound,
    clairvoyant,
  }));
  const files =
    params.csv === ''
      ? []
      : writeOutputFiles([{ path: params.csv, bytes: csvOf(result, trace) }], {
          ...params,
          subject: 'simulate',
          context,
        });
  const value = { ...result, rows, bounds, files: files.map(({ path }) => path) };
  return { ok: true, value, report: reportWhatIf(result, trace) };
}
