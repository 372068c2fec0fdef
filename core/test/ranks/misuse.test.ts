import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { countOpen } from '../../src/base/index.ts';
import { createMesh, launchRanks, openRankPool } from '../../src/ranks/index.ts';

const pool = openRankPool();
after(() => pool.close());
const module = new URL('./programs.ts', import.meta.url);
const two = createMesh({ tp: 2 });
const launch = <T = unknown>(entry: string, mesh = two, more: object = {}) =>
  pool.launch<T>({ mesh, module, entry, timeoutMs: 20_000, ...more });

test('the example of the README averages over the data-parallel groups', async () => {
  const links = { intra: { latencyMs: 0.1, bytesPerSec: 1e9 } };
  const { results } = await launch('average', createMesh({ tp: 2, dp: 2 }), { links });
  assert.deepEqual(results, [1, 2, 1, 2]);
});

test('data is taken at issue: changing the input before wait does not change the result', async () => {
  const { results } = await launch('changeInputAfterIssue');
  assert.deepEqual(results, [
    [3, 20],
    [3, 20],
  ]);
});

test('an in-place result read before wait shows the unreduced values', async () => {
  const { results } = await launch<number[][]>('readBeforeWait');
  assert.deepEqual(results[0], [
    [1, 5],
    [3, 10],
  ]);
  assert.deepEqual(results[1]![0], [2, 5]);
});

test('a write into the target before wait is lost', async () => {
  const { results } = await launch('writeBeforeWait');
  assert.deepEqual(results[0], [3, 10]);
});

test('a handle that nobody waited for is an error that names the call', async () => {
  await assert.rejects(launch('forgetToWait'), {
    code: 'TF-RANKS-004',
    message: 'launchRanks: every handle to be waited for or abandoned, got 1 open: gradients (rank 0). TF-RANKS-004',
  });
});

test('abandoned handles free their slots and memory', async () => {
  assert.deepEqual((await launch('abandonIt')).results, [1, 1]);
});

test('different calls at one place are named on both ranks', async () => {
  await assert.rejects(launch('mismatchedCalls'), {
    code: 'TF-RANKS-002',
    message:
      'allReduce: call 0 of ranks 0, 1 to be the same everywhere, got allReduce(float32, 2 elements, sum, ring) on rank 0 and allGather(float32, 2 elements, axis 0) on rank 1. TF-RANKS-002',
  });
});

test('different sizes are named', async () => {
  await assert.rejects(
    launch('mismatchedSizes'),
    /allReduce\(float32, 2 elements, sum, ring\) on rank 0 and allReduce\(float32, 1 elements/,
  );
});

test('receive splits that are not what the others send are refused', async () => {
  await assert.rejects(launch('wrongReceiveSplits'), {
    message: 'allToAll: receiveSplits of rank 1 to be what the others send, [1, 1], got [2, 0]. TF-RANKS-002',
  });
});

test('two ranks that both receive first are a deadlock that names them', async () => {
  await assert.rejects(launch('receiveFirst'), {
    code: 'TF-RANKS-003',
    message:
      'launchRanks: every rank to make the calls that others wait for, got a deadlock: rank 0 waits in recv for rank 1; rank 1 waits in recv for rank 0. TF-RANKS-003',
  });
});

test('a deadlock of two ranks is found while a third one works on', async () => {
  await assert.rejects(launch('partialDeadlock', createMesh({ tp: 3 })), {
    code: 'TF-RANKS-003',
    actual: 'a deadlock: rank 0 waits in recv for rank 1; rank 1 waits in recv for rank 0',
  });
});

test('waiting for a rank that has returned is a deadlock that names the group', async () => {
  await assert.rejects(launch('returnEarly', createMesh({ tp: 2, dp: 2 })), {
    code: 'TF-RANKS-003',
    actual: 'a deadlock: rank 0 waits in allReduce ("tp", ranks 0, 1, call 0) for rank 1, which has returned',
  });
});

test('a rank that throws ends the launch with its name and cause', async () => {
  await assert.rejects(launch('throwOnOne', createMesh({ tp: 4 })), (error: Error & { code: string }) => {
    assert.equal(error.code, 'TF-RANKS-005');
    assert.match(error.message, /got RangeError "out of luck" \(rank 1\)/);
    assert.equal((error.cause as Error).name, 'RangeError');
    return true;
  });
});

test('a rank that is killed ends the launch with its name', async () => {
  await assert.rejects(launch('killOne', createMesh({ tp: 4 })), {
    code: 'TF-RANKS-005',
    message:
      'launchRanks: every rank to return, got Error "its thread ended with exit code 7 before it returned" (rank 2). TF-RANKS-005',
  });
});

test('the time limit says what every rank was doing', async () => {
  await assert.rejects(launch('spinForever', two, { timeoutMs: 300 }), {
    code: 'TF-RANKS-008',
    message:
      /^launchRanks: an end within 300 ms, got rank 0 is (computing|starting); rank 1 is (computing|starting)\. TF-RANKS-008$/,
  });
});

test('a cancel request ends the launch', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  await assert.rejects(launch('spinForever', two, { signal: controller.signal }), { code: 'TF-BASE-001' });
});

test('a message larger than the heap is refused with the remedy', async () => {
  await assert.rejects(launch('hugeMessage', two, { heapBytes: 1 << 20 }), {
    code: 'TF-RANKS-006',
    message: 'allocate: a message of at most 1 MiB, got 4 MiB (rank 0). Raise heapBytes of launchRanks. TF-RANKS-006',
  });
});

test('five hundred calls of one group may be under way at once', async () => {
  const { results } = await launch<number>('manyInFlight', two, { params: 500 });
  assert.deepEqual(results, [124750, 124750]);
});

test('a heap full of calls that the rank itself has not waited for is an error at once', async () => {
  await assert.rejects(launch('fillTheHeap', two, { heapBytes: 1 << 20 }), {
    code: 'TF-RANKS-006',
    message:
      'issue: room for 256 KiB in the 1 MiB of rank 0, got 3 calls under way that rank 0 has not waited for. Wait earlier, or raise heapBytes of launchRanks. TF-RANKS-006',
  });
});

test('a tensor of more axes than a message can carry is refused', async () => {
  await assert.rejects(launch('nineAxes'), {
    message: 'issue: a tensor of at most 8 axes, got [1, 1, 1, 1, 1, 1, 1, 1, 1]. TF-RANKS-007',
  });
});

test('an unknown entry is refused', async () => {
  await assert.rejects(launch('nothing'), /the module to export a function "nothing", got undefined/);
});

test('one-shot launches leave no worker behind', async () => {
  const before = countOpen('RankPool');
  await launchRanks({ mesh: two, module, entry: 'abandonIt' });
  assert.equal(countOpen('RankPool'), before);
});
