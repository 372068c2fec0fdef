/** The proximal operator beside the official formula in PyTorch (same sizes, one thread each), and masking a folder beside a copy. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRng, median } from '@tenfold/core/base';
import { createSafetensorsWriter, withSink } from '@tenfold/core/data';
import type { BenchRow } from '@tenfold/core/report';
import { findDataFolder } from '@tenfold/core/system';
import { maskFolder, openModel, proxInPlace } from '../src/index.ts';
import { openProxRun } from '../src/methods/prox-run.ts';

const SIZE = 1024;
const REPEATS = 5;
const STEPS = 40;
const ROW_LENGTH = 192;

/** The official form over the whole matrix: 100 sweeps for three and for four entries, best of three candidates. */
const TORCH = `
import sys, time, torch
torch.set_num_threads(1)
n, lam, scale, repeats = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(0)
y = torch.randn(n * n // 4, 4) * scale
def alm(z, k):
    w = torch.zeros_like(z)
    for _ in range(100):
        old = w.clone()
        for i in range(k - 1, -1, -1):
            a, b, c = (w[:, j] for j in range(4) if j != i)
            w[:, i] = torch.clamp(z[:, i] - lam * (a * b + a * c + b * c), min=0)
        if (w - old).abs().sum() < 1e-8: break
    return w
def f(w, z):
    a, b, c, d = w.T
    return ((w - z) ** 2).sum(1) / 2 + lam * (a * b * (c + d) + c * d * (a + b))
def prox(y):
    z, order = y.abs().sort(dim=1, descending=True)
    two = z.clone(); two[:, 2:] = 0
    best, value = two, f(two, z)
    for k in (3, 4):
        zk = z.clone(); zk[:, k:] = 0
        w = alm(zk, k); v = f(w, z); better = v < value
        best = torch.where(better[:, None], w, best); value = torch.where(better, v, value)
    return y.sign() * torch.zeros_like(y).scatter_(1, order, best)
times = []
for _ in range(repeats):
    t = time.perf_counter(); prox(y); times.append(time.perf_counter() - t)
print(sorted(times)[len(times) // 2] * 1000)
`;

/** λ of released masks run from 0.2 to 25; weights of large models have a root mean square near 0.02. */
const PROX_CASES = [
  { lambda: 0.25, scale: 0.02 },
  { lambda: 2, scale: 0.02 },
  { lambda: 20, scale: 0.02 },
  { lambda: 1, scale: 1 },
];

export async function bench(): Promise<BenchRow[]> {
  return [...PROX_CASES.map(proxRow), ...(await stepRow()), await folderRow()];
}

function proxRow({ lambda, scale }: { lambda: number; scale: number }): BenchRow {
  const rng = createRng(0, 'prox');
  const source = Float32Array.from({ length: SIZE * SIZE }, () => rng.normal() * scale);
  const times: number[] = [];
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const w = source.slice();
    const start = performance.now();
    proxInPlace(w, lambda);
    if (repeat > 0) times.push(performance.now() - start);
  }
  const ours = median(times);
  const python = spawnSync('/usr/bin/python3', ['-c', TORCH, String(SIZE), String(lambda), String(scale), '3'], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  });
  const peer = python.status === 0 ? Number(python.stdout) : Number.NaN;
  return {
    name: `prox of ${SIZE} × ${SIZE}, weights of size ${scale}, λ ${lambda}`,
    ours,
    peer,
    unit: 'ms',
    ratio: peer / ours,
    note: 'peer: official formula in PyTorch, one thread each',
  };
}

/** Steps of ProxSparse on stories260K; the peer is an equal loop in PyTorch (torch_loop.py). */
async function stepRow(): Promise<BenchRow[]> {
  const folder = findDataFolder();
  const path = folder === undefined ? '' : join(folder, 'sparse24/stories260K.bin');
  if (!existsSync(path)) return [];
  const model = await openModel(path);
  const rng = createRng(0, 'rows');
  const rows = Array.from({ length: 16 }, () => Array.from({ length: ROW_LENGTH }, () => rng.integer(512)));
  await using run = await openProxRun(model, rows, {
    steps: STEPS,
    learningRate: 3e-3,
    lambda1: 0.1,
    lambda2: 0.1,
    epsilon: 0.1,
  });
  const times: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const start = performance.now();
    await run.advance(step);
    times.push(performance.now() - start);
  }
  const script = fileURLToPath(new URL('torch_loop.py', import.meta.url));
  const python = spawnSync('/usr/bin/python3', [script, path, String(STEPS), String(ROW_LENGTH)], { encoding: 'utf8' });
  const ours = median(times);
  const peer = python.status === 0 ? Number(python.stdout.split(' ')[0]) : Number.NaN;
  return [
    {
      name: `a ProxSparse step on stories260K, ${ROW_LENGTH} tokens`,
      ours,
      peer,
      unit: 'ms',
      ratio: peer / ours,
      note: `peer: the same loop in PyTorch, two threads each; median of ${STEPS}`,
    },
  ];
}

/** A generated folder of 2 GiB of bf16 matrices; the peer copies the file. */
async function folderRow(): Promise<BenchRow> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-sparse-bench-'));
  const model = join(folder, 'model');
  mkdirSync(model);
  const rng = createRng(0, 'folder');
  const data = Uint16Array.from({ length: 4096 * 4096 }, () => rng.integer(0x7f00));
  const names = Array.from({ length: 64 }, (_, i) => `model.layers.${i}.mlp.up_proj.weight`);
  const announcements = names.map((name) => ({ name, dtype: 'bfloat16' as const, shape: [4096, 4096] }));
  await withSink(join(model, 'model.safetensors'), {}, async (sink) => {
    const writer = await createSafetensorsWriter(sink, announcements);
    for (const name of names) await writer.write(name, 'bfloat16', data);
    await writer.finish();
  });
  writeFileSync(join(model, 'config.json'), '{}');
  const times: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
  const copy = join(folder, 'copy');
  const masked = join(folder, 'masked');
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    // Neither target exists at its start, so that both find the same free memory.
    let start = performance.now();
    copyFileSync(join(model, 'model.safetensors'), copy);
    times.peer.push(performance.now() - start);
    rmSync(copy);
    start = performance.now();
    await maskFolder(model, masked);
    times.ours.push(performance.now() - start);
    rmSync(masked, { recursive: true });
  }
  const rss = process.resourceUsage().maxRSS / 1024;
  rmSync(folder, { recursive: true });
  const [ours, peer] = [median(times.ours), median(times.peer)];
  return {
    name: 'mask a folder of 2 GiB bf16',
    ours,
    peer,
    unit: 'ms',
    ratio: peer / ours,
    note: `peer: copying the file; largest memory of the process ${Math.round(rss)} MiB`,
  };
}
