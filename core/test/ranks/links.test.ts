import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createMesh, openRankPool, type Links } from '../../src/ranks/index.ts';
import { transferTime } from '../../src/ranks/links.ts';

const pool = openRankPool();
after(() => pool.close());
const module = new URL('./programs.ts', import.meta.url);
const two = createMesh({ tp: 2 });
/** 1 MiB takes 20 ms. */
const slow: Links = { intra: { latencyMs: 5, bytesPerSec: 2 ** 20 / 0.02 } };

test('a transfer ends no earlier than its link allows, and computation runs meanwhile', async () => {
  // Ring all-reduce of 1 MiB on 2 ranks: 2·(5 + 10) = 30 ms.
  const alone = await pool.launch<number[]>({ mesh: two, module, entry: 'overlapCompute', params: 0, links: slow });
  for (const [computeMs, waitMs] of alone.results) assert.ok(computeMs! + waitMs! >= 30);
  const hidden = await pool.launch<number[]>({ mesh: two, module, entry: 'overlapCompute', params: 25, links: slow });
  for (const [computeMs, waitMs, rounds] of hidden.results) {
    assert.ok(computeMs! >= 25 && rounds! > 0);
    assert.ok(computeMs! + waitMs! >= 30);
  }
});

test('messages on one link follow one another', async () => {
  const { results } = await pool.launch<number[]>({ mesh: two, module, entry: 'twoMessages', links: slow });
  const [first, second] = results[1]!;
  assert.ok(first! >= 25, `first after ${first}`); // 5 + 20
  assert.ok(second! >= 45, `second after ${second}`); // the link is free after 20, then 5 + 20
});

test('no rank depends on another rank waiting: a late waiter holds nobody up', async () => {
  const { results } = await pool.launch<number>({ mesh: two, module, entry: 'lateWaiter', timeoutMs: 10_000 });
  assert.deepEqual(results, [3, 3]);
});

test('waits that do not block the thread give the same results', async () => {
  const mesh = createMesh({ tp: 3 });
  const { results } = await pool.launch<number>({ mesh, module, entry: 'asyncWait', timeoutMs: 10_000, links: slow });
  assert.deepEqual(results, [33, 33, 33]);
});

test('spans, messages and CPU time come back by rank', async () => {
  const mesh = createMesh({ dp: 2 });
  const messages: unknown[] = [];
  const { results, spans, cpuMs } = await pool.launch<string>({
    mesh,
    module,
    entry: 'postAndSpan',
    links: slow,
    onMessage: (rank, value) => messages.push([rank, value]),
  });
  assert.deepEqual(results, ['0', '1']);
  assert.deepEqual(messages.sort(), [
    [0, { hello: 0 }],
    [1, { hello: 1 }],
  ]);
  const ofRank = (rank: number) =>
    spans.filter(({ lane }) => lane.startsWith(`rank ${rank}`)).map(({ name, category }) => `${name}: ${category}`);
  assert.deepEqual(ofRank(0), ['work: compute', 'sum: communication', 'wait sum: wait']);
  const link = spans.find(({ lane }) => lane === 'rank 1 link')!;
  assert.ok(link.endMs - link.startMs >= 10);
  assert.equal(cpuMs.length, 2);
  assert.ok(cpuMs.every((ms) => ms >= 0));
});

test('collective times by hand: 4 ranks over two nodes take the slow link', () => {
  const links: Links = {
    intra: { latencyMs: 0, bytesPerSec: 1e9 },
    inter: { latencyMs: 1, bytesPerSec: 1e8 },
    ranksPerNode: 2,
  };
  const finish = (ranks: number[], pattern: Parameters<typeof transferTime>[2]) =>
    transferTime(links, ranks, pattern).finishAfterMs;
  assert.equal(finish([0, 1], { kind: 'ring-all-reduce', bytes: 1e6 }), 1);
  assert.equal(finish([0, 1, 2, 3], { kind: 'ring-all-reduce', bytes: 1e6 }), 2 * 3 * (1 + 2.5));
  assert.equal(finish([0, 2], { kind: 'tree-all-reduce', bytes: 1e6 }), 2 * 11);
  assert.equal(finish([0, 2], { kind: 'all-to-all', bytes: 1e6 }), 11);
  assert.deepEqual(transferTime(links, [0, 2], { kind: 'point-to-point', bytes: 1e6 }), {
    finishAfterMs: 11,
    linkBusyMs: 10,
  });
  assert.equal(finish([3], { kind: 'ring-all-reduce', bytes: 1e6 }), 0);
});
