/** Opening the folders a verb is given, and closing them again. */
import { resolve } from 'node:path';
import type { VerbContext } from '@tenfold/core/system';
import { openTrace } from '../trace/open-trace.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import { traceError } from '../trace-check-errors.ts';

/** @throws TF-TRACE-020 if the trace keeps sketches, hashes or norms in place of values */
export function assertValues({ info, name }: TraceRun, subject: string): void {
  if (info.level === 'full') return;
  throw traceError('TF-TRACE-020', { subject, expected: 'a trace of level full', actual: info.level, location: name });
}

export async function withTraces<T>(
  folders: readonly string[],
  context: Pick<VerbContext, 'workingFolder'>,
  use: (runs: readonly TraceRun[]) => Promise<T> | T,
): Promise<T> {
  const runs: TraceRun[] = [];
  try {
    for (const folder of folders) runs.push(await openTrace(resolve(context.workingFolder, folder)));
    return await use(runs);
  } finally {
    for (const run of runs) run.close();
  }
}
