/** Whether files may be written is asked before long work, not after it. */
import { writeOutputFiles } from '@tenfold/core/system';
import type { VerbContext } from '@tenfold/core/system';

/** @throws TF-USAGE-007 if one of the files exists and `force` is false */
export function assertNewFiles(
  subject: string,
  paths: readonly string[],
  { force }: { readonly force: boolean },
  context: VerbContext,
): void {
  writeOutputFiles(
    paths.map((path) => ({ path, bytes: '' })),
    { subject, context, force, dryRun: true },
  );
}
