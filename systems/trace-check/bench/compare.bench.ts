/** The checker beside a torch script on the same files (page cache warm, best of three on both sides), in wall time and in
 *  CPU time (which other work on the machine disturbs less); the generator beside the collector's; and the time to judge
 *  many small tensors. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { normalAt, streamFromId } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { checkTrace, compareFolders, generateWhole, lowerPlacements, memoryRun, writeTrace } from '../src/index.ts';
import { sketchLocal } from '../src/check/sketch.ts';
import { roundToBfloat16 } from '../src/trace/generator.ts';
import type { CapturedTensor, RankCapture } from '../src/trace/write-trace.ts';
import { findTorchPython } from '../test/torch-python.ts';
import type { RunInfo } from '../src/types.ts';

const NUM_TENSORS = 24;
const SHAPE = [2048, 4096] as const;
const NUMEL = NUM_TENSORS * SHAPE[0] * SHAPE[1];
const REPEATS = 3;

export async function bench(): Promise<BenchRow[]> {
  const python = findTorchPython();
  const rows: BenchRow[] = [];
  for (const dtype of ['BF16', 'F32'] as const)
    for (const numRanks of [1, 4]) rows.push(...(await compareRows(dtype, numRanks, python)));
  rows.push(generatorRow(python), manyTensorsRow());
  return rows;
}

async function compareRows(dtype: 'BF16' | 'F32', numRanks: number, python: string | undefined): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-check-bench-'));
  try {
    const [reference, candidate] = [join(folder, 'reference'), join(folder, 'candidate')];
    await writeTrace(reference, infoOf(dtype, 1), capturesOf(dtype, 1, 0));
    await writeTrace(candidate, infoOf(dtype, numRanks), capturesOf(dtype, numRanks, 1e-2));
    const peer = python === undefined ? undefined : runPeer(python, reference, candidate);
    const gigabytes = (2 * NUMEL * (dtype === 'BF16' ? 2 : 4)) / 1e9;
    const rows: BenchRow[] = [];
    for (const numWorkers of [1, 2]) {
      let [ms, cpuMs, rel] = [Infinity, Infinity, 0];
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        const used = process.cpuUsage();
        const started = performance.now();
        const found = await compareFolders(reference, candidate, { numWorkers });
        ms = Math.min(ms, performance.now() - started);
        const { user, system } = process.cpuUsage(used);
        cpuMs = Math.min(cpuMs, (user + system) / 1000);
        rel = Math.max(...[...found.values()].map((comparison) => comparison.rel));
      }
      if (peer && Math.abs(rel / peer.rel - 1) > 1e-3) throw new Error(`errors differ: ${rel} and torch's ${peer.rel}`);
      const what = `compare ${dtype}, ${numRanks === 1 ? 'one rank' : `${numRanks} shards`}, ${numWorkers} worker${numWorkers > 1 ? 's' : ''}`;
      for (const [unit, own, other] of [
        ['GB per second', ms, peer?.ms],
        ['GB per CPU second', cpuMs, peer?.cpuMs],
      ] as const)
        rows.push({
          name: what,
          ours: gigabytes / (own / 1000),
          peer: gigabytes / ((other ?? NaN) / 1000),
          unit,
          ratio: (other ?? NaN) / own,
          note: `peer: torch ${peer?.torch ?? 'absent'}, 2 threads`,
        });
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function infoOf(dtype: 'BF16' | 'F32', numRanks: number): RunInfo {
  return {
    format: 'tenfold-trace/1',
    role: numRanks === 1 ? 'reference' : 'candidate',
    world: numRanks,
    mesh: { axes: [{ name: 'tp', size: numRanks }] },
    precision: dtype === 'BF16' ? 'bfloat16' : 'float32',
    lossFactor: 1,
    level: 'full',
  };
}

function capturesOf(dtype: 'BF16' | 'F32', numRanks: number, noise: number): RankCapture[] {
  const wholes = Array.from({ length: NUM_TENSORS }, (_, t) => {
    const values = generateWhole(`bench/${t}`, 1, SHAPE, { sigma: 1 });
    const stream = streamFromId(`noise/${t}`, 1);
    if (noise > 0) for (let i = 0; i < values.length; i++) values[i] *= 1 + noise * normalAt(stream, i);
    return dtype === 'BF16' ? roundToBfloat16(values) : values;
  });
  const rows = SHAPE[0] / numRanks;
  return Array.from({ length: numRanks }, (_, rank) => ({
    rank,
    entries: wholes.map((values, t): CapturedTensor => {
      const { boxes, local } = lowerPlacements(SHAPE, [
        { axis: 'tp', index: rank, size: numRanks, placement: { kind: 'S', dim: 0 } },
      ]);
      const id = `it0/mb0/out/decoder.layers.${t}.mlp`;
      const data = values.subarray(rank * rows * SHAPE[1], (rank + 1) * rows * SHAPE[1]);
      return { id, file: '', key: id, dtype, local, global: SHAPE, boxes, seq: t, data };
    }),
  }));
}

function runPeer(python: string, reference: string, candidate: string) {
  const script = fileURLToPath(new URL('./compare_torch.py', import.meta.url));
  const { stdout, stderr } = spawnSync(python, [script, reference, candidate, String(REPEATS)], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as { ms: number; cpuMs: number; rel: number; torch: string };
}

function generatorRow(python: string | undefined): BenchRow {
  const count = 1 << 24;
  let ms = Infinity;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const started = performance.now();
    generateWhole('bench', repeat, [count], { sigma: 1 });
    ms = Math.min(ms, performance.now() - started);
  }
  const collector = fileURLToPath(new URL('../collector', import.meta.url));
  const source = `
import sys, time
sys.path.insert(0, ${JSON.stringify(collector)})
import torch, tenfold_trace as t
torch.set_num_threads(2)
best = 1e9
for i in range(${REPEATS}):
    s = time.perf_counter()
    t.generate("bench", i, [${count}], [{"g": [0], "n": [${count}], "l": [0]}], [${count}])
    best = min(best, time.perf_counter() - s)
print(best * 1000)`;
  const peerMs = python === undefined ? NaN : Number(spawnSync(python, ['-c', source], { encoding: 'utf8' }).stdout);
  const perSec = (each: number): number => count / each / 1000;
  return {
    name: 'generator, the same bits',
    ours: perSec(ms),
    peer: perSec(peerMs),
    unit: 'M values/s',
    ratio: peerMs / ms,
    note: 'peer: the collector in torch on 2 threads',
  };
}

/** 100,000 tensors in sketch form: reading is not counted, merging, comparing and judging are. */
function manyTensorsRow(): BenchRow {
  const buckets = 256;
  const [numTensors, numDistinct] = [100_000, 64];
  const global = [16, 16];
  const boxes = [{ g: [0, 0], n: global, l: [0, 0] }];
  const sketches = Array.from({ length: numDistinct }, (_, i) =>
    Float32Array.from(
      sketchLocal(
        'it0/mb0/out/x',
        { boxes, global, local: global },
        generateWhole(`s${i}`, 1, global, { sigma: 1 }),
        buckets,
      ),
    ),
  );
  const info: RunInfo = { ...infoOf('F32', 1), level: 'sketch', sketchBuckets: buckets };
  const run = () =>
    memoryRun('many', info, [
      {
        rank: 0,
        entries: Array.from({ length: numTensors }, (_, i) => ({
          id: `it0/mb0/out/decoder.layers.${i}.mlp`,
          file: '',
          key: '',
          dtype: '',
          local: global,
          global,
          boxes,
          seq: i,
          norm2: 256,
          data: sketches[i % numDistinct],
        })),
      },
    ]);
  const [reference, candidate] = [run(), run()];
  const started = performance.now();
  const result = checkTrace({ reference, candidate });
  const ms = performance.now() - started;
  if (result.counts.PASS !== numTensors) throw new Error(`${result.counts.PASS} of ${numTensors} pass: ${result.text}`);
  return {
    name: 'report of 100,000 tensors in sketch form',
    ours: ms / 1000,
    peer: 10,
    unit: 's',
    ratio: 10_000 / ms,
    note: 'peer column: the limit of the specification',
  };
}
