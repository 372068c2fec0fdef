/** check: a candidate trace against a reference trace. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { checkTrace } from '../check/check-trace.ts';
import { compareFolders } from '../check/compare-runs.ts';
import { estimateTolerance, perturbedComparisons, type Tolerances } from '../check/tolerance.ts';
import { junitFromCheck } from '../check/junit.ts';
import { plainFindings, reportCheck } from '../report.ts';
import { withTraces } from './trace-folders.ts';

interface CheckParams {
  readonly reference: string;
  readonly candidate: string;
  readonly pert: readonly string[];
  readonly tolerance: string;
  readonly k?: number;
  readonly floor: number;
  readonly workers: number;
  readonly buckets?: number;
  readonly maxRows: number;
  readonly junit: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: CheckParams, context: VerbContext): Promise<VerbResult> {
  const { reference, candidate, pert, buckets, maxRows, junit } = params;
  return withTraces([reference, candidate, ...pert], context, async ([ref, cand, ...perturbed]) => {
    const options = { factor: params.k, floor: params.floor };
    context.progress({ phase: 'tolerances' });
    const tolerances = params.tolerance
      ? readTolerances(resolve(context.workingFolder, params.tolerance))
      : estimateTolerance(cand.info.precision, perturbedComparisons(ref, perturbed, buckets), options);
    context.progress({ phase: 'comparing' });
    const comparisons = await compareFolders(ref.name, cand.name, {
      numWorkers: params.workers,
      buckets,
      signal: context.signal,
      onProgress: (done, total) => context.progress({ phase: 'comparing', done, total }),
    });
    const result = checkTrace({ reference: ref, candidate: cand, tolerances, comparisons, buckets, ...options });
    if (junit !== '')
      writeOutputFiles([{ path: junit, bytes: junitFromCheck(result, 'trace-check') }], {
        subject: 'check',
        context,
        dryRun: params.dryRun,
        force: params.force,
      });
    return {
      ok: result.verdict === 'pass',
      value: plainFindings(result),
      report: reportCheck(result, `${candidate} against ${reference}`, maxRows),
    };
  });
}

function readTolerances(path: string): Tolerances {
  const rows = JSON.parse(readFileSync(path, 'utf8')) as {
    id: string;
    ePert: number;
    tau: number;
    status: 'ok' | 'inconclusive';
  }[];
  return new Map(rows.map(({ id, ...entry }) => [id, entry]));
}
