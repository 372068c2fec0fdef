/** One retraining epoch of the digits network (256-256-64-10, 8,000 rows, batches of 128) beside the same in PyTorch.
 *  TENFOLD_TORCH_PYTHON names a Python with PyTorch (default /usr/bin/python3). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { createNetwork } from '../src/engine/network.ts';

const [NUM_ROWS, WIDTH, NUM_CLASSES, BATCH] = [8000, 256, 10, 128];
const STEPS = Math.floor(NUM_ROWS / BATCH);
const REPEATS = 3;
/** PyTorch is tried with each; the faster one counts. */
const THREADS = [1, 2];

export async function bench(): Promise<BenchRow[]> {
  const rng = createRng(1, 'bench');
  const rows = {
    x: { numRows: NUM_ROWS, width: WIDTH, data: Float32Array.from({ length: NUM_ROWS * WIDTH }, () => rng.normal()) },
    y: new Float32Array(NUM_ROWS * NUM_CLASSES),
    weight: new Float32Array(NUM_ROWS).fill(1),
  };
  for (let n = 0; n < NUM_ROWS; n++) rows.y[n * NUM_CLASSES + rng.integer(NUM_CLASSES)] = 1;
  await using network = await createNetwork({
    backbone: { kind: 'mlp', width: WIDTH, hidden: [256, 64], dropout: 0.3 },
    numClasses: NUM_CLASSES,
    batchSize: BATCH,
    hasBases: false,
    seed: 1,
    learningRate: 0.02,
  });
  const times: { wall: number; cpu: number }[] = [];
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    await network.train(rows, STEPS, { purpose: `epoch ${repeat}` });
    const { user, system } = process.cpuUsage(cpu);
    if (repeat > 0) times.push({ wall: performance.now() - wall, cpu: (user + system) / 1000 });
  }
  const peers = THREADS.flatMap((threads) => runTorch(threads) ?? []);
  const row = (name: string, key: 'wall' | 'cpu'): BenchRow => {
    const ours = median(times.map((time) => time[key]));
    const [peer] = peers.toSorted((a, b) => a[key] - b[key]);
    const theirs = peer === undefined ? NaN : 1000 * peer[key];
    const note = peer === undefined ? 'no PyTorch' : `PyTorch ${peer.version}, threads: ${peer.threads}`;
    return { name: `a retraining epoch, ${name}`, ours, peer: theirs, unit: 'ms', ratio: theirs / ours, note };
  };
  return [row('elapsed', 'wall'), row('CPU time', 'cpu')];
}

interface TorchRun {
  readonly wall: number;
  readonly cpu: number;
  readonly version: string;
  readonly threads: number;
}

function runTorch(threads: number): TorchRun | undefined {
  const script = join(import.meta.dirname, 'torch_epoch.py');
  const python = process.env['TENFOLD_TORCH_PYTHON'] ?? '/usr/bin/python3';
  const { status, stdout } = spawnSync(python, [script, String(STEPS), String(threads)], { encoding: 'utf8' });
  return status === 0 ? { ...JSON.parse(stdout), threads } : undefined;
}
