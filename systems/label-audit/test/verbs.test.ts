import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { readCsv, readImage, readNpy, readSafetensors, writeImage, writeNpy, writeParquet } from '@tenfold/core/data';
import { readOnnx } from '@tenfold/core/graph';
import { openBackend } from '@tenfold/core/runtime';
import { assertManifest, runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';

const folder = mkdtempSync(join(tmpdir(), 'label-audit-'));
const run = (verb: string, params: Record<string, unknown>) =>
  runVerbInTest(manifest, verb, params, { workingFolder: folder });
const NAMES = ['cat', 'dog', 'bird'];

/** Three clouds; every tenth label is the next class. */
function cloudRows(count: number): { x: number; y: number; label: string; truth: string }[] {
  const rng = createRng(1, 'clouds');
  return Array.from({ length: count }, (_, i) => {
    const k = i % 3;
    const label = i % 10 === 0 ? (k + 1) % 3 : k;
    return { x: 3 * k + rng.normal(), y: -2 * k + rng.normal(), label: NAMES[label]!, truth: NAMES[k]! };
  });
}

const rows = cloudRows(240);
const csvOf = (lines: readonly { x: number; y: number; label: string; truth: string }[]) =>
  ['x,y,label,truth', ...lines.map(({ x, y, label, truth }) => `${x},${y},${label},${truth}`)].join('\n');
writeFileSync(join(folder, 'clouds.csv'), csvOf(rows));

test('the manifest keeps the rules of the house', () => {
  assertManifest(manifest);
});

test('audit of a CSV finds most wrong labels and writes table, mask, JSON and HTML', async () => {
  const outcome = await run('audit', {
    data: 'clouds.csv',
    truth: 'truth',
    folds: 3,
    epochs: 12,
    batch: 32,
    out: 'out',
  });
  const value = outcome.result as { truth: { recall: number; accuracyRepaired: number; accuracyGiven: number } };
  assert.ok(value.truth.recall > 0.7, JSON.stringify(value.truth.recall));
  assert.ok(value.truth.accuracyRepaired > value.truth.accuracyGiven);
  const table = await readCsv(join(folder, 'out/corrected.csv'));
  const names = table.columns.map(({ name }) => name);
  for (const name of ['given_label', 'predicted_label', 'is_label_issue', 'label_score', 'corrected_label'])
    assert.ok(names.includes(name));
  const mask = await readNpy(join(folder, 'out/mask.npy'));
  const numFlagged = Array.from(mask.data as Uint8Array).reduce((a, b) => a + b, 0);
  const json = JSON.parse(readFileSync(join(folder, 'out/audit.json'), 'utf8'));
  assert.equal(json.numFlagged, numFlagged);
  assert.equal(json.issues.length, numFlagged);
  assert.equal(json.issues[0].numNeighbours, 10);
  assert.deepEqual(json.ranking, { score: 'normalized_margin', isAdjusted: true });
  const captions = outcome.report!.blocks.map((block) => ('caption' in block ? block.caption : ''));
  assert.ok(
    captions.includes(
      'Most suspicious labels, by margin of the given label over the likeliest other class, class thresholds subtracted, lowest first',
    ),
  );
  assert.match(readFileSync(join(folder, 'out/report.html'), 'utf8'), /labels are suspicious, about \d+ of them wrong/);
  const listed = json.issues.reduce(
    (sum: number, { wrongProbability }: { wrongProbability: number }) => sum + wrongProbability,
    0,
  );
  assert.ok(Math.abs(json.expectedWrong - listed) < 1e-9);
  await assert.rejects(run('audit', { data: 'clouds.csv', folds: 2, epochs: 1, out: 'out' }), /TF-USAGE-007/);
});

test('the same seed gives the same answer, bit for bit', async () => {
  const params = { data: 'clouds.csv', folds: 2, epochs: 3, batch: 32 };
  assert.deepEqual((await run('audit', params)).result, (await run('audit', params)).result);
});

test('JSON Lines with texts and Parquet with numbers are read', async () => {
  const words = ['good fine great nice lovely', 'bad awful poor sad terrible'];
  const rng = createRng(2, 'texts');
  const lines = Array.from({ length: 160 }, (_, i) => {
    const vocabulary = words[i % 2]!.split(' ');
    const body = Array.from({ length: 6 }, () => vocabulary[rng.integer(5)]).join(' ');
    return JSON.stringify({ body: `${body} film`, label: i % 20 === 0 ? 1 - (i % 2) : i % 2 });
  });
  writeFileSync(join(folder, 'reviews.jsonl'), lines.join('\n'));
  const texts = await run('audit', { data: 'reviews.jsonl', text: 'body', folds: 2, epochs: 10, batch: 16 });
  const { numFlagged } = texts.result as { numFlagged: number };
  assert.ok(numFlagged >= 5 && numFlagged <= 10, `${numFlagged} of 8 wrong labels flagged`);
  await writeParquet(join(folder, 'clouds.parquet'), await readCsv(join(folder, 'clouds.csv')));
  const parquet = await run('audit', {
    data: 'clouds.parquet',
    truth: 'truth',
    folds: 2,
    epochs: 8,
    batch: 32,
    format: 'parquet',
    out: 'out-parquet',
  });
  assert.ok((parquet.result as { truth: { auroc: number } }).truth.auroc > 0.8);
});

test('labels and probabilities from .npy give the flags of the twelve-sample fixture', async () => {
  const labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2];
  const probs = [
    0.9, 0.05, 0.05, 0.8, 0.1, 0.1, 0.1, 0.8, 0.1, 0.6, 0.3, 0.1, 0.2, 0.2, 0.6, 0.1, 0.85, 0.05, 0.05, 0.9, 0.05, 0.7,
    0.2, 0.1, 0.3, 0.4, 0.3, 0.1, 0.1, 0.8, 0.05, 0.05, 0.9, 0.1, 0.75, 0.15,
  ];
  await writeNpy(join(folder, 'labels.npy'), { dtype: 'int64', shape: [12], data: BigInt64Array.from(labels, BigInt) });
  await writeNpy(join(folder, 'probs.npy'), { dtype: 'float64', shape: [12, 3], data: Float64Array.from(probs) });
  const outcome = await run('audit', { data: 'labels.npy', probs: 'probs.npy', out: 'out-npy' });
  assert.equal((outcome.result as { numFlagged: number }).numFlagged, 3);
  const mask = await readNpy(join(folder, 'out-npy/mask.npy'));
  assert.deepEqual(
    [...(mask.data as Uint8Array).keys()].filter((i) => mask.data[i] === 1),
    [2, 7, 11],
  );
  await writeNpy(join(folder, 'short.npy'), { dtype: 'int64', shape: [5], data: new BigInt64Array(5) });
  await assert.rejects(
    run('audit', { data: 'short.npy', probs: 'probs.npy' }),
    /one row of probs.npy for each of the 5 labels, got 12 rows.*TF-LABEL-002/,
  );
});

