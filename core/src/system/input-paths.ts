/** Params that name files: missing ones are reported before the verb starts, with the nearest names beside them.
 *  Node's modules are reached through `getBuiltinModule`, so that pages can import the types of a manifest. */
import { nearestNameHints } from '../base/index.ts';
import { paramFieldsOf } from './param-fields.ts';
import { systemError } from './system-errors.ts';
import type { VerbManifest } from './types.ts';

/** Checks every `file` and `folder` param against the disk.
 *  @param params  parsed params; paths may be relative to `workingFolder`
 *  @throws TF-SYSTEM-001 if a path does not exist, TF-SYSTEM-002 if it is of the other kind */
export function assertInputPaths(
  verb: VerbManifest,
  params: Readonly<Record<string, unknown>>,
  options: { readonly subject: string; readonly workingFolder: string },
): void {
  for (const field of paramFieldsOf(verb)) {
    if (field.pathKind !== 'file' && field.pathKind !== 'folder') continue;
    const value = params[field.name];
    const paths = (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string' && item !== '');
    for (const path of paths as string[]) assertPath(path, field.pathKind, options);
  }
}

function assertPath(
  path: string,
  kind: 'file' | 'folder',
  { subject, workingFolder }: { readonly subject: string; readonly workingFolder: string },
): void {
  if (path === '-') return; // standard input
  const { statSync, readdirSync } = process.getBuiltinModule('node:fs');
  const { resolve, dirname, basename } = process.getBuiltinModule('node:path');
  const full = resolve(workingFolder, path);
  const stat = statSync(full, { throwIfNoEntry: false });
  if (stat === undefined) {
    const parent = dirname(full);
    const parentStat = statSync(parent, { throwIfNoEntry: false });
    const siblings = parentStat?.isDirectory() ? readdirSync(parent) : [];
    throw systemError('TF-SYSTEM-001', {
      subject,
      expected: `the ${kind} "${path}" to exist`,
      actual: 'no such path',
      location: full,
      hints: parentStat
        ? nearestNameHints(basename(full), siblings)
        : [`The folder "${parent}" does not exist either.`],
    });
  }
  if (stat.isDirectory() !== (kind === 'folder')) {
    throw systemError('TF-SYSTEM-002', {
      subject,
      expected: `"${path}" to be a ${kind}`,
      actual: stat.isDirectory() ? 'a folder' : 'a file',
      location: full,
      hints: [],
    });
  }
}
