import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeNpy } from '@tenfold/core/data';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { encodeLabels } from '../src/index.ts';
import { manifest } from '../src/manifest.ts';

const folder = mkdtempSync(join(tmpdir(), 'label-audit-bad-'));
const run = (verb: string, params: Record<string, unknown>) =>
  runVerbInTest(manifest, verb, params, { workingFolder: folder });
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const table = ['x,y,label,group', ...Array.from({ length: 24 }, (_, i) => `${i},${i % 5},${'ab'[i % 2]},${i % 4}`)];
write('good.csv', table.join('\n'));

test('a file without rows says so', async () => {
  write('empty.csv', '');
  write('heading.csv', 'x,label\n');
  await assert.rejects(run('audit', { data: 'empty.csv' }), {
    message: 'readTable: a table with rows, got an empty file (empty.csv). TF-LABEL-004',
  });
  await assert.rejects(run('audit', { data: 'heading.csv' }), {
    message: 'readTable: a table with rows, got a heading without rows (heading.csv). TF-LABEL-004',
  });
});

test('that files exist is noticed before the work, and a wrong ending is refused', async () => {
  write('report.html', 'mine');
  const started = performance.now();
  await assert.rejects(
    run('audit', { data: 'good.csv', out: '.', epochs: 1000, folds: 5 }),
    /report\.html", which exists/,
  );
  await assert.rejects(run('train', { data: 'no.csv', out: '.' }), /no such path/);
  assert.ok(performance.now() - started < 20_000, 'no thousand epochs were trained');
  assert.equal(readFileSync(join(folder, 'report.html'), 'utf8'), 'mine');
  await assert.rejects(run('noise', { data: 'good.csv', out: 'noisy.xls' }), {
    message:
      'label-audit noise: a file to write that ends in .csv or .parquet, got noisy.xls. Change the name after --out. TF-LABEL-005',
  });
});

test('exponents that would not hold the centres apart are refused', async () => {
  await assert.rejects(run('train', { data: 'good.csv', repulsion: 2, attraction: 2 }), {
    message: 'label-audit train: an exponent of repulsion above that of attraction, got 2 and 2. TF-LABEL-008',
  });
});

test('fewer groups than two, and a class in one fold only, are named', async () => {
  write('one-group.csv', table.map((line, i) => (i === 0 ? line : line.replace(/\d$/, '7'))).join('\n'));
  await assert.rejects(run('audit', { data: 'one-group.csv', group: 'group', epochs: 1 }), {
    message:
      'outOfFold: at least two groups, got 1. Leave --group out, or name a column with more values. TF-LABEL-004',
  });
  const byClass = Array.from({ length: 24 }, (_, i) => `${i},${i % 5},${'ab'[i % 2]},${i % 2}`);
  write('class-groups.csv', [table[0], ...byClass].join('\n'));
  const { diagnostics } = await run('audit', {
    data: 'class-groups.csv',
    group: 'group',
    epochs: 1,
    folds: 2,
    batch: 8,
  });
  assert.deepEqual(
    diagnostics.filter(({ subject }) => subject === 'outOfFold').map(({ actual }) => actual),
    ['all 12 of class "a" in one', 'all 12 of class "b" in one'],
  );
});

test('rows without a label get a suggestion, rows without a truth are left out of the check', async () => {
  const lines = table.slice(1).map((line, i) => {
    const [x, y, label] = line.split(',');
    return `${x},${y},${i < 2 ? '' : label},${i % 3 === 0 ? '' : label}`;
  });
  write('gaps.csv', ['x,y,label,truth', ...lines].join('\n'));
  const outcome = await run('audit', { data: 'gaps.csv', truth: 'truth', epochs: 2, folds: 2, batch: 8, out: 'gaps' });
  const value = outcome.result as { numUnlabelled: number; numSamples: number; truth: { noiseRate: number } };
  assert.equal(value.numUnlabelled, 2);
  assert.equal(value.numSamples, 22);
  assert.equal(value.truth.noiseRate, 0);
  const [heading, first] = readFileSync(join(folder, 'gaps/corrected.csv'), 'utf8').split('\n');
  const cells = first!.split(',');
  const cell = (name: string) => cells[heading!.trim().split(',').indexOf(name)];
  assert.equal(cell('given_label'), '');
  assert.match(cell('corrected_label')!, /^[ab]$/);
});

test('whole numbers beside class names are columns, other numbers are unknown', () => {
  const names = ['cat', 'dog', 'bird'];
  assert.deepEqual([...encodeLabels(Int32Array.of(2, 0, 1), { classNames: names, numClasses: 3 }).labels], [2, 0, 1]);
  assert.throws(() => encodeLabels(Int32Array.of(2, 0, 3), { classNames: names, numClasses: 3 }), {
    message: /labels among the 3 classes, got "3" \(1 unknown\) \(rows 2\).*TF-LABEL-003/,
  });
  assert.throws(() => encodeLabels(['cat', 'dog'], { classNames: ['cat', 'dog', 'cat'] }), {
    message: 'encodeLabels: class names that differ, got "cat" twice. TF-LABEL-003',
  });
  assert.deepEqual([...encodeLabels(Float64Array.of(1, NaN, 0)).labels], [1, -1, 0]);
});

