/** Metrics into the store against JSON lines appended to a file, the same points in the same batches. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../src/base/index.ts';
import { openSqliteStore, type MetricPoint } from '../src/store/index.ts';

const NUM_BATCHES = 100;
const BATCH_SIZE = 500;
const NUM_ROUNDS = 5;

export async function bench(): Promise<
  { name: string; ours: number; peer: number; unit: string; ratio: number; note: string }[]
> {
  const ours: number[] = [];
  const peer: number[] = [];
  for (let round = 0; round < NUM_ROUNDS; round++) {
    ours.push(await rateOfStore());
    peer.push(rateOfFile());
  }
  const [oursRate, peerRate] = [median(ours), median(peer)];
  return [
    {
      name: 'metrics written',
      ours: oursRate,
      peer: peerRate,
      unit: 'points/s',
      ratio: oursRate / peerRate,
      note: `batches of ${BATCH_SIZE}; peer appends JSON lines without any guarantee after a crash`,
    },
  ];
}

function batchOf(index: number): MetricPoint[] {
  return Array.from({ length: BATCH_SIZE }, (_, i) => {
    const step = index * BATCH_SIZE + i;
    return { name: 'loss', step, value: 1 / (step + 1), atMs: step };
  });
}

async function rateOfStore(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-bench-'));
  const store = openSqliteStore({ folder, clock: { nowMs: () => performance.now() } });
  const run = await store.createRun({ system: 'bench', verb: 'metrics', params: {}, seed: 0 });
  const start = performance.now();
  for (let index = 0; index < NUM_BATCHES; index++) await store.appendMetrics(run.id, batchOf(index));
  const elapsedMs = performance.now() - start;
  const numRead = (await store.readMetrics(run.id)).length;
  store.close();
  rmSync(folder, { recursive: true });
  if (numRead !== NUM_BATCHES * BATCH_SIZE) throw new Error(`bench: ${numRead} points came back`);
  return (numRead / elapsedMs) * 1000;
}

function rateOfFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-bench-'));
  const path = join(folder, 'metrics.jsonl');
  const start = performance.now();
  for (let index = 0; index < NUM_BATCHES; index++) {
    appendFileSync(
      path,
      `${batchOf(index)
        .map((point) => JSON.stringify(point))
        .join('\n')}\n`,
    );
  }
  const elapsedMs = performance.now() - start;
  rmSync(folder, { recursive: true });
  return ((NUM_BATCHES * BATCH_SIZE) / elapsedMs) * 1000;
}
