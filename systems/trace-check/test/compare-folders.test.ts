/** Comparing traces on disk in several threads. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { CompareReply, CompareTask } from '../src/check/compare-folders.ts';
import { compareFolders, generateWhole, writeTrace } from '../src/index.ts';
import { capturesOf, infoOf, type HeldTensor } from './made-traces.ts';

const NUM_TENSORS = 600;
let root: string;

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'trace-check-threads-'));
  for (const [name, seed] of [
    ['reference', 0],
    ['candidate', 1],
  ] as const)
    await writeTrace(join(root, name), infoOf({}), capturesOf(held(seed), 1));
});
after(() => rmSync(root, { recursive: true, force: true }));

function held(seed: number): HeldTensor[] {
  return Array.from({ length: NUM_TENSORS }, (_, i) => {
    const global = [16, 4 + (i % 64)];
    const id = `it0/mb0/out/decoder.layers.${i}.mlp`;
    return { rank: 0, id, global, data: generateWhole(`${id}/${i % 7 === 0 ? seed : 0}`, 1, global, { sigma: 1 }) };
  });
}

const compare = (numWorkers: number, onProgress?: (done: number, total: number) => void) =>
  compareFolders(join(root, 'reference'), join(root, 'candidate'), { numWorkers, leastElementsEach: 1, onProgress });

test('one, two and three threads find the same, in the same order', async () => {
  const alone = await compare(1);
  assert.equal(alone.size, NUM_TENSORS);
  assert.equal([...alone.values()].filter(({ isBitwise }) => !isBitwise).length, Math.ceil(NUM_TENSORS / 7));
  for (const numWorkers of [2, 3]) assert.deepEqual([...(await compare(numWorkers))], [...alone]);
});

test('a helper takes what nobody has taken, and compares as the main thread does', async () => {
  const alone = await compare(1);
  const ids = [...alone.keys()];
  const task: CompareTask = {
    reference: join(root, 'reference'),
    candidate: join(root, 'candidate'),
    ids,
    counters: new SharedArrayBuffer(8),
    helper: 1,
  };
  const numTaken = 100;
  Atomics.store(new Int32Array(task.counters), 0, numTaken);
  const worker = new Worker(new URL('../src/check/compare-worker.ts', import.meta.url), { workerData: task });
  const reply = await new Promise<CompareReply>((resolve, reject) => {
    worker.on('message', (message: CompareReply) => 'numDone' in message || resolve(message));
    worker.once('error', reject);
  });
  await worker.terminate();
  assert.ok('comparisons' in reply);
  assert.deepEqual(
    reply.comparisons,
    ids.slice(numTaken).map((id) => alone.get(id)),
  );
  assert.equal(Atomics.load(new Int32Array(task.counters), 1), 1);
});

test('progress adds up over threads and never passes the total', async () => {
  const seen: number[] = [];
  await compare(2, (done, total) => {
    assert.ok(done <= total);
    seen.push(done);
  });
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
});

test('a cancelled comparison ends with the cancel error and leaves no thread behind', async () => {
  const stop = new AbortController();
  const running = compareFolders(join(root, 'reference'), join(root, 'candidate'), {
    numWorkers: 2,
    leastElementsEach: 1,
    signal: stop.signal,
  });
  stop.abort();
  await assert.rejects(running, { code: 'TF-BASE-001' });
});

test('bytes that are gone while threads read end the comparison with an error', async () => {
  const broken = join(root, 'broken');
  await writeTrace(broken, infoOf({}), capturesOf(held(2), 1));
  truncateSync(join(broken, 'rank00000.it0000.safetensors'), 100_000);
  await assert.rejects(
    compareFolders(join(root, 'reference'), broken, { numWorkers: 2, leastElementsEach: 1 }),
    /TF-DATA/,
  );
});
