import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeNpy } from '@tenfold/core/data';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { encodeLabels } from '../src/index.ts';
import { manifest } from '../src/manifest.ts';
import { AUDIT_COLUMNS } from '../src/outputs/corrected-table.ts';

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
    ['all 12 of class "a", all 12 of class "b" in one'],
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

test('true labels, corrected labels and a copy of the labels are no features unless they are named as such', async () => {
  const numbers = Array.from({ length: 40 }, (_, i) => `${(i * 7) % 5},${(i + Number(i % 10 === 0)) % 3},${i % 3}`);
  write('clean.csv', ['y,label,was', ...numbers].join('\n'));
  await run('noise', { data: 'clean.csv', rate: 0.1, out: 'with-truth.csv' });
  const leftOut = async (params: Record<string, unknown>) =>
    (await run('audit', { epochs: 1, folds: 2, ...params })).diagnostics
      .filter(({ code }) => code === 'TF-LABEL-009')
      .map(({ actual }) => actual);
  assert.deepEqual(await leftOut({ data: 'with-truth.csv' }), [
    'a column "was" that holds the classes and mostly agrees with the labels; it is left out',
    'a column "true_label" of true labels; it is left out',
  ]);
  assert.deepEqual(await leftOut({ data: 'with-truth.csv', columns: ['y', 'was'] }), []);
  assert.deepEqual(await leftOut({ data: 'clean.csv', truth: 'was', out: 'first' }), []);
  const header = readFileSync(join(folder, 'first/corrected.csv'), 'utf8').split('\n')[0]!.trim().split(',');
  assert.deepEqual(header.slice(3), [...AUDIT_COLUMNS]);
  const again = await leftOut({ data: 'first/corrected.csv', truth: 'was' });
  assert.deepEqual(
    again.map((text) => text!.match(/"(.*)"/)![1]).sort(),
    [...AUDIT_COLUMNS].sort(),
    'all that an audit writes here are numbers',
  );
});

test('a yes-or-no feature that goes with the label remains a feature', async () => {
  const rows = Array.from(
    { length: 60 },
    (_, i) => `${(i * 7) % 5},${i % 5 === 0 ? 1 - (i % 2) : i % 2},${Number(i === 7)},${i % 2}`,
  );
  write('yes-no.csv', ['x,coughs,rare,label', ...rows].join('\n'));
  const rare = rows.map((row, i) => row.replace(/\d$/, String(Number(i % 30 === 0))));
  write('rare.csv', ['x,coughs,rare,label', ...rare].join('\n'));
  for (const data of ['yes-no.csv', 'rare.csv']) {
    const { diagnostics } = await run('audit', { data, epochs: 1, folds: 2 });
    assert.deepEqual(
      diagnostics.filter(({ code }) => code === 'TF-LABEL-009'),
      [],
    );
  }
});

test('empty cells of features are counted, whatever stands for them', async () => {
  const rows = Array.from(
    { length: 24 },
    (_, i) => `${i % 3 === 0 ? '' : i},${i === 4 ? 'NaN' : i % 5},${'ab'[i % 2]}`,
  );
  write('holes.csv', ['x,y,label', ...rows].join('\n'));
  const { diagnostics } = await run('audit', { data: 'holes.csv', epochs: 1, folds: 2 });
  assert.deepEqual(
    diagnostics.filter(({ code }) => code === 'TF-LABEL-011').map(({ actual }) => actual),
    ['empty ones: 8 of 24 in "x", 1 of 24 in "y"; each counts as the mean of its column'],
  );
});

test('many small classes make one warning; labels that hardly repeat are called measurements', async () => {
  const small = Array.from({ length: 32 }, (_, i) => `${i},${i % 5},c${Math.floor(i / 4)}`);
  write('small.csv', ['x,y,label', ...small].join('\n'));
  const { diagnostics } = await run('audit', { data: 'small.csv', epochs: 1, folds: 5 });
  assert.deepEqual(
    diagnostics.filter(({ subject }) => subject === 'outOfFold').map(({ actual }) => actual),
    ['4 of class "c0", 4 of class "c1", 4 of class "c2", 4 of class "c3", 4 of class "c4" and 3 more'],
  );
  write('real.csv', ['x,label', ...Array.from({ length: 24 }, (_, i) => `${i},${i / 7 + 0.1}`)].join('\n'));
  await assert.rejects(run('audit', { data: 'real.csv' }), {
    message: /got one of class "[\d.]+"(, "[\d.]+"){4} and 19 more \(row \d+\)\. Most labels occur once/,
  });
});

test('labels that count from 1, or from −1, are told what to do; a column of labels is taken as an array', async () => {
  const probabilities = { dtype: 'float32' as const, shape: [6, 3], data: new Float32Array(18).fill(1 / 3) };
  await writeNpy(join(folder, 'even.npy'), probabilities);
  const audit = async (labels: readonly number[], shape: readonly number[] = [6]) => {
    const file = { dtype: 'int32' as const, shape: [...shape], data: Int32Array.from(labels) };
    await writeNpy(join(folder, 'counted.npy'), file, { force: true });
    return run('audit', { data: 'counted.npy', probs: 'even.npy' });
  };
  await assert.rejects(audit([1, 2, 3, 1, 2, 3]), /got "3" \(2 unknown\).*Classes count from 0: subtract 1 from every/);
  await assert.rejects(audit([0, 1, -1, 0, 1, 2]), /got "-1".*Write a missing label as an empty cell or NaN/);
  assert.equal((await audit([0, 1, 2, 0, 1, 2], [6, 1])).status, 'done');
});

test('a class named for nothing is asked about, and blanks are no label', () => {
  const { labels, warnings } = encodeLabels(['a', ' ', 'nan', 'b']);
  assert.deepEqual([...labels], [0, -1, 2, 1]);
  assert.deepEqual(
    warnings.map(({ actual }) => actual),
    ['a class named "nan"'],
  );
});