test('an image folder is audited; images that do not decode are skipped, counted and listed', async () => {
  const rng = createRng(3, 'images');
  for (const [k, name] of ['dark', 'light'].entries()) {
    mkdirSync(join(folder, 'photos', name), { recursive: true });
    for (let i = 0; i < 24; i++) {
      const isWrong = i === 5;
      const level = (k === 0) === isWrong ? 200 : 40;
      const data = Uint8Array.from({ length: 16 * 16 * 3 }, () => level + rng.integer(20));
      await writeImage(join(folder, 'photos', name, `${String(i).padStart(2, '0')}.png`), {
        widthPx: 16,
        heightPx: 16,
        channels: 3,
        data,
      });
    }
  }
  writeFileSync(join(folder, 'photos/dark/broken.png'), 'not an image');
  const outcome = await run('audit', {
    data: 'photos',
    imageSize: 8,
    backbone: 'mlp',
    folds: 2,
    epochs: 12,
    batch: 8,
    out: 'out-photos',
  });
  const warning = outcome.diagnostics.find(({ actual }) => actual?.includes('skipped'));
  assert.match(warning!.actual!, /^1 that do not/);
  assert.match(warning!.location!, /dark\/broken\.png/);
  const json = JSON.parse(readFileSync(join(folder, 'out-photos/audit.json'), 'utf8'));
  assert.deepEqual(json.issues.map(({ id }: { id: string }) => id).sort(), ['dark/05.png', 'light/05.png']);
  assert.match(json.issues[0].thumbnail, /^data:image\/png;base64,/);
  const picture = await readImage(Buffer.from(json.issues[0].thumbnail.split(',')[1], 'base64'));
  assert.equal(picture.widthPx, 112, 'eight pixels, each fourteen wide');
  assert.equal(picture.data[0], picture.data[3 * 13]);
  const html = readFileSync(join(folder, 'out-photos/report.html'), 'utf8');
  assert.ok(html.includes(json.issues[0].thumbnail), 'the report shows the thumbnail');
});

