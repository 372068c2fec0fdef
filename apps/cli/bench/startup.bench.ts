/** Start-up: `tenfold --help` against a bare `node -e 0` of the same Node, interleaved. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';

const LAUNCHER = fileURLToPath(new URL('../bin/tenfold.mjs', import.meta.url));
const NUM_ROUNDS = 15;

export async function bench(): Promise<BenchRow[]> {
  const nodes = new Map([[process.version, process.execPath]]);
  // `npm run` puts the pinned Node first on PATH, so the caller's own is looked for behind node_modules.
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  const found = spawnSync('node', ['--version'], { env: { ...process.env, PATH: path.join(':') }, encoding: 'utf8' });
  if (found.status === 0 && found.stdout.trim() !== process.version) {
    const which = spawnSync('node', ['-p', 'process.execPath'], {
      env: { ...process.env, PATH: path.join(':') },
      encoding: 'utf8',
    });
    nodes.set(found.stdout.trim(), which.stdout.trim());
  }
  return [...nodes].map(([version, node]) => measure(version, node));
}

function measure(version: string, node: string): BenchRow {
  const ours: number[] = [];
  const bare: number[] = [];
  timeOf(node, [LAUNCHER, '--help']); // fills the compile cache, as the first call of a user does
  for (let round = 0; round < NUM_ROUNDS; round++) {
    bare.push(timeOf(node, ['-e', '0']));
    ours.push(timeOf(node, [LAUNCHER, '--help']));
  }
  const [oursMs, bareMs] = [median(ours), median(bare)];
  const note = `tenfold --help against node -e 0; ${(oursMs / bareMs).toFixed(2)} times a bare start`;
  return { name: `start-up, Node ${version}`, ours: oursMs, peer: bareMs, unit: 'ms', ratio: bareMs / oursMs, note };
}

function timeOf(node: string, args: readonly string[]): number {
  const start = performance.now();
  const { status, stdout } = spawnSync(node, args, { encoding: 'utf8' });
  if (status !== 0 || (args.includes('--help') && !stdout.startsWith('Tenfold')))
    throw new Error(`bench: ${args.join(' ')} failed`);
  return performance.now() - start;
}
