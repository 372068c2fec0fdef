import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeNpy } from '@tenfold/core/data';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { castTensor } from '@tenfold/core/tensor';
import { manifest } from '../src/manifest.ts';
import type { AdaptJson } from '../src/outputs/adapt-json.ts';
import { drawBlobs } from './blobs.ts';

const workingFolder = mkdtempSync(join(tmpdir(), 'self-train-inputs-'));
after(() => rmSync(workingFolder, { recursive: true, force: true }));
const at = (name: string) => join(workingFolder, name);
const adapt = async (params: Readonly<Record<string, unknown>>) =>
  (await runVerbInTest(manifest, 'adapt', { hidden: [16, 8], rounds: 1, passes: 2, ...params }, { workingFolder }))
    .result as unknown as AdaptJson;
const failure = (params: Readonly<Record<string, unknown>>, message: RegExp | string) =>
  assert.rejects(adapt(params), { message });

test('half-precision arrays are read as numbers: EM, samples and labels', async () => {
  const { x, labels } = drawBlobs(60, 3, 0);
  const probabilities = Float32Array.from({ length: 180 }, (_, i) => (i % 3 === labels[Math.floor(i / 3)] ? 0.8 : 0.1));
  const eighths = x.data.map((value) => Math.round(8 * value) / 8);
  const single = { dtype: 'float32' as const, shape: [60, x.width], data: eighths };
  await writeNpy(at('single.npy'), single);
  await writeNpy(at('half.npy'), castTensor(single, 'float16'));
  const rows = { dtype: 'float32' as const, shape: [60, 3], data: probabilities };
  await writeNpy(at('rows.npy'), rows);
  await writeNpy(at('rows-half.npy'), castTensor(rows, 'float16'));
  const likelihood = async (features: string, probs: string) =>
    (
      (await runVerbInTest(manifest, 'em', { features, probs }, { workingFolder })).result as {
        logLikelihood: number[];
      }
    ).logLikelihood;
  const expected = await likelihood('single.npy', 'rows.npy');
  assert.deepEqual(await likelihood('half.npy', 'rows.npy'), expected);
  const rounded = await likelihood('half.npy', 'rows-half.npy');
  assert.ok(Math.abs(rounded.at(-1)! - expected.at(-1)!) < 0.01);
  const halfLabels = { dtype: 'float32' as const, shape: [60], data: Float32Array.from(labels) };
  await writeNpy(at('labels-half.npy'), castTensor(halfLabels, 'float16'));
  const same = await adapt({ labeled: 'half.npy', unlabeled: 'single.npy', label: 'labels-half.npy' });
  assert.deepEqual(same.classNames, ['0', '1', '2']);
});

test('a column of true labels is no feature, empty cells are counted, infinite ones and repeated ids refused', async () => {
  const lines = Array.from({ length: 60 }, (_, n) => {
    const k = n % 3;
    return [n % 7 === 0 ? '' : 3 * k + (n % 5) / 9, k * k + (n % 4) / 9, n < 30 ? `c${k}` : '', `c${k}`, n % 2].join(
      ',',
    );
  });
  const write = (name: string, rows: readonly string[]) =>
    writeFileSync(at(name), ['x,y,label,really,flag', ...rows].join('\n'));
  write('copies.csv', lines);
  const { diagnostics } = await runVerbInTest(
    manifest,
    'adapt',
    { labeled: 'copies.csv', hidden: [8], rounds: 1, passes: 2 },
    { workingFolder },
  );
  const texts = diagnostics.map(({ actual }) => actual);
  assert.ok(
    texts.includes('a column "really" that holds the classes and mostly agrees with the labels; it is left out'),
  );
  assert.ok(texts.includes('empty ones: 9 in "x"; each counts as the mean of its column'), texts.join('\n'));
  assert.ok(texts.includes('3 of 30 labelled ones; accuracy and calibration on them say little'), texts.join('\n'));
  write('endless.csv', lines.with(4, 'inf,1,c1,c1,0'));
  await failure(
    { labeled: 'endless.csv' },
    /finite numbers or empty cells, got Infinity \(endless\.csv, row 4, column "x"\)/,
  );
  await failure(
    { labeled: 'copies.csv', id: 'flag' },
    'readSamples: another id in every row of "flag", got "0" twice (copies.csv, rows 0 and 2). Leave --id out to number the rows. TF-SELF-005',
  );
});

test('files without rows and labels that are measurements are named for what they are', async () => {
  writeFileSync(at('nothing.csv'), '');
  writeFileSync(at('heading.csv'), 'a,b,label\n');
  writeFileSync(at('some.csv'), 'a,b,label\n1,2,u\n3,4,v\n');
  await failure(
    { labeled: 'nothing.csv' },
    'readSamples: a table with rows, got an empty file (nothing.csv). TF-SELF-001',
  );
  await failure(
    { labeled: 'some.csv', unlabeled: 'heading.csv' },
    'readSamples: a table with rows, got a heading without rows (heading.csv). TF-SELF-001',
  );
  const rows = Array.from({ length: 60 }, (_, n) => `${n % 7},${n < 40 ? n / 7 : ' '}`);
  writeFileSync(at('measured.csv'), ['x,label', ...rows].join('\n'));
  await failure(
    { labeled: 'measured.csv' },
    /labels that repeat, got 40 different ones, 40 of them once.*--label.*TF-SELF-001/,
  );
});