test('train writes a model whose ONNX gives the probabilities of its parameters', async () => {
  const outcome = await run('train', {
    data: 'clouds.csv',
    columns: ['x', 'y'],
    truth: 'truth',
    epochs: 20,
    batch: 32,
    out: 'model',
  });
  const value = outcome.result as { lastEpoch: { testAccuracy: number } };
  assert.ok(value.lastEpoch.testAccuracy > 0.85, `${value.lastEpoch.testAccuracy}`);
  const chosen = rows.slice(0, 60);
  const { graph, stateValues } = readOnnx(readFileSync(join(folder, 'model/model.onnx')), {
    sizes: { batch: chosen.length },
  });
  await using session = await (await openBackend('cpu')).createSession(graph, stateValues ?? {});
  const x = {
    dtype: 'float32' as const,
    shape: [60, 2],
    data: Float32Array.from(chosen.flatMap((row) => [row.x, row.y])),
  };
  const { probabilities } = await session.run({ x });
  let numRight = 0;
  chosen.forEach(({ truth }, i) => {
    const p = Array.from((probabilities!.data as Float32Array).subarray(3 * i, 3 * i + 3));
    assert.ok(Math.abs(p.reduce((a, b) => a + b) - 1) < 1e-5);
    if (['bird', 'cat', 'dog'][p.indexOf(Math.max(...p))] === truth) numRight++;
  });
  assert.ok(numRight > 48, `${numRight}`);
  const tensors = await readSafetensors(join(folder, 'model/model.safetensors'));
  assert.deepEqual(tensors.get('head.centres')!.shape, [3, 64]);
});

test('noise keeps the truth beside the labels and apply writes decisions', async () => {
  await run('noise', { data: 'clouds.csv', label: 'truth', rate: 0.25, out: 'noisy.csv' });
  const noisy = await readCsv(join(folder, 'noisy.csv'));
  const column = (name: string) => noisy.columns.find((entry) => entry.name === name)!.values as string[];
  assert.equal(column('truth').filter((label, i) => label !== column('true_label')[i]).length, 60);
  writeFileSync(
    join(folder, 'decisions.json'),
    JSON.stringify({
      decisions: [
        { row: 0, action: 'relabel', label: 'cat' },
        { row: 1, action: 'keep', label: 'dog' },
      ],
    }),
  );
  await run('apply', { data: 'clouds.csv', decisions: 'decisions.json', out: 'reviewed.csv' });
  const reviewed = await readCsv(join(folder, 'reviewed.csv'));
  const labels = reviewed.columns.find(({ name }) => name === 'label')!.values as string[];
  assert.equal(labels[0], 'cat');
  assert.equal(labels[1], 'dog');
});

test('votes of annotators become a consensus', async () => {
  const votes = [
    'sample,annotator,label',
    ...Array.from({ length: 90 }, (_, i) => `${Math.floor(i / 3)},w${i % 3},${Math.floor(i / 3) % 2}`),
  ];
  writeFileSync(join(folder, 'votes.csv'), votes.join('\n'));
  const outcome = await run('annotators', { votes: 'votes.csv', out: 'consensus.csv' });
  assert.equal((outcome.result as { numSamples: number }).numSamples, 30);
  assert.equal((await readCsv(join(folder, 'consensus.csv'))).numRows, 30);
});

