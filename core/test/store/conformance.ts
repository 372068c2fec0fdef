/** Conformance suite of the store contract: an implementation passes a function that opens an empty store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewRun, RunStore } from '../../src/store/index.ts';

export interface StoreFixture {
  readonly store: RunStore;
  /** Moves the store's clock. */
  advanceMs(ms: number): void;
  /** Opens the same data once more, as another process would. */
  reopen(): RunStore | Promise<RunStore>;
}

const NEW_RUN: NewRun = { system: 'toy', verb: 'add', params: { n: 3, sets: '1,2' }, seed: 7 };

const FAR_TOO_OLD_MS = 60_000;

export function testStoreConformance(
  name: string,
  open: () => StoreFixture | Promise<StoreFixture>,
  { skip = () => false }: { readonly skip?: () => string | false } = {},
): void {
  const check = (title: string, body: (fixture: StoreFixture) => Promise<void>): void => {
    test(`${name}: ${title}`, async (context) => {
      const reason = skip();
      if (reason !== false) return context.skip(reason);
      const fixture = await open();
      try {
        await body(fixture);
      } finally {
        await fixture.store.close();
      }
    });
  };

  check('a new run is queued and reads back as it was given', async ({ store }) => {
    const run = await store.createRun(NEW_RUN);
    assert.equal(run.status, 'queued');
    assert.deepEqual(await store.getRun(run.id), run);
    assert.deepEqual([run.system, run.verb, run.params, run.seed], ['toy', 'add', { n: 3, sets: '1,2' }, 7]);
    assert.equal(await store.getRun('nobody'), undefined);
  });

  check('runs are claimed oldest first, each by one worker only', async ({ store, advanceMs, reopen }) => {
    const first = await store.createRun(NEW_RUN);
    advanceMs(1);
    const second = await store.createRun(NEW_RUN);
    const other = await reopen();
    try {
      const claims = await Promise.all([store.claimRun('a'), other.claimRun('b'), store.claimRun('c')]);
      const claimed = claims.filter((run) => run !== undefined);
      assert.deepEqual(claimed.map((run) => run.id).toSorted(), [first.id, second.id].toSorted());
      assert.ok(claimed.every((run) => run.status === 'running'));
      const third = await store.createRun(NEW_RUN);
      advanceMs(1);
      const fourth = await store.createRun(NEW_RUN);
      assert.deepEqual([(await other.claimRun('d'))!.id, (await store.claimRun('e'))!.id], [third.id, fourth.id]);
    } finally {
      await other.close();
    }
  });

  check('a run is started once', async ({ store }) => {
    const run = await store.createRun(NEW_RUN);
    await store.startRun(run.id, 'a');
    await assert.rejects(store.startRun(run.id, 'b'), { code: 'TF-STORE-005' });
    await assert.rejects(store.startRun('nobody', 'b'), { code: 'TF-STORE-004' });
  });

  check('a finished run keeps its outcome and cannot be finished again', async ({ store, advanceMs }) => {
    const run = await store.createRun(NEW_RUN);
    await store.startRun(run.id, 'a');
    advanceMs(250);
    const outcome = {
      status: 'problems' as const,
      result: { max: '13' },
      report: { title: 'T', verdict: { tone: 'bad', text: 'V' }, blocks: [] },
      diagnostics: [{ severity: 'warning' as const, code: 'TF-TOY-001', subject: 's', expected: 'e' }],
    };
    await store.finishRun(run.id, outcome);
    const kept = await store.getRun(run.id);
    assert.deepEqual(
      { status: kept!.status, result: kept!.result, report: kept!.report, diagnostics: kept!.diagnostics },
      outcome,
    );
    assert.equal(kept!.endedAtMs! - kept!.startedAtMs!, 250);
    await assert.rejects(store.finishRun(run.id, { status: 'done' }), { code: 'TF-STORE-005' });
  });

  check(
    'an interrupted run is taken up by another worker; the first can no longer end it',
    async ({ store, advanceMs }) => {
      const run = await store.createRun(NEW_RUN);
      await store.startRun(run.id, 'lost');
      advanceMs(FAR_TOO_OLD_MS);
      await store.markInterrupted({ staleAfterMs: 1000 });
      await store.startRun(run.id, 'next');
      const taken = (await store.getRun(run.id))!;
      assert.deepEqual([taken.status, taken.endedAtMs], ['running', undefined]);
      await assert.rejects(store.heartbeat(run.id, 'lost'), { code: 'TF-STORE-005' });
      await assert.rejects(store.finishRun(run.id, { status: 'done', result: 1 }, 'lost'), { code: 'TF-STORE-005' });
      await store.finishRun(run.id, { status: 'done', result: 2 }, 'next');
      assert.equal((await store.getRun(run.id))!.result, 2);
    },
  );

  check('a queued run can be cancelled before it starts', async ({ store }) => {
    const run = await store.createRun(NEW_RUN);
    await store.finishRun(run.id, { status: 'cancelled' });
    assert.equal(await store.claimRun('a'), undefined);
  });

  check('the list is newest first and obeys every filter', async ({ store, advanceMs }) => {
    const ids: string[] = [];
    for (const system of ['toy', 'toy', 'other']) {
      ids.push((await store.createRun({ ...NEW_RUN, system })).id);
      advanceMs(10);
    }
    await store.finishRun(ids[1]!, { status: 'failed' });
    const idsOf = async (query: Parameters<RunStore['listRuns']>[0]): Promise<string[]> =>
      (await store.listRuns(query)).map((run) => run.id);
    assert.deepEqual(await idsOf({}), [ids[2], ids[1], ids[0]]);
    assert.deepEqual(await idsOf({ system: 'toy' }), [ids[1], ids[0]]);
    assert.deepEqual(await idsOf({ status: 'failed' }), [ids[1]]);
    assert.deepEqual(await idsOf({ text: 'OTHER' }), [ids[2]]);
    assert.deepEqual(await idsOf({ limit: 1 }), [ids[2]]);
    assert.deepEqual(await idsOf({ verb: 'none' }), []);
    const newest = (await store.getRun(ids[2]!))!;
    assert.deepEqual(await idsOf({ beforeMs: newest.createdAtMs }), [ids[1], ids[0]]);
  });

  check('the latest progress is kept', async ({ store }) => {
    const run = await store.createRun(NEW_RUN);
    await store.reportProgress(run.id, { phase: 'one', done: 1, total: 9 });
    await store.reportProgress(run.id, { phase: 'two', done: 2, total: 9 });
    assert.deepEqual((await store.getRun(run.id))!.progress, { phase: 'two', done: 2, total: 9 });
    await assert.rejects(store.reportProgress('nobody', { phase: 'x' }), { code: 'TF-STORE-004' });
  });

  check('metrics read back in order of name and step, non-finite values included', async ({ store }) => {
    const run = await store.createRun(NEW_RUN);
    const point = (
      metric: string,
      step: number,
      value: number,
    ): { name: string; step: number; value: number; atMs: number } => ({
      name: metric,
      step,
      value,
      atMs: 5,
    });
    await store.appendMetrics(run.id, [point('loss', 1, 0.25), point('loss', 0, NaN), point('acc', 0, Infinity)]);
    await store.appendMetrics(run.id, [point('loss', 2, 0.125)]);
    assert.deepEqual(await store.readMetrics(run.id), [
      point('acc', 0, Infinity),
      point('loss', 0, NaN),
      point('loss', 1, 0.25),
      point('loss', 2, 0.125),
    ]);
    assert.equal((await store.readMetrics(run.id, 'acc')).length, 1);
    await assert.rejects(store.appendMetrics('nobody', [point('x', 0, 0)]), { code: 'TF-STORE-004' });
  });

  check('a run whose heartbeat stops is marked interrupted, one that beats is not', async ({ store, advanceMs }) => {
    const dead = await store.createRun(NEW_RUN);
    const alive = await store.createRun(NEW_RUN);
    await store.startRun(dead.id, 'dead');
    await store.startRun(alive.id, 'alive');
    advanceMs(FAR_TOO_OLD_MS);
    await store.heartbeat(alive.id, 'alive');
    await assert.rejects(store.heartbeat(alive.id, 'dead'), { code: 'TF-STORE-005' });
    assert.deepEqual(await store.markInterrupted({ staleAfterMs: 1000 }), [dead.id]);
    assert.equal((await store.getRun(dead.id))!.status, 'interrupted');
    assert.equal((await store.getRun(alive.id))!.status, 'running');
    assert.deepEqual(await store.markInterrupted({ staleAfterMs: 1000 }), []);
  });

  check('a worker that was silent for too long takes its run back and can finish it', async ({ store, advanceMs }) => {
    const run = await store.createRun(NEW_RUN);
    await store.startRun(run.id, 'slow');
    advanceMs(FAR_TOO_OLD_MS);
    assert.deepEqual(await store.markInterrupted({ staleAfterMs: 1000 }), [run.id]);
    await store.heartbeat(run.id, 'slow');
    const revived = (await store.getRun(run.id))!;
    assert.deepEqual([revived.status, revived.endedAtMs], ['running', undefined]);
    await store.finishRun(run.id, { status: 'done' });
    await assert.rejects(store.heartbeat(run.id, 'slow'), { code: 'TF-STORE-005' });
  });

  check('artifacts read back, are replaced by name, and vanish with their run', async ({ store, reopen }) => {
    const run = await store.createRun(NEW_RUN);
    const artifact = (text: string): { name: string; mediaType: string; bytes: Uint8Array } => ({
      name: 'figures/a.txt',
      mediaType: 'text/plain',
      bytes: new TextEncoder().encode(text),
    });
    await store.putArtifact(run.id, artifact('first'));
    const record = await store.putArtifact(run.id, artifact('second!'));
    assert.equal(record.byteLength, 7);
    const other = await reopen();
    assert.equal(new TextDecoder().decode(await other.readArtifact(run.id, 'figures/a.txt')), 'second!');
    assert.deepEqual(await other.listArtifacts(run.id), [record]);
    await other.close();
    assert.equal(await store.readArtifact(run.id, 'none.txt'), undefined);
    await store.appendMetrics(run.id, [{ name: 'x', step: 0, value: 1, atMs: 0 }]);
    await store.deleteRun(run.id);
    assert.equal(await store.getRun(run.id), undefined);
    assert.deepEqual(await store.listArtifacts(run.id), []);
    assert.deepEqual(await store.readMetrics(run.id), []);
    await assert.rejects(store.deleteRun(run.id), { code: 'TF-STORE-004' });
  });

  for (const bad of ['../escape', '/etc/passwd', 'a/../../b', '', 'a//b', '.hidden', 'a\\b']) {
    check(`an artifact named ${JSON.stringify(bad)} is refused`, async ({ store }) => {
      const run = await store.createRun(NEW_RUN);
      const artifact = { name: bad, mediaType: 'text/plain', bytes: new Uint8Array(1) };
      await assert.rejects(store.putArtifact(run.id, artifact), { code: 'TF-STORE-006' });
    });
  }
}
