/** `tenfold new-room <name>`: copies systems/_skeleton under a new name and says what comes next. */
import { existsSync, globSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { cliError } from '../cli-errors.ts';

const SYSTEMS_FOLDER = fileURLToPath(new URL('../../../../systems/', import.meta.url));
const SKELETON = '_skeleton';
const NAME_PATTERN = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

interface NewRoomParams {
  readonly name: string;
  readonly dryRun: boolean;
}

export async function runNewRoom(params: NewRoomParams, _context: VerbContext): Promise<VerbResult> {
  const { name, dryRun } = params;
  const files = copySkeleton({ name, dryRun, systemsFolder: SYSTEMS_FOLDER });
  const row = `  { id: '${name}', title: '…', question: '…?', paper: { title: '…', arxiv: '…' }, load: () => import('@tenfold/${name}/manifest') },`;
  return {
    ok: true,
    value: { folder: `systems/${name}`, files, isWritten: !dryRun },
    report: {
      title: `Room ${name}`,
      verdict: {
        tone: 'good',
        text: dryRun
          ? `Would write ${files.length} files to systems/${name}.`
          : `systems/${name} is there, with ${files.length} files.`,
      },
      blocks: [
        { kind: 'code', text: files.map((file) => `systems/${name}/${file}`).join('\n') },
        {
          kind: 'text',
          text: 'Next: link it with npm install, add its row to apps/systems.ts, then say in src/manifest.ts what it answers.',
        },
        { kind: 'code', language: 'ts', caption: 'Row for apps/systems.ts', text: row },
      ],
    },
  };
}

/** Copies the skeleton and renames what bears its name.
 *  @returns the files, relative to the new room
 *  @throws TF-CLI-004 on a bad name, TF-CLI-003 if the folder exists, TF-CLI-006 outside of the repository */
export function copySkeleton(options: {
  readonly name: string;
  readonly dryRun: boolean;
  readonly systemsFolder: string;
}): string[] {
  const { name, dryRun, systemsFolder } = options;
  if (!NAME_PATTERN.test(name)) {
    throw cliError('TF-CLI-004', {
      subject: 'new-room',
      expected: 'lower-case words with dashes, such as my-room',
      actual: JSON.stringify(name),
    });
  }
  const source = join(systemsFolder, SKELETON);
  if (!existsSync(source)) {
    throw cliError('TF-CLI-006', {
      subject: 'new-room',
      expected: 'the repository with its skeleton of a room',
      actual: 'no such folder',
      location: source,
      hints: ['Clone the repository and run the command there; an installed package has no skeleton to copy.'],
    });
  }
  const target = join(systemsFolder, name);
  if (existsSync(target)) {
    throw cliError('TF-CLI-003', {
      subject: 'new-room',
      expected: 'the name of a room that does not exist',
      actual: `"${name}"`,
      location: target,
      hints: ['Choose another name; nothing was written.'],
    });
  }
  const files = globSync('**/*', { cwd: source, exclude: (path) => path.includes('node_modules') })
    .filter((file) => statSync(join(source, file)).isFile())
    .sort();
  if (dryRun) return files.map((file) => renamed(file, name));
  const temporary = join(systemsFolder, `.${name}.${process.pid}.part`);
  try {
    for (const file of files) {
      const path = join(temporary, renamed(file, name));
      makeFolder(dirname(path));
      writeFileSync(path, renamed(readFileSync(join(source, file), 'utf8'), name));
    }
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return files.map((file) => renamed(file, name));
}

/** `_skeleton` in paths and package names, `skeleton` in ids, `Skeleton` in titles and `skeletonSystem` in names. */
function renamed(text: string, name: string): string {
  const words = name.split('-');
  const pascal = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  const camel = pascal[0]!.toLowerCase() + pascal.slice(1);
  const title = words.join(' ');
  return text
    .replaceAll('@tenfold/skeleton', `@tenfold/${name}`)
    .replaceAll('_skeleton', name)
    .replaceAll('skeletonSystem', `${camel}System`)
    .replaceAll('skeletonError', `${camel}Error`)
    .replaceAll('SkeletonPage', `${pascal}Page`)
    .replaceAll('TF-SKELETON', `TF-${name.replaceAll('-', '').toUpperCase()}`)
    .replaceAll('skeleton-', `${name}-`)
    .replaceAll("'skeleton'", `'${name}'`)
    .replaceAll('tenfold skeleton', `tenfold ${name}`)
    .replaceAll('skeleton count', `${name} count`)
    .replaceAll('Skeleton', title[0]!.toUpperCase() + title.slice(1));
}
