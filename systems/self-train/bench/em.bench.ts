/** EM on 60,000 × 64 features and 10 bases beside the same steps in NumPy, in one run; the likelihoods must agree.
 *  Timed is a whole run from float32 features and probabilities, the set-up of each side spread over its iterations.
 *  CPU time, one thread each, double precision each, so that other work on the machine does not decide the ratio.
 *  TENFOLD_PYTHON names a Python with NumPy (default python3). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng, median } from '@tenfold/core/base';
import { writeNpy } from '@tenfold/core/data';
import type { BenchRow } from '@tenfold/core/report';
import { emSmooth } from '../src/index.ts';

const [NUM_ROWS, WIDTH, NUM_BASES] = [60_000, 64, 10];
const ITERATIONS = 15;
const REPEATS = 5;

export async function bench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [name, distance] of [
    ['far clusters', 1.2],
    ['clusters that overlap', 0.25],
  ] as const) {
    rows.push(await benchOne(name, distance));
  }
  return rows;
}

async function benchOne(name: string, distance: number): Promise<BenchRow> {
  const { features, prior, bases } = drawProblem(distance);
  const folder = mkdtempSync(join(tmpdir(), 'self-train-bench-'));
  try {
    await writeNpy(join(folder, 'features.npy'), { dtype: 'float32', shape: [NUM_ROWS, WIDTH], data: features });
    await writeNpy(join(folder, 'prior.npy'), { dtype: 'float32', shape: [NUM_ROWS, NUM_BASES], data: prior });
    await writeNpy(join(folder, 'bases.npy'), { dtype: 'float64', shape: [NUM_BASES, WIDTH], data: bases });
    const seconds: number[] = [];
    let likelihood = 0;
    for (let repeat = -3; repeat < REPEATS; repeat++) {
      const start = process.cpuUsage();
      const result = emSmooth(
        { numRows: NUM_ROWS, width: WIDTH, data: features },
        {
          bases,
          numBases: NUM_BASES,
          prior,
          beta: 0.5,
          variances: new Float64Array(NUM_BASES).fill(1),
          maxIterations: ITERATIONS - 1,
          tolerance: 0,
        },
      );
      const { user, system } = process.cpuUsage(start);
      if (repeat >= 0) seconds.push((user + system) / 1e6 / ITERATIONS); // The first runs compile.
      likelihood = result.logLikelihood.at(-1)!;
    }
    const ours = median(seconds);
    const peer = runNumpy(folder);
    if (peer !== undefined && Math.abs(peer.likelihood - likelihood) > 1e-9 * Math.abs(likelihood)) {
      throw new Error(`log-likelihoods differ: ${likelihood} and ${peer.likelihood}`);
    }
    return {
      name: `EM iteration, 60,000 × 64 × 10, ${name}`,
      ours: 1000 * ours,
      peer: peer === undefined ? NaN : 1000 * peer.seconds,
      unit: 'ms',
      ratio: peer === undefined ? NaN : peer.seconds / ours,
      note:
        peer === undefined
          ? 'no NumPy'
          : `CPU time of a run of ${ITERATIONS}, one thread each, float64 each; NumPy ${peer.version} by matrix products`,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface NumpyRun {
  readonly seconds: number;
  readonly likelihood: number;
  readonly version: string;
}

function runNumpy(folder: string): NumpyRun | undefined {
  const script = join(import.meta.dirname, 'numpy_em.py');
  try {
    const python = process.env['TENFOLD_PYTHON'] ?? 'python3';
    return JSON.parse(
      String(
        execFileSync(python, [script, folder, String(ITERATIONS), String(REPEATS)], {
          stdio: ['ignore', 'pipe', 'ignore'],
          env: { ...process.env, OPENBLAS_NUM_THREADS: '1' },
        }),
      ),
    );
  } catch {
    return undefined;
  }
}

/** Clouds of unit deviation around ten centres, and a prior that is right for six of ten rows. */
function drawProblem(distance: number) {
  const rng = createRng(1, 'bench');
  const centres = Float64Array.from({ length: NUM_BASES * WIDTH }, () => distance * rng.normal());
  const features = new Float32Array(NUM_ROWS * WIDTH);
  const prior = new Float32Array(NUM_ROWS * NUM_BASES).fill(0.04);
  for (let n = 0; n < NUM_ROWS; n++) {
    const k = rng.integer(NUM_BASES);
    for (let a = 0; a < WIDTH; a++) features[n * WIDTH + a] = centres[k * WIDTH + a] + rng.normal();
    prior[n * NUM_BASES + (rng.uniform() < 0.6 ? k : rng.integer(NUM_BASES))] = 0.64;
  }
  return { features, prior, bases: centres.map((value) => value + 0.3 * rng.normal()) };
}
