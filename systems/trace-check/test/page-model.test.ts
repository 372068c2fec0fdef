/** What the page draws, from fresh runs of the simulator: the map, the curves, and the close-up of the wrong tensor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTour, runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';
import { curvesOf, mapRows, type PageCheck } from '../web/results.ts';

const simulate = async (params: Record<string, unknown>): Promise<PageCheck> => {
  const outcome = await runVerbInTest(manifest, 'simulate', params);
  return outcome.result as unknown as PageCheck;
};

const bugTwelve = simulate({ bug: 'cp-attention-backward' });

test('the map of bug 12 is red from the attention of the last layer backwards, and nowhere in the forward pass', async () => {
  const check = await bugTwelve;
  const rows = mapRows(check.findings);
  assert.equal(rows.length, 31, 'four layers of seven modules, three around them');
  assert.deepEqual([rows[0].module, rows.at(-1)!.module], ['embedding.word_embeddings', 'output_layer']);
  const isRed = (module: string, kind: string): boolean | undefined =>
    rows
      .find((row) => row.module === module)!
      .cells.find((cell) => cell?.kind === kind)
      ?.status.startsWith('FAIL');
  assert.ok(rows.every(({ module }) => isRed(module, 'out') !== true && isRed(module, 'in') !== true));
  assert.equal(isRed('decoder.layers.3.self_attention.core_attention', 'din'), true);
  assert.equal(isRed('decoder.layers.3.mlp.linear_fc2', 'din'), false);
  assert.equal(isRed('decoder.layers.0.mlp.linear_fc2', 'din'), true);
  const { candidate, tolerance } = curvesOf(rows, 'din', 1, check.baselines.staticBound);
  assert.equal(tolerance.length, 30);
  const firstAbove = candidate.find(({ x, y }) => y > tolerance[x].y)!;
  assert.match(firstAbove.label, /layers\.3\.self_attention\.core_attention/);
});

test('the close-up of the culprit shows the zigzag, and errors of both ranks that fit the error of the whole', async () => {
  const check = await bugTwelve;
  const closeUp = check.closeUps!.find(({ id }) => id === check.culprit!.id)!;
  assert.deepEqual(
    closeUp.blocks.map(({ rank, rows }) => [rank, ...rows]),
    [
      [0, 0, 8],
      [0, 24, 32],
      [1, 8, 24],
    ],
  );
  assert.deepEqual(closeUp.placements, { cp: 'Z(0)' });
  const { rel } = check.findings.find(({ id }) => id === closeUp.id)!;
  const errors = closeUp.blocks.map((block) => block.rel!);
  assert.ok(Math.min(...errors) <= rel! && rel! <= Math.max(...errors), `${rel} among ${errors.join()}`);
  const counted = closeUp.histogram.reduce((sum, count) => sum + count, closeUp.numEqual);
  assert.equal(counted, 32 * 64);
  assert.ok(closeUp.worstRows.length > 0 && closeUp.worstRows[0].share > closeUp.worstRows.at(-1)!.share);
});

test('a clean run has a map without a red cell', async () => {
  const check = await simulate({ mesh: 'tp2', precision: 'bfloat16' });
  assert.equal(check.verdict, 'pass');
  const cells = mapRows(check.findings).flatMap((row) => row.cells.filter((cell) => cell !== undefined));
  assert.ok(cells.length > 150);
  assert.deepEqual(
    cells.filter(({ status }) => status === 'FAIL' || status === 'MISSING' || status === 'REPLICA_DIVERGED'),
    [],
  );
});

test('the tour is clean first, then finds its bug, and the loss would have hidden it', async () => {
  const outcome = await runTour(manifest);
  const { clean, found } = outcome.result as unknown as { clean: PageCheck; found: PageCheck };
  assert.equal(clean.verdict, 'pass');
  assert.match(found.culprit!.module, /final_layernorm/);
  assert.ok(found.baselines.lossChange! < 0.01);
});
