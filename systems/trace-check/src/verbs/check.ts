/** check: a candidate trace against a reference trace, in one precision or two. */
import { resolve } from 'node:path';
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { closeUpsOf } from '../close-up.ts';
import { captureListOf } from '../check/capture-list.ts';
import { checkFolders } from '../check/check-folders.ts';
import { junitFromChecks } from '../check/junit.ts';
import { plainFindings, reportCheck, reportTwoPasses, withFiles } from '../report.ts';
import { openTrace } from '../trace/open-trace.ts';
import { traceError } from '../trace-check-errors.ts';
import type { CheckResult, CloseUp } from '../types.ts';
import type { Tolerances } from '../check/tolerance.ts';
import { withOutput } from './output-target.ts';
import { readTolerances } from './tolerance-file.ts';

interface CheckParams {
  readonly reference: string;
  readonly candidate: string;
  readonly pert: readonly string[];
  readonly rerun: string;
  readonly logicReference: string;
  readonly logicCandidate: string;
  readonly logicPert: readonly string[];
  readonly tolerance: string;
  readonly k?: number;
  readonly floor: number;
  readonly workers: number;
  readonly buckets?: number;
  readonly maxRows: number;
  readonly junit: string;
  readonly captureList: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: CheckParams, context: VerbContext): Promise<VerbResult> {
  const { junit, captureList } = params;
  const at = (path: string): string => resolve(context.workingFolder, path);
  const common = {
    factor: params.k,
    floor: params.floor,
    buckets: params.buckets,
    numWorkers: params.workers,
    signal: context.signal,
    onProgress: (phase: string, done: number, total: number) => context.progress({ phase, done, total }),
  };
  const tolerances = params.tolerance === '' ? undefined : readTolerances(at(params.tolerance));
  assertEffect(params);
  const outputs = [junit, captureList].filter((path) => path !== '');
  const { dryRun, force } = params;
  return withOutput(outputs, { subject: 'check', context, dryRun, force }, () =>
    checkAndWrite(params, context, common, tolerances),
  );
}

async function checkAndWrite(
  params: CheckParams,
  context: VerbContext,
  common: Omit<Parameters<typeof checkFolders>[0], 'reference' | 'candidate'>,
  tolerances: Tolerances | undefined,
): Promise<VerbResult> {
  const { reference, candidate, maxRows, junit, captureList } = params;
  const at = (path: string): string => resolve(context.workingFolder, path);
  const logic = await checkLogic(params, common, at);
  let closeUps: readonly CloseUp[] = [];
  const result = await checkFolders({
    ...common,
    onResult: (found, ref, cand) => (closeUps = closeUpsOf(found, ref, cand)),
    reference: at(reference),
    candidate: at(candidate),
    perturbed: params.pert.map(at),
    ...(params.rerun === '' ? {} : { rerun: at(params.rerun) }),
    ...(tolerances === undefined ? {} : { tolerances }),
  });
  const files = [
    ...(junit === ''
      ? []
      : [
          {
            path: junit,
            bytes: junitFromChecks({ ...(logic ? { 'trace-check logic': logic } : {}), 'trace-check': result }),
          },
        ]),
    ...(captureList === ''
      ? []
      : [{ path: captureList, bytes: `${JSON.stringify(captureListOf(result), null, 1)}\n` }]),
  ];
  const { dryRun, force } = params;
  const written = writeOutputFiles(files, { subject: 'check', context, dryRun, force });
  const title = `${candidate} against ${reference}`;
  return {
    ok: result.verdict === 'pass' && (logic === undefined || logic.verdict === 'pass'),
    value: { ...plainFindings(result), closeUps, ...(logic ? { logic: plainFindings(logic) } : {}) },
    report: withFiles(
      logic ? reportTwoPasses(logic, result, title, maxRows) : reportCheck(result, title, maxRows),
      written.map(({ path }) => path),
      dryRun,
    ),
  };
}

/** Refuses options that would be read and not used.  @throws TF-TRACE-021 */
function assertEffect({ tolerance, pert, rerun, k, floor, logicPert }: CheckParams): void {
  const refuse = (expected: string, actual: string): Error =>
    traceError('TF-TRACE-021', { subject: 'check', expected, actual });
  if (tolerance !== '' && (pert.length > 0 || rerun !== ''))
    throw refuse(
      'either --tolerance or traces to measure tolerances from',
      `also ${pert.length > 0 ? '--pert' : '--rerun'}`,
    );
  if (rerun !== '' && pert.length === 0) throw refuse('--pert beside --rerun, which widens its tolerances', 'none');
  if ((k !== undefined || floor !== 1) && pert.length + logicPert.length === 0)
    throw refuse(`--pert beside ${k === undefined ? '--floor' : '--k'}, which scales its tolerances`, 'none');
}

/** The same step in float32, where round-off is small enough for small errors of logic to stand out. */
async function checkLogic(
  { logicReference, logicCandidate, logicPert }: CheckParams,
  common: Omit<Parameters<typeof checkFolders>[0], 'reference' | 'candidate'>,
  at: (path: string) => string,
): Promise<CheckResult | undefined> {
  if (logicReference === '' && logicCandidate === '' && logicPert.length === 0) return undefined;
  if (logicReference === '' || logicCandidate === '')
    throw traceError('TF-TRACE-018', {
      subject: 'check',
      expected: '--logic-reference and --logic-candidate together',
      actual: logicReference === '' ? 'no --logic-reference' : 'no --logic-candidate',
    });
  const run = await openTrace(at(logicCandidate));
  run.close();
  if (run.info.precision !== 'float32')
    throw traceError('TF-TRACE-018', {
      subject: 'check',
      expected: 'a float32 run for the logic pass',
      actual: run.info.precision,
      location: logicCandidate,
    });
  return checkFolders({
    ...common,
    reference: at(logicReference),
    candidate: at(logicCandidate),
    perturbed: logicPert.map(at),
  });
}
