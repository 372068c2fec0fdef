/** The proximal operator beside the official formula in NumPy (same blocks, one thread), and masking a folder beside a copy. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng } from '@tenfold/core/base';
import { createSafetensorsWriter, withSink } from '@tenfold/core/data';
import { maskFolder, proxInPlace } from '../src/index.ts';

interface BenchRow {
  readonly name: string;
  readonly ours: number;
  readonly peer: number;
  readonly unit: string;
  readonly ratio: number;
  readonly note?: string;
}

const SIZE = 1024;
const REPEATS = 5;

/** The official form over the whole matrix: 100 sweeps for three and for four entries, best of three candidates. */
const NUMPY = `
import sys, time, numpy as np
n, lam, repeats = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
y = rng.standard_normal((n * n // 4, 4)).astype(np.float32)
def alm(z, k):
    w = np.zeros_like(z)
    for _ in range(100):
        old = w.copy()
        for i in range(k - 1, -1, -1):
            a, b, c = (w[:, j] for j in range(4) if j != i)
            w[:, i] = np.maximum(0, z[:, i] - lam * (a * b + a * c + b * c))
        if np.abs(w - old).sum() < 1e-8: break
    return w
def f(w, z):
    a, b, c, d = w.T
    return ((w - z) ** 2).sum(1) / 2 + lam * (a * b * (c + d) + c * d * (a + b))
def prox(y):
    order = np.argsort(-np.abs(y), axis=1, kind='stable')
    z = np.take_along_axis(np.abs(y), order, 1)
    two = z.copy(); two[:, 2:] = 0
    best, value = two, f(two, z)
    for k in (3, 4):
        zk = z.copy(); zk[:, k:] = 0
        w = alm(zk, k); v = f(w, z); better = v < value
        best = np.where(better[:, None], w, best); value = np.where(better, v, value)
    out = np.zeros_like(y); np.put_along_axis(out, order, best, 1)
    return np.sign(y) * out
times = []
for _ in range(repeats):
    t = time.perf_counter(); prox(y); times.append(time.perf_counter() - t)
print(sorted(times)[len(times) // 2] * 1000)
`;

export async function bench(): Promise<BenchRow[]> {
  return [...[0.25, 2, 20].map(proxRow), await folderRow()];
}

function proxRow(lambda: number): BenchRow {
  const rng = createRng(0, 'prox');
  const source = Float32Array.from({ length: SIZE * SIZE }, () => rng.normal());
  const times: number[] = [];
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const w = source.slice();
    const start = performance.now();
    proxInPlace(w, lambda);
    if (repeat > 0) times.push(performance.now() - start);
  }
  const ours = median(times);
  const python = spawnSync('/usr/bin/python3', ['-c', NUMPY, String(SIZE), String(lambda), '3'], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  });
  const peer = python.status === 0 ? Number(python.stdout) : Number.NaN;
  return {
    name: `prox of ${SIZE} × ${SIZE}, λ ${lambda}`,
    ours,
    peer,
    unit: 'ms',
    ratio: peer / ours,
    note: 'peer: official formula in NumPy, one thread',
  };
}

/** A generated folder of 512 MiB of bf16 matrices; the peer copies the file. */
async function folderRow(): Promise<BenchRow> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-sparse-bench-'));
  const model = join(folder, 'model');
  mkdirSync(model);
  const rng = createRng(0, 'folder');
  const data = Uint16Array.from({ length: 4096 * 4096 }, () => rng.integer(0x7f00));
  const names = Array.from({ length: 16 }, (_, i) => `model.layers.${i}.mlp.up_proj.weight`);
  const announcements = names.map((name) => ({ name, dtype: 'bfloat16' as const, shape: [4096, 4096] }));
  await withSink(join(model, 'model.safetensors'), {}, async (sink) => {
    const writer = await createSafetensorsWriter(sink, announcements);
    for (const name of names) await writer.write(name, 'bfloat16', data);
    await writer.finish();
  });
  writeFileSync(join(model, 'config.json'), '{}');
  const times: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
  for (let repeat = 0; repeat < 3; repeat++) {
    let start = performance.now();
    copyFileSync(join(model, 'model.safetensors'), join(folder, 'copy'));
    times.peer.push(performance.now() - start);
    start = performance.now();
    await maskFolder(model, join(folder, 'masked'), { force: true });
    times.ours.push(performance.now() - start);
  }
  const rss = process.resourceUsage().maxRSS / 1024;
  rmSync(folder, { recursive: true });
  const [ours, peer] = [median(times.ours), median(times.peer)];
  return {
    name: 'mask a folder of 512 MiB bf16',
    ours,
    peer,
    unit: 'ms',
    ratio: peer / ours,
    note: `peer: copying the file; largest memory of the process ${Math.round(rss)} MiB`,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
