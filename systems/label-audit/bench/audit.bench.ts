/** Audit of 1,000,000 × 10 and 50,000 × 1,000 probabilities beside the same steps in NumPy, in one run.
 *  node systems/label-audit/bench/audit.bench.ts [python] */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng } from '@tenfold/core/base';
import { writeNpy } from '@tenfold/core/data';
import { findIssues, learnConfidently, scoreLabels } from '../src/index.ts';
import type { Probabilities } from '../src/index.ts';

const REPEATS = 5;
const python = process.argv[2] ?? 'python3';
const folder = mkdtempSync(join(tmpdir(), 'label-audit-bench-'));

for (const [numRows, numClasses] of [
  [1_000_000, 10],
  [50_000, 1_000],
] as const) {
  const { labels, probabilities } = randomProblem(numRows, numClasses);
  const shape = [numRows, numClasses];
  await writeNpy(
    join(folder, 'probs.npy'),
    { dtype: 'float32', shape, data: probabilities.data as Float32Array },
    { force: true },
  );
  await writeNpy(join(folder, 'labels.npy'), { dtype: 'int32', shape: [numRows], data: labels }, { force: true });
  const seconds: number[] = [];
  let numFlagged = 0;
  let scoreSum = 0;
  let extraBytes = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    const learned = learnConfidently(labels, probabilities);
    const flags = findIssues(labels, probabilities, learned, { filter: 'prune_by_noise_rate' });
    const scores = scoreLabels(labels, probabilities, { method: 'normalized_margin', isAdjusted: true });
    seconds.push((performance.now() - start) / 1000);
    extraBytes = Math.max(extraBytes, process.memoryUsage().arrayBuffers - before);
    numFlagged = flags.reduce((sum, flag) => sum + flag, 0);
    scoreSum = scores.reduce((sum, score) => sum + score, 0);
  }
  const ours = seconds.sort((a, b) => a - b)[REPEATS >> 1];
  console.log(
    `${numRows} × ${numClasses}: ours ${ours.toFixed(3)} s, ${numFlagged} flagged, score sum ${scoreSum.toFixed(1)}`,
  );
  console.log(`  buffers beside the input: ${(extraBytes / probabilities.data.byteLength).toFixed(2)} × its size`);
  try {
    const script = join(import.meta.dirname, 'numpy_audit.py');
    const text = execFileSync(python, [script, join(folder, 'probs.npy'), join(folder, 'labels.npy'), String(REPEATS)]);
    const peer = JSON.parse(String(text)) as { seconds: number; numFlagged: number; scoreSum: number };
    console.log(
      `  NumPy ${peer.seconds.toFixed(3)} s, ${peer.numFlagged} flagged, score sum ${peer.scoreSum.toFixed(1)}; ratio ${(peer.seconds / ours).toFixed(2)}`,
    );
  } catch (cause) {
    console.log(`  NumPy not run: ${String((cause as Error).message).split('\n')[0]}`);
  }
}
rmSync(folder, { recursive: true });

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
    for (let k = 0; k < numClasses; k++) data[i * numClasses + k] /= sum;
  }
  return { labels, probabilities: { numRows, numClasses, data } };
}
