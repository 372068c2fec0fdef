/** inspect: is this checkpoint really 2:4, and do its shapes suit sparse tensor cores? */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { inspectFolder } from '../io/inspect-folder.ts';
import { modelPath } from '../model/model-path.ts';
import { reportAudit } from '../report.ts';

export async function run({ path }: { readonly path: string }, context: VerbContext): Promise<VerbResult> {
  const audits = await inspectFolder(modelPath(path, context.workingFolder), (name) =>
    context.progress({ phase: 'reading', note: name }),
  );
  return {
    ok: audits.length > 0 && audits.every((audit) => audit.isSparse24),
    value: audits,
    report: reportAudit(audits, path),
  };
}