test('a vote given twice counts once, a lone vote is called unconfirmed, and no annotator is blamed for two votes', async () => {
  const votes = Array.from({ length: 60 }, (_, i) => `${Math.floor(i / 3)},w${i % 3},${Math.floor(i / 3) % 2}`);
  const repeated = ['0,w0,0', '0,w0,0', '0,w0,0'];
  writeFileSync(
    join(folder, 'few.csv'),
    ['sample,annotator,label', ...votes, ...repeated, 'lone,w0,1', '1,new,0', '3,new,0'].join('\n'),
  );
  const { result, diagnostics, report } = await run('annotators', { votes: 'few.csv', out: 'few-consensus.csv' });
  const actual = diagnostics.map((warning) => warning.actual);
  assert.ok(actual.includes('3 repeated; the last of each counts'), actual.join());
  assert.ok(actual.includes('one on 1 of 21; nothing confirms them'), actual.join());
  const { annotators, numWithOneVote } = result as {
    annotators: { name: string; votes: number; accuracyLow: number; accuracyHigh: number }[];
    numWithOneVote: number;
  };
  assert.equal(numWithOneVote, 1);
  assert.equal(annotators[0]!.name, 'new');
  assert.ok(annotators[0]!.accuracyHigh > 0.6, `${annotators[0]!.accuracyHigh}`);
  assert.match(report!.verdict.text, /No annotator is clearly less accurate/);
  const table = await readCsv(join(folder, 'few-consensus.csv'));
  const column = (name: string) => Array.from(table.columns.find((entry) => entry.name === name)!.values);
  const lone = column('sample').indexOf('lone');
  assert.equal(Number(column('num_annotations')[lone]), 1);
  assert.ok(Number(column('consensus_quality')[lone]) < 0.95);
  assert.equal(Number(column('num_annotations')[0]), 3);
});

test('verify reaches the bound where a simplex exists and stays above it where none does', async () => {
  assert.equal((await run('verify', { classes: 6, width: 8, starts: 1 })).status, 'done');
  assert.equal((await run('verify', { classes: 4, width: 2, starts: 1 })).status, 'done');
});

test('wrong inputs name what is wrong', async () => {
  writeFileSync(join(folder, 'one.csv'), 'x,label\n1,a\n2,a\n3,a\n');
  await assert.rejects(run('audit', { data: 'one.csv' }), {
    message: 'encodeLabels: labels of at least two classes, got only "a". TF-LABEL-004',
  });
  writeFileSync(join(folder, 'alone.csv'), 'x,label\n1,a\n2,a\n3,b\n');
  await assert.rejects(
    run('audit', { data: 'alone.csv', folds: 2 }),
    /at least two samples of every class, got one of class "b" \(row 2\).*TF-LABEL-004/,
  );
  writeFileSync(join(folder, 'names.csv'), 'x,label\n1,a\n2,b\n3,c\n');
  await assert.rejects(
    run('audit', { data: 'names.csv', classes: ['a', 'b'] }),
    /labels among the 2 classes, got "c" \(1 unknown\) \(rows 2\).*TF-LABEL-003/,
  );
  await assert.rejects(run('audit', { data: 'names.csv', label: 'lable' }), /Did you mean "label"\?.*TF-DATA-007/);
  await assert.rejects(run('audit', { data: 'nowhere.csv' }), /no such path.*TF-LABEL-005/);
  writeFileSync(join(folder, 'bare.csv'), 'note,label\nu,a\nv,b\nw,a\n');
  await assert.rejects(run('audit', { data: 'bare.csv' }), /neither probabilities nor features.*TF-LABEL-005/);
  await assert.rejects(
    run('noise', { data: 'names.csv', kind: 'asymmetric', pairs: ['a>z'], out: 'n.csv' }),
    /pairs of two classes.*TF-LABEL-007/,
  );
  writeFileSync(
    join(folder, 'spelling.csv'),
    csvOf(rows.map((row, i) => ({ ...row, label: i % 2 ? row.label : ` ${row.label.toUpperCase()}` }))),
  );
  const outcome = await run('audit', { data: 'spelling.csv', columns: ['x', 'y'], folds: 2, epochs: 1 });
  assert.ok(outcome.diagnostics.some(({ expected }) => expected === 'one spelling of each class'));
});