test('half precision that overflowed is refused with its row', async () => {
  await writeNpy(join(folder, 'labels.npy'), { dtype: 'int32', shape: [2], data: Int32Array.of(0, 1) });
  const bits = Uint16Array.of(0x3c00, 0, 0x7c00, 0); // 1, 0, ∞, 0
  await writeNpy(join(folder, 'half.npy'), { dtype: 'float16', shape: [2, 2], data: bits });
  await assert.rejects(run('audit', { data: 'labels.npy', probs: 'half.npy' }), {
    message: /checkProbabilities: a row that sums to 1, got sum Infinity \(row 1\).*TF-LABEL-001/,
  });
});

test('ids that occur twice and nested labels are refused; a nested column beside them is left out', async () => {
  const lines = Array.from({ length: 24 }, (_, i) => `${i % 20},${(i % 2) * 3 + i / 50},${i % 2 ? 'a' : 'b'}`);
  writeFileSync(join(folder, 'twice.csv'), `id,x,label\n${lines.join('\n')}\n`);
  await assert.rejects(run('audit', { data: 'twice.csv', id: 'id' }), {
    message:
      'readSamples: another id in every row of "id", got 0 twice (rows 0 and 20). Leave --id out to number the rows. TF-LABEL-005',
  });
  const records = Array.from({ length: 24 }, (_, i) => ({ x: (i % 2) * 3 + i / 50, deep: { i }, label: `c${i % 2}` }));
  writeFileSync(join(folder, 'deep.jsonl'), records.map((record) => JSON.stringify(record)).join('\n'));
  const outcome = await run('audit', { data: 'deep.jsonl', folds: 2, epochs: 2, batch: 8 });
  assert.equal(outcome.status, 'done');
  await assert.rejects(run('audit', { data: 'deep.jsonl', label: 'deep' }), {
    message:
      'readSamples: one label in each cell of "deep", got nested values such as {"i":0}. Write the label into a column of its own. TF-LABEL-005',
  });
});

test('with probabilities a class of one sample is named and never flagged, and one feature is enough', async () => {
  const labels = Int32Array.of(0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2);
  const data = new Float32Array(36);
  labels.forEach((label, i) => [0, 1, 2].forEach((k) => (data[3 * i + k] = k === label ? 0.8 : 0.1)));
  data.set([0.1, 0.8, 0.1], 0);
  data.set([0.1, 0.8, 0.1], 33);
  await writeNpy(join(folder, 'alone-labels.npy'), { dtype: 'int32', shape: [12], data: labels });
  await writeNpy(join(folder, 'alone-probs.npy'), { dtype: 'float32', shape: [12, 3], data });
  const outcome = await run('audit', { data: 'alone-labels.npy', probs: 'alone-probs.npy' });
  assert.deepEqual(
    outcome.diagnostics.map(({ expected, actual }) => [expected, actual]),
    [['more than 1 sample of every class', '1 of "2", whose labels are not flagged by the prune filters']],
  );
  const { numFlagged, classHealth } = outcome.result as {
    numFlagged: number;
    classHealth: { name: string; numFlagged: number }[];
  };
  assert.equal(numFlagged, 1);
  assert.equal(classHealth.find(({ name }) => name === '2')!.numFlagged, 0);
  const narrow = Float32Array.from({ length: 30 }, (_, i) => 3 * (i % 2) + i / 40);
  const sides = Int32Array.from({ length: 30 }, (_, i) => i % 2);
  await writeNpy(join(folder, 'narrow.npy'), { dtype: 'float32', shape: [30, 1], data: narrow });
  await writeNpy(join(folder, 'sides.npy'), { dtype: 'int32', shape: [30], data: sides });
  const thin = await run('audit', { data: 'sides.npy', features: 'narrow.npy', folds: 2, epochs: 3, batch: 8 });
  assert.equal(thin.status, 'done');
});

test('a column that numbers the rows is no feature unless it is named as one', async () => {
  const rows = Array.from({ length: 24 }, (_, i) => `${i},${(i * 7) % 5},${'ab'[i % 2]}`);
  write('numbered.csv', ['id,y,label', ...rows].join('\n'));
  const settings = { data: 'numbered.csv', epochs: 1, folds: 2 };
  const texts = async (params: Record<string, unknown>) =>
    (await run('audit', { ...settings, ...params })).diagnostics
      .filter(({ code }) => code === 'TF-LABEL-009')
      .map(({ actual }) => actual);
  assert.deepEqual(await texts({}), ['a column "id" that numbers the rows; it is left out']);
  assert.deepEqual(await texts({ id: 'id' }), []);
  assert.deepEqual(await texts({ columns: ['id', 'y'] }), []);
});

test('an infinite feature is named by row and column', async () => {
  write(
    'infinite.csv',
    ['x,label', ...Array.from({ length: 24 }, (_, i) => `${i === 5 ? 'inf' : i},${'ab'[i % 2]}`)].join('\n'),
  );
  write(
    'huge.csv',
    ['x,label', ...Array.from({ length: 24 }, (_, i) => `${i === 5 ? '1e999' : i},${'ab'[i % 2]}`)].join('\n'),
  );
  for (const data of ['infinite.csv', 'huge.csv']) {
    await assert.rejects(run('audit', { data, epochs: 1, folds: 2 }), {
      message: 'readSamples: finite features or empty cells, got Infinity (row 5, column "x"). TF-LABEL-006',
    });
  }
});
