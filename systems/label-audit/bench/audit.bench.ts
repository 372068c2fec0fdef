/** Audit of 1,000,000 × 10 and 50,000 × 1,000 probabilities beside the same steps in NumPy and in cleanlab, in one run.
 *  Times are of the processor (user and system, all threads of the process), so that other work on the machine counts little.
 *  TENFOLD_PYTHON names a Python with numpy (and cleanlab); default the first of the system's that has numpy. Without one the
 *  peer column stays empty. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng, median } from '@tenfold/core/base';
import { writeNpy } from '@tenfold/core/data';
import type { BenchRow } from '@tenfold/core/report';
import { auditLabels, findIssues, learnConfidently, scoreLabels } from '../src/index.ts';
import type { Probabilities } from '../src/index.ts';

interface PeerFigures {
  readonly seconds: number;
  readonly numFlagged: number;
  readonly scoreSum: number;
}

const REPEATS = 5;
/** Each in a new process, which is how a user meets it: nothing is compiled yet. */
const STREAMED_REPEATS = 3;
const PYTHONS = [process.env['TENFOLD_PYTHON'], '/usr/bin/python3', 'python3'];
const SIZES = [
  [1_000_000, 10],
  [50_000, 1_000],
] as const;

export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'label-audit-bench-'));
  const rows: BenchRow[] = [];
  try {
    for (const [numRows, numClasses] of SIZES) rows.push(...(await benchSize(numRows, numClasses, folder)));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return rows;
}

async function benchSize(numRows: number, numClasses: number, folder: string): Promise<BenchRow[]> {
  const { labels, probabilities } = randomProblem(numRows, numClasses);
  const files = [join(folder, `${numClasses}-probs.npy`), join(folder, `${numClasses}-labels.npy`)] as const;
  const data = probabilities.data as Float32Array;
  await writeNpy(files[0], { dtype: 'float32', shape: [numRows, numClasses], data });
  await writeNpy(files[1], { dtype: 'int32', shape: [numRows], data: labels });
  const size = `${numRows.toLocaleString('en')} × ${numClasses.toLocaleString('en')}`;
  const common = timeOf(() => {
    const learned = learnConfidently(labels, probabilities);
    const flags = findIssues(labels, probabilities, learned, { filter: 'prune_by_noise_rate' });
    return { flags, scores: scoreLabels(labels, probabilities, { method: 'normalized_margin', isAdjusted: true }) };
  });
  const numFlagged = common.value.flags.reduce((sum, flag) => sum + flag, 0);
  const scoreSum = common.value.scores.reduce((sum, score) => sum + score, 0);
  const peers = runPeers(files);
  const whole = timeOf(() => auditLabels(labels, probabilities).ranked.length);
  const runs = Array.from({ length: STREAMED_REPEATS }, () => streamOnce(files));
  const streamed = runs.sort((x, y) => x.seconds - y.seconds)[STREAMED_REPEATS >> 1]!;
  if (streamed.numFlagged !== numFlagged)
    throw new Error(`streamed ${streamed.numFlagged} flags, in memory ${numFlagged}`);
  const row = (name: string, seconds: number, peer: PeerFigures | undefined): BenchRow => ({
    name: `${size}: ${name}`,
    ours: 1000 * seconds,
    peer: peer ? 1000 * peer.seconds : NaN,
    unit: 'CPU ms',
    ratio: peer ? peer.seconds / seconds : NaN,
    ...(peer && {
      note: `flags ${numFlagged} and ${peer.numFlagged}, mean score ${(scoreSum / numRows).toFixed(6)} and ${(peer.scoreSum / numRows).toFixed(6)}`,
    }),
  });
  return [
    row('joint, flags and scores, against NumPy', common.seconds, peers.numpy),
    row('joint, flags and scores, against cleanlab', common.seconds, peers.cleanlab),
    { ...row('whole audit with calibration and repair, in memory', whole.seconds, undefined) },
    {
      ...row('whole audit with reading the file, streamed', streamed.seconds, undefined),
      note: `${(1000 * streamed.wallSeconds).toFixed(0)} ms of wall time; process grew by ${(streamed.grownBytes / data.byteLength).toFixed(2)} × the input (${(data.byteLength / 2 ** 20).toFixed(0)} MiB)`,
    },
  ];
}

interface StreamedFigures {
  readonly seconds: number;
  readonly wallSeconds: number;
  readonly grownBytes: number;
  readonly numFlagged: number;
}

function streamOnce(files: readonly string[]): StreamedFigures {
  const program = join(import.meta.dirname, 'stream-once.ts');
  return JSON.parse(String(execFileSync(process.execPath, [program, ...files]))) as StreamedFigures;
}

function runPeers(files: readonly string[]): { numpy?: PeerFigures; cleanlab?: PeerFigures } {
  const script = join(import.meta.dirname, 'numpy_audit.py');
  for (const python of PYTHONS) {
    if (python === undefined) continue;
    try {
      const text = execFileSync(python, [script, ...files, String(REPEATS)], { stdio: ['ignore', 'pipe', 'ignore'] });
      return JSON.parse(String(text).trim().split('\n').at(-1)!);
    } catch {
      // without numpy: the next
    }
  }
  return {};
}

/** Median processor seconds and the last value. */
function timeOf<T>(run: () => T): { seconds: number; value: T } {
  const seconds: number[] = [];
  let value!: T;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = process.cpuUsage();
    value = run();
    const { user, system } = process.cpuUsage(start);
    seconds.push((user + system) / 1e6);
  }
  return { seconds: median(seconds), value };
}

/** Peaked rows with 10 % of the labels moved. */
function randomProblem(numRows: number, numClasses: number): { labels: Int32Array; probabilities: Probabilities } {
  const rng = createRng(1, 'bench');
  const labels = new Int32Array(numRows);
  const data = new Float32Array(numRows * numClasses);
  for (let i = 0; i < numRows; i++) {
    const truth = rng.integer(numClasses);
    labels[i] = rng.uniform() < 0.1 ? rng.integer(numClasses) : truth;
    let sum = 0;
    for (let k = 0; k < numClasses; k++) {
      const weight = rng.uniform() ** 4 + (k === truth ? 0.3 * numClasses * rng.uniform() : 0);
      data[i * numClasses + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < numClasses; k++) data[i * numClasses + k]! /= sum;
  }
  return { labels, probabilities: { numRows, numClasses, data } };
}
