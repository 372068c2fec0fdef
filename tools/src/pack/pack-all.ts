/** From the repository to tarballs: pages, compiler, layout, `npm pack`. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildWebIfStale } from '../../../apps/studio/server/index.ts';
import { systems } from '../../../apps/systems.ts';
import { compilePackages } from './compile.ts';
import { listPackages } from './packages.ts';
import { findBrokenReferences, stagePackages } from './stage.ts';

export interface Tarball {
  readonly name: string;
  readonly path: string;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly numFiles: number;
}

/** Builds every package and packs it into `outFolder`.
 *  @throws Error if the tree does not compile, a page does not build or a reference of the compiled code leads nowhere */
export async function packAll(root: string, outFolder: string): Promise<Tarball[]> {
  const { brokenRooms } = await buildWebIfStale();
  if (brokenRooms.length > 0)
    throw new Error(`pack: expected every page to build, got faults in ${brokenRooms.join(', ')}. Run npm run check.`);
  const work = mkdtempSync(join(tmpdir(), 'tenfold-pack-'));
  try {
    const packages = listPackages(root);
    const compiled = join(work, 'compiled');
    const stage = join(work, 'stage');
    compilePackages(root, packages, compiled);
    const folders = stagePackages({ root, compiled, stage, packages, descriptions: describePackages() });
    const broken = findBrokenReferences(stage);
    if (broken.length > 0)
      throw new Error(`pack: expected every reference of the packages to lead to a file, got\n${broken.join('\n')}`);
    mkdirSync(outFolder, { recursive: true });
    return runNpmPack(folders, outFolder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function describePackages(): Record<string, string> {
  return {
    '@tenfold/core': 'Shared core of Tenfold: tensors, graphs, training, data, ranks, schedules, runs and reports.',
    '@tenfold/studio': 'The studio of Tenfold: every room as a page, runs kept and compared.',
    tenfold: 'Ten published machine-learning methods for your own data, behind one command.',
    ...Object.fromEntries(systems.map(({ id, question, paper }) => [`@tenfold/${id}`, `${question} (${paper.title})`])),
  };
}

function runNpmPack(folders: readonly string[], outFolder: string): Tarball[] {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const outcome = spawnSync(npm, ['pack', '--json', '--ignore-scripts', '--pack-destination', outFolder, ...folders], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (outcome.status !== 0) throw new Error(`pack: expected npm pack to succeed, got ${outcome.stderr.slice(-2000)}`);
  const rows = Object.values(JSON.parse(outcome.stdout) as Record<string, NpmPackRow>);
  return rows.map((row) => ({
    name: row.name,
    path: join(outFolder, row.filename.replace('@', '').replace('/', '-')),
    packedBytes: row.size,
    unpackedBytes: row.unpackedSize,
    numFiles: row.entryCount,
  }));
}

interface NpmPackRow {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly entryCount: number;
}
