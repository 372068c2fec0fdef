import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { writeNpy } from '@tenfold/core/data';
import { encodeFloats } from '@tenfold/core/tensor';
import fc from 'fast-check';
import {
  auditLabels,
  auditPasses,
  findIssues,
  learnConfidently,
  openProbabilities,
  runOverSource,
} from '../src/index.ts';
import type { Probabilities, ProbabilitySource } from '../src/index.ts';
import { createLargestOfStreams } from '../src/confident/largest-margins.ts';
import { pruneCountsFromJoint } from '../src/confident/prune-counts.ts';

const folder = mkdtempSync(join(tmpdir(), 'label-audit-passes-'));

/** Random rows in steps of 1/8, so that margins are often equal. */
function coarseProblem(count: number, numClasses: number, seed: number) {
  const rng = createRng(seed, 'coarse');
  const labels = Int32Array.from({ length: count }, () => rng.integer(numClasses));
  const data = new Float64Array(count * numClasses);
  for (let i = 0; i < count; i++) {
    for (let part = 0; part < 8; part++) {
      const k = rng.uniform() < 0.5 ? labels[i]! : rng.integer(numClasses);
      data[i * numClasses + k]! += 1 / 8;
    }
  }
  return { labels, probabilities: { numRows: count, numClasses, data } };
}

/** Blocks of a few rows, from a buffer that is overwritten with NaN between two of them. */
function smallBlocks({ data, numRows, numClasses }: Probabilities, rowsPerBlock: number): ProbabilitySource {
  return {
    numRows,
    numClasses,
    async *blocks() {
      const buffer = new Float64Array(rowsPerBlock * numClasses);
      for (let start = 0; start < numRows; start += rowsPerBlock) {
        const count = Math.min(rowsPerBlock, numRows - start);
        buffer.fill(NaN);
        buffer.set(data.subarray(start * numClasses, (start + count) * numClasses));
        yield { block: { numRows: count, numClasses, data: buffer.subarray(0, count * numClasses) }, start };
      }
    },
  };
}

test('prune_by_noise_rate flags what sorting the margins of every pair flags', () => {
  let numUnfilled = 0;
  for (let seed = 1; seed <= 240; seed++) {
    const numClasses = 2 + (seed % 4);
    const { labels, probabilities } = coarseProblem(10 + (seed % 60), numClasses, seed);
    const { data } = probabilities;
    const learned = learnConfidently(labels, probabilities);
    const counts = pruneCountsFromJoint(learned.joint, numClasses);
    const expected = new Uint8Array(labels.length);
    for (let given = 0; given < numClasses; given++) {
      const members = [...labels.keys()].filter((i) => labels[i] === given);
      if (members.length <= 1) continue;
      for (let other = 0; other < numClasses; other++) {
        const count = counts[other * numClasses + given]!;
        if (other === given || count <= 0) continue;
        const margin = (i: number) => data[i * numClasses + other]! - data[i * numClasses + given]!;
        const sorted = members.toSorted((a, b) => margin(b) - margin(a) || a - b).slice(0, count);
        if (margin(sorted.at(-1)!) <= 0) numUnfilled++;
        for (const i of sorted) expected[i] = 1;
      }
    }
    for (let i = 0; i < labels.length; i++) if (learned.isGivenLargest[i] === 1) expected[i] = 0;
    const flags = findIssues(labels, probabilities, learned, { filter: 'prune_by_noise_rate' });
    assert.deepEqual([...flags], [...expected], `seed ${seed}`);
  }
  assert.ok(numUnfilled > 8, `${numUnfilled} pairs needed margins below 0`);
});

test('the n-th largest of each stream is that of a sort, whatever the order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.integer({ min: -5, max: 5 })), { maxLength: 200 }),
      fc.array(fc.nat(9), { minLength: 4, maxLength: 4 }),
      (offers, wanted) => {
        const streams = createLargestOfStreams(wanted);
        for (const [stream, value] of offers) streams.offer(stream, value);
        wanted.forEach((count, s) => {
          const sorted = offers.flatMap(([stream, value]) => (stream === s ? [value] : [])).sort((a, b) => b - a);
          const cut = count === 0 ? Infinity : (sorted[count - 1] ?? -Infinity);
          assert.equal(streams.cutOf(s), cut);
          assert.equal(streams.isFilled(s), sorted.length >= count);
          assert.equal(streams.numAtCut(s), sorted.slice(0, count).filter((value) => value === cut).length);
        });
      },
    ),
  );
});

test('blocks of any size give the audit of all rows in memory, bit for bit', async () => {
  for (const filter of ['prune_by_noise_rate', 'both', 'low_normalized_margin'] as const) {
    const { labels, probabilities } = coarseProblem(900, 5, 3);
    const whole = auditLabels(labels, probabilities, { filter });
    for (const rowsPerBlock of [1, 7, 256, 1000]) {
      const source = smallBlocks(probabilities, rowsPerBlock);
      const streamed = await runOverSource(auditPasses(labels, 5, { filter }), source);
      assert.deepEqual(streamed, whole, `${filter}, ${rowsPerBlock} rows a block`);
    }
  }
});

test('a file of 16, 32 or 64 bits, in either byte order, gives the rows that were written', async () => {
  const { probabilities } = coarseProblem(300, 4, 5);
  const shape = [300, 4];
  const wide = Float64Array.from(probabilities.data);
  const path = (name: string) => join(folder, `${name}.npy`);
  await writeNpy(path('f8'), { dtype: 'float64', shape, data: wide });
  await writeNpy(path('f4'), { dtype: 'float32', shape, data: Float32Array.from(wide) });
  await writeNpy(path('f2'), { dtype: 'float16', shape, data: encodeFloats('float16', wide) });
  const swapped = readFileSync(path('f8'));
  swapped.write('>', swapped.indexOf('<'));
  swapped.subarray(swapped.length - wide.byteLength).swap64();
  writeFileSync(path('big'), swapped);
  for (const name of ['f8', 'f4', 'f2', 'big']) {
    await using source = await openProbabilities(path(name));
    assert.deepEqual([source.numRows, source.numClasses], shape);
    for (let reading = 0; reading < 2; reading++) {
      const rows: number[] = [];
      for await (const { block } of source.blocks()) rows.push(...block.data);
      assert.deepEqual(rows, [...wide], name); // eighths are exact in every format
    }
  }
});

test('a file that is cut, holds whole numbers or has another rank is refused', async () => {
  await writeNpy(join(folder, 'ints.npy'), { dtype: 'int32', shape: [2, 2], data: Int32Array.of(1, 0, 0, 1) });
  await assert.rejects(
    openProbabilities(join(folder, 'ints.npy')),
    /a float array \[N, K\], got int32 \[2, 2\].*TF-LABEL-001/,
  );
  await writeNpy(join(folder, 'flat.npy'), { dtype: 'float32', shape: [4], data: new Float32Array(4) });
  await assert.rejects(
    openProbabilities(join(folder, 'flat.npy')),
    /a float array \[N, K\], got float32 \[4\].*TF-LABEL-001/,
  );
  await writeNpy(join(folder, 'whole.npy'), { dtype: 'float32', shape: [40, 3], data: new Float32Array(120) });
  writeFileSync(join(folder, 'cut.npy'), readFileSync(join(folder, 'whole.npy')).subarray(0, 300));
  await assert.rejects(openProbabilities(join(folder, 'cut.npy')), /TF-DATA-003/);
  writeFileSync(join(folder, 'empty.npy'), '');
  await assert.rejects(openProbabilities(join(folder, 'empty.npy')), /an empty file.*TF-DATA-002/);
});
