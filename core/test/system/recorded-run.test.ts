import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { throwIfCancelled, yieldToEventLoop } from '../../src/base/index.ts';
import { openSqliteStore, type RunStore } from '../../src/store/index.ts';
import { defineVerb, executeRecordedRun, type SystemManifest, type VerbOutcome } from '../../src/system/index.ts';

const work = defineVerb({
  name: 'work',
  summary: 'report progress, metrics and an artifact',
  examples: ['work'],
  params: z.object({ big: z.bigint().describe('a big number'), fail: z.boolean().default(false).describe('fail') }),
  load: async () => ({
    run: async ({ big, fail }, context) => {
      context.progress({ phase: 'half', done: 1, total: 2 });
      for (let step = 0; step < 3; step++) context.metric('loss', step, 1 / (step + 1));
      context.warn({ severity: 'warning', code: 'TF-TOY-001', subject: 'toy', expected: 'better' });
      await yieldToEventLoop();
      throwIfCancelled(context.signal, 'toy work');
      if (fail) throw new Error('broken');
      return {
        ok: true,
        value: { next: big + 1n, draw: context.rng.integer(1000) },
        report: { title: 'Work', verdict: { tone: 'good', text: 'Done.' }, blocks: [] },
        artifacts: [{ name: 'out.txt', mediaType: 'text/plain', bytes: new TextEncoder().encode('hello') }],
      };
    },
  }),
});

const toy: SystemManifest = {
  id: 'toy',
  title: 'Toy',
  question: 'Does it work?',
  paper: { title: 'None', arxiv: '0000.00000' },
  verbs: [work],
  tour: 'work',
};

const wallClock = { nowMs: () => Date.now() };

async function execute(
  params: Record<string, unknown>,
  check: (store: RunStore, id: string, outcome: VerbOutcome) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-recorded-'));
  const store = openSqliteStore({ folder, clock: wallClock });
  try {
    const run = await store.createRun({ system: 'toy', verb: 'work', params, seed: 11 });
    await store.startRun(run.id, 'tester');
    const options = { store, run, workerId: 'tester', wallClock, cacheFolder: folder, workingFolder: folder };
    const outcome = await executeRecordedRun(toy, { ...options, ...(signal && { signal }) });
    await check(store, run.id, outcome);
  } finally {
    store.close();
  }
}

test('a recorded run keeps result, report, progress, metrics, warnings and artifacts', async () => {
  await execute({ big: '123456789012345678901234567890' }, async (store, id, outcome) => {
    const run = (await store.getRun(id))!;
    assert.equal(run.status, 'done');
    assert.equal((run.result as { next: string }).next, '123456789012345678901234567891');
    assert.deepEqual(run.result, outcome.result);
    assert.deepEqual(run.progress, { phase: 'half', done: 1, total: 2 });
    assert.deepEqual(run.report, outcome.report);
    assert.deepEqual(
      run.diagnostics.map((diagnostic) => diagnostic.code),
      ['TF-TOY-001'],
    );
    assert.deepEqual(
      (await store.readMetrics(id)).map((point) => point.value),
      [1, 1 / 2, 1 / 3],
    );
    assert.equal(new TextDecoder().decode(await store.readArtifact(id, 'out.txt')), 'hello');
    assert.equal(outcome.seed, 11);
  });
});

test('a failing run is kept with its error and the metrics up to there', async () => {
  await execute({ big: 1, fail: true }, async (store, id) => {
    const run = (await store.getRun(id))!;
    assert.equal(run.status, 'failed');
    assert.equal((run.error as { code: string }).code, 'TF-USAGE-002');
  });
  await execute({ big: '1', fail: true }, async (store, id) => {
    const run = (await store.getRun(id))!;
    assert.equal((run.error as { code: string }).code, 'TF-SYSTEM-003');
    assert.equal((await store.readMetrics(id)).length, 3);
  });
});

test('a cancelled run is kept as cancelled', async () => {
  const check = async (store: RunStore, id: string): Promise<void> => {
    assert.equal((await store.getRun(id))!.status, 'cancelled');
  };
  await execute({ big: '1' }, check, AbortSignal.abort());
});
