/** Files that a verb will write when its long work is done: what would stop it then is found before the work begins. */
import { accessSync, constants, existsSync, rmdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { makeFolder } from '@tenfold/core/base';
import { writeOutputFiles, type VerbContext } from '@tenfold/core/system';
import { traceError } from '../trace-check-errors.ts';

export interface OutputTarget {
  readonly subject: string;
  readonly context: Pick<VerbContext, 'workingFolder'>;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** Does the work once the folders of its files are made, which shows whether they can be; a dry run only looks. Folders
 *  that were made are taken away again if the work fails and they are empty.
 *  @param paths  files, relative to the working folder
 *  @throws TF-USAGE-007 if a file exists and `force` is false; TF-TRACE-022 if a folder cannot be written */
export async function withOutput<Result>(
  paths: readonly string[],
  target: OutputTarget,
  work: () => Promise<Result>,
): Promise<Result> {
  const removeMade = prepareOutput(paths, target);
  try {
    return await work();
  } catch (error) {
    removeMade();
    throw error;
  }
}

function prepareOutput(paths: readonly string[], { subject, context, dryRun, force }: OutputTarget): () => void {
  writeOutputFiles(
    paths.map((path) => ({ path, bytes: '' })),
    { subject, context, dryRun: true, force },
  );
  const made: string[] = [];
  const removeMade = (): void => {
    for (const folder of made) {
      try {
        rmdirSync(folder);
      } catch {
        // It holds something, or another folder was made in it: then it stays.
      }
    }
  };
  for (const path of paths) {
    const whole = resolve(context.workingFolder, path);
    try {
      if (existsSync(whole) && statSync(whole).isDirectory()) throw new Error('a folder of that name is in the way');
      const missing = missingAbove(whole);
      const parent = dirname(missing.at(-1) ?? whole);
      if (!statSync(parent).isDirectory()) throw new Error(`"${parent}" is no folder`);
      accessSync(parent, constants.W_OK);
      if (dryRun) continue;
      made.unshift(...missing);
      makeFolder(dirname(whole));
    } catch (cause) {
      removeMade();
      throw traceError('TF-TRACE-022', {
        subject,
        expected: `a place where "${path}" can be written`,
        actual: ((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message,
        cause,
      });
    }
  }
  return removeMade;
}

/** Folders of a file that are not there, the deepest first. */
function missingAbove(path: string): string[] {
  const missing: string[] = [];
  for (let at = dirname(path); !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.push(at);
  return missing;
}
