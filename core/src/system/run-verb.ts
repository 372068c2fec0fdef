/** Running a verb: params checked, algorithm loaded, errors and cancellation captured. Never throws.
 *  Command line and studio both run verbs through here, so they cannot differ. */
import { EXIT_CODE_OF_KIND, nearestNameHints, TenfoldError, type Diagnostic } from '../base/index.ts';
import type { Report } from '../report/index.ts';
import { createVerbContext, type VerbContextOptions } from './context.ts';
import { assertInputPaths } from './input-paths.ts';
import { parseParams } from './parse-params.ts';
import { plainJsonFrom, type PlainJson } from './plain-json.ts';
import { systemError } from './system-errors.ts';
import type { SystemManifest, VerbManifest, VerbResult } from './types.ts';
import { usageError } from './usage-errors.ts';

/** What came of a run. `done` and `problems` carry a report; `failed` and `cancelled` an error. */
export interface VerbOutcome {
  readonly status: 'done' | 'problems' | 'failed' | 'cancelled';
  /** 0 done, 1 problems found, else by kind of error. */
  readonly exitCode: number;
  /** The verb's value as plain JSON; null without one. */
  readonly result: PlainJson;
  readonly report: Report | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly artifacts: NonNullable<VerbResult['artifacts']>;
  readonly error: TenfoldError | undefined;
  readonly seed: number;
  readonly elapsedMs: number;
}

/** Finds a verb by name. @throws TF-USAGE-004 with the nearest names */
export function verbOf(manifest: SystemManifest, verbName: string): VerbManifest {
  const verb = manifest.verbs.find((candidate) => candidate.name === verbName);
  if (verb) return verb;
  const names = manifest.verbs.map((candidate) => candidate.name);
  throw usageError('TF-USAGE-004', {
    subject: manifest.id,
    expected: 'one of its verbs',
    actual: `"${verbName}"`,
    hints: [...nearestNameHints(verbName, names), `Verbs: tenfold ${manifest.id}.`],
  });
}

/** Runs one verb of a room.
 *  @param rawParams  plain values (numbers as numbers); texts of a command line go through `paramFromText` first
 *  @returns the outcome; errors of any kind are inside it */
export async function runVerb(
  manifest: SystemManifest,
  verbName: string,
  rawParams: Readonly<Record<string, unknown>>,
  options: VerbContextOptions,
): Promise<VerbOutcome> {
  const warnings: Diagnostic[] = [];
  const context = createVerbContext({
    ...options,
    onWarning: (diagnostic) => {
      warnings.push(diagnostic);
      options.onWarning?.(diagnostic);
    },
  });
  const startMs = context.clock.nowMs();
  const end = (): { seed: number; elapsedMs: number } => ({
    seed: context.seed,
    elapsedMs: context.clock.nowMs() - startMs,
  });
  const subject = `${manifest.id} ${verbName}`.trim();
  try {
    const verb = verbOf(manifest, verbName);
    const params = parseParams(verb, rawParams, subject);
    assertInputPaths(verb, params, { subject, workingFolder: options.workingFolder });
    const { run } = await verb.load();
    const result = await run(params as never, context);
    assertVerbResult(result, subject);
    return {
      status: result.ok ? 'done' : 'problems',
      exitCode: result.ok ? 0 : 1,
      result: plainJsonFrom(result.value),
      report: result.report,
      diagnostics: [...warnings, ...(result.diagnostics ?? [])],
      artifacts: result.artifacts ?? [],
      error: undefined,
      ...end(),
    };
  } catch (cause) {
    const error = tenfoldErrorFrom(cause, subject, context.signal);
    return {
      status: error.kind === 'cancelled' ? 'cancelled' : 'failed',
      exitCode: EXIT_CODE_OF_KIND[error.kind],
      result: null,
      report: undefined,
      diagnostics: warnings,
      artifacts: [],
      error,
      ...end(),
    };
  }
}

function assertVerbResult(result: VerbResult | undefined, subject: string): asserts result is VerbResult {
  const isResult = typeof result?.ok === 'boolean' && Array.isArray(result.report?.blocks);
  if (isResult && typeof result.report.verdict?.text === 'string') return;
  throw systemError('TF-SYSTEM-004', { subject, expected: 'run() to return { ok, value, report }' });
}

/** Our errors pass; an aborted signal makes any other error a cancellation; the rest are bugs. */
function tenfoldErrorFrom(cause: unknown, subject: string, signal: AbortSignal): TenfoldError {
  if (cause instanceof TenfoldError) return cause;
  if (signal.aborted) {
    return new TenfoldError('TF-BASE-001', {
      subject,
      expected: 'the work to run to its end',
      actual: 'a cancel request',
      cause,
    });
  }
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return systemError('TF-SYSTEM-003', {
    subject,
    expected: 'the verb to finish',
    actual: message.split('\n')[0]!,
    hints: ['This is a bug of ours; run again with --debug to see where it happened.'],
    cause,
  });
}
