import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { writeIdx, writeNpy } from '@tenfold/core/data';
import { findDataFolder } from '@tenfold/core/system';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';
import type { AdaptJson } from '../src/outputs/adapt-json.ts';
import { encodePng } from '../src/outputs/png.ts';
import { IRIS_MEASURES, IRIS_SPECIES } from './iris.ts';
import { drawBlobs } from './blobs.ts';

const workingFolder = mkdtempSync(join(tmpdir(), 'self-train-verbs-'));
after(() => rmSync(workingFolder, { recursive: true, force: true }));
const at = (...parts: string[]) => join(workingFolder, ...parts);
const adapt = async (params: Readonly<Record<string, unknown>>) =>
  (await runVerbInTest(manifest, 'adapt', { hidden: [16, 8], rounds: 1, passes: 2, ...params }, { workingFolder }))
    .result as unknown as AdaptJson & { files: { path: string }[] };
const failure = (params: Readonly<Record<string, unknown>>, message: RegExp | string) =>
  assert.rejects(adapt(params), (error: Error) => {
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });

/** Iris with three labels a species; the others stand in the column `truth`. */
function writeIris(): void {
  const names = ['setosa', 'versicolor', 'virginica'];
  const rows = IRIS_SPECIES.map((species, n) => {
    const measures = IRIS_MEASURES.slice(4 * n, 4 * n + 4);
    const colour = ['blue', 'violet'][n % 2];
    return [`flower-${n}`, ...measures, colour, n % 50 < 5 ? names[species] : '', names[species]].join(',');
  });
  writeFileSync(at('iris.csv'), ['name,a,b,c,d,colour,species,truth', ...rows].join('\n'));
}
writeIris();

test('a table that is labelled in some rows adapts to the others; files label new samples alike', async () => {
  const params = {
    labeled: 'iris.csv',
    label: 'species',
    truth: 'truth',
    id: 'name',
    out: 'run',
    rounds: 2,
    guard: false,
  };
  const result = await adapt(params);
  assert.deepEqual(result.classNames, ['setosa', 'versicolor', 'virginica']);
  assert.deepEqual([result.numSource, result.numTarget], [15, 135]);
  assert.ok(result.methods[0].accuracy! > 0.75, `accuracy ${result.methods[0].accuracy}`);
  const [header, first] = readFileSync(at('run', 'pseudo-labels.csv'), 'utf8').split('\n');
  assert.equal(
    header.trim(),
    'id,label,confidence,variance_data,variance_model,variance_disagreement,variance_total,p_setosa,p_versicolor,p_virginica,accepted,round',
  );
  const cells = first.split(',');
  assert.equal(cells[0], 'flower-5');
  const [data, model, disagreement, total] = cells.slice(3, 7).map(Number);
  assert.ok(Math.abs(data + model + disagreement - total) < 1e-5);
  assert.ok(Math.abs(cells.slice(7, 10).reduce((sum, cell) => sum + Number(cell), 0) - 1) < 1e-4);
  assert.equal(result.askNext[0].id.startsWith('flower-'), true);

  const labelled = await runVerbInTest(
    manifest,
    'label',
    { run: 'run', data: 'iris.csv', id: 'name', out: 'new.csv' },
    { workingFolder },
  );
  const { labels } = labelled.result as unknown as { labels: { id: string; label: string }[] };
  const names = ['setosa', 'versicolor', 'virginica'];
  const right = labels.filter(({ label }, n) => label === names[IRIS_SPECIES[n]]).length;
  assert.ok(right > 0.75 * 150, `${right} right`);
  assert.match(readFileSync(at('new.csv'), 'utf8'), /^id,label,confidence,/);
});

test('a run that was broken off goes on from its checkpoint and ends alike; other settings are refused', async () => {
  const params = { labeled: 'iris.csv', label: 'species', id: 'name', rounds: 2, guard: false };
  const whole = await adapt({ ...params, out: 'whole' });
  const resumed = await adapt({ ...params, out: 'whole', resume: true, force: true });
  assert.deepEqual(resumed.methods, whole.methods);
  assert.deepEqual(resumed.views, whole.views);
  assert.equal(readFileSync(at('whole', 'rounds.json'), 'utf8').length > 100, true);
  await failure(
    { ...params, out: 'whole', resume: true, force: true, beta: 1 },
    /a checkpoint of the same inputs and settings, got one of others .*TF-SELF-009/,
  );
  await failure({ ...params, resume: true }, /--out with --resume, got none/);
  await failure({ ...params, out: 'whole' }, /TF-USAGE-007/);
});

test('poisoned truth changes figures but no pseudo-label', async () => {
  const params = { labeled: 'iris.csv', label: 'species', id: 'name' };
  const text = readFileSync(at('iris.csv'), 'utf8').replaceAll(/[^,\n]+$/gm, (name) =>
    name === 'truth' ? name : 'setosa',
  );
  writeFileSync(at('poisoned.csv'), text);
  await adapt({ ...params, truth: 'truth', out: 'honest' });
  await adapt({ ...params, labeled: 'poisoned.csv', truth: 'truth', out: 'poisoned' });
  const table = (run: string) => readFileSync(at(run, 'pseudo-labels.csv'), 'utf8');
  assert.equal(table('honest'), table('poisoned'));
});

test('without target labels nothing is called good: agreement is called agreement, and the rest is not measured', async () => {
  const verdictOf = async (verb: string, params: Readonly<Record<string, unknown>>) => {
    const { report } = await runVerbInTest(manifest, verb, params, { workingFolder });
    return { ...report!.verdict, blocks: JSON.stringify(report!.blocks) };
  };
  const settings = { labeled: 'iris.csv', label: 'species', id: 'name', hidden: [16, 8], rounds: 1, passes: 2 };
  const blind = await verdictOf('adapt', { ...settings, guard: false, columns: ['a', 'b', 'c', 'd'], out: 'blind' });
  assert.notEqual(blind.tone, 'good');
  assert.match(
    blind.text,
    /^After 1 round: EM and network agree on [\d.]+ % of the target, [\d.]+ % before\. Whether the labels are right was not measured\.$/,
  );
  assert.match(blind.blocks, /"target accuracy","value":"not measured"/);
  assert.match(blind.blocks, /EM and network can agree where both are wrong.*--truth/);
  const seen = await verdictOf('adapt', { ...settings, truth: 'truth', guard: false });
  assert.match(seen.text, /target accuracy went from/);
  assert.doesNotMatch(seen.blocks, /not measured/);

  const labelled = await verdictOf('label', { run: 'blind', data: 'iris.csv', id: 'name' });
  assert.equal(labelled.tone, 'info');
  assert.match(labelled.text, /right was not measured\. The confidence is calibrated on held-out samples/);
  await writeNpy(at('f8.npy'), { dtype: 'float32', shape: [8, 1], data: Float32Array.of(0, 1, 2, 3, 10, 11, 12, 13) });
  const rows = Float32Array.from({ length: 16 }, (_, i) => (i % 2 === Number(i >= 8) ? 0.9 : 0.1));
  await writeNpy(at('p8.npy'), { dtype: 'float32', shape: [8, 2], data: rows });
  const smoothed = await verdictOf('em', { features: 'f8.npy', probs: 'p8.npy' });
  assert.equal(smoothed.tone, 'info');
  assert.match(smoothed.text, /right was not measured/);
});

test('texts adapt by their terms', async () => {
  const rng = createRng(1, 'texts');
  const words = { good: ['great', 'lovely', 'fine', 'happy'], bad: ['awful', 'poor', 'sad', 'broken'] };
  const line = (mood: 'good' | 'bad', extra: string, isLabelled: boolean) => {
    const body = Array.from({ length: 5 }, () => words[mood][rng.integer(4)]).join(' ');
    return JSON.stringify({ body: `${body} ${extra}`, ...(isLabelled ? { mood } : { truth: mood }) });
  };
  const moods = ['good', 'bad'] as const;
  writeFileSync(at('reviews.jsonl'), Array.from({ length: 60 }, (_, n) => line(moods[n % 2], 'film', true)).join('\n'));
  writeFileSync(
    at('tweets.jsonl'),
    Array.from({ length: 80 }, (_, n) => line(moods[n % 2], 'today lol', false)).join('\n'),
  );
  const { methods } = await adapt({
    labeled: 'reviews.jsonl',
    unlabeled: 'tweets.jsonl',
    label: 'mood',
    text: 'body',
    truth: 'truth',
  });
  assert.ok(methods[0].accuracy! > 0.9, `accuracy ${methods[0].accuracy}`);
});

test('arrays in .npy and IDX files adapt with their label files', async () => {
  const [source, target] = [drawBlobs(90, 1, 0), drawBlobs(120, 2, 0.2)];
  const save = async (name: string, { x, labels }: typeof source) => {
    await writeNpy(at(`${name}.npy`), { dtype: 'float32', shape: [x.numRows, x.width], data: x.data });
    await writeNpy(at(`${name}-y.npy`), { dtype: 'int32', shape: [labels.length], data: labels });
  };
  await save('s', source);
  await save('t', target);
  const { methods } = await adapt({ labeled: 's.npy', unlabeled: 't.npy', label: 's-y.npy', truth: 't-y.npy' });
  assert.ok(methods[0].accuracy! > 0.8);
  const images = Uint8Array.from({ length: 40 * 16 }, (_, i) => (Math.floor(i / 16) % 2 === 0 ? 20 : 200) + (i % 7));
  await writeIdx(at('a-images-ubyte'), { dtype: 'uint8', shape: [40, 4, 4], data: images });
  await writeIdx(at('a-labels-ubyte'), {
    dtype: 'uint8',
    shape: [40],
    data: Uint8Array.from({ length: 40 }, (_, n) => n % 2),
  });
  const result = await adapt({
    labeled: 'a-images-ubyte',
    unlabeled: 'a-images-ubyte',
    label: 'a-labels-ubyte',
    truth: 'a-labels-ubyte',
  });
  assert.equal(result.methods[0].accuracy, 1);
  assert.match(result.askNext[0].thumbnail!, /^data:image\/png/);
  await failure(
    { labeled: 's.npy', unlabeled: 't.npy', label: 't-y.npy' },
    'readSamples: 90 labels, one a sample, got 120 (t-y.npy). TF-SELF-002',
  );
});

test('folders of images adapt; images that do not decode are left out and named', async () => {
  const draw = (folder: string, name: string, ink: number) => {
    mkdirSync(at(folder), { recursive: true });
    const data = Uint8Array.from({ length: 256 }, (_, i) => Math.min(255, ink + ((i * 37) % 50)));
    writeFileSync(at(folder, name), encodePng({ widthPx: 16, heightPx: 16, data, colours: 'grey' }));
  };
  for (let n = 0; n < 10; n++) {
    draw('old/dark', `${n}.png`, 10 + n);
    draw('old/light', `${n}.png`, 180 + n);
    draw('new', `${n}.png`, n % 2 === 0 ? 40 + n : 150 + n);
  }
  writeFileSync(at('new', 'broken.png'), 'no image');
  const outcome = await runVerbInTest(
    manifest,
    'adapt',
    { labeled: 'old', unlabeled: 'new', imageSize: 8, hidden: [8], rounds: 1, passes: 2, out: 'pictures' },
    { workingFolder },
  );
  const result = outcome.result as unknown as AdaptJson;
  assert.deepEqual(result.classNames, ['dark', 'light']);
  assert.equal(result.numTarget, 10);
  assert.ok(outcome.diagnostics.some(({ location }) => location?.startsWith('broken.png')));
  const labels = readFileSync(at('pictures', 'pseudo-labels.csv'), 'utf8').trim().split('\n').slice(1);
  labels.forEach((line, n) => assert.equal(line.split(',')[1], n % 2 === 0 ? 'dark' : 'light'));
  await failure(
    { labeled: 'new', unlabeled: 'old' },
    /labelled images in sub-folders named by class, got "0.png" outside of a sub-folder/,
  );
});

const usps = findDataFolder();
test(
  'USPS digits come out of HDF5 and into the built-in set',
  { skip: usps === undefined && 'no folder of real data; set TENFOLD_DATA' },
  async () => {
    const file = join(usps!, 'self-train', 'usps.h5');
    const result = await adapt({
      labeled: `${file}:test/data`,
      label: `${file}:test/target`,
      unlabeled: 'digits:usps:300',
      truth: 'label',
    }).catch((error: Error) => error);
    // An array and a set of images are of two kinds; the message says so.
    assert.match((result as Error).message, /labelled and unlabelled samples of one kind \(array/);
    const digits = await adapt({ labeled: 'digits:usps:600', unlabeled: 'digits:usps-test:200', truth: 'label' });
    assert.ok(digits.methods[0].accuracy! > 0.7);
    await failure({ labeled: file, label: 'x' }, /the dataset inside the file, as in file\.h5:train\/data/);
    await failure({ labeled: `${file}:no/such`, label: 'x' }, /a dataset of numbers "no\/such", got no such name/);
  },
);

test('compare runs the named methods from one source network and refuses to measure without truth', async () => {
  const outcome = await runVerbInTest(
    manifest,
    'compare',
    {
      labeled: 'iris.csv',
      label: 'species',
      truth: 'truth',
      id: 'name',
      methods: ['em', 'cbst', 'oracle'],
      hidden: [16, 8],
      rounds: 1,
      passes: 2,
    },
    { workingFolder },
  );
  const { methods } = outcome.result as unknown as AdaptJson;
  assert.deepEqual(
    methods.map(({ method }) => method),
    ['em', 'cbst', 'oracle'],
  );
  assert.equal(new Set(methods.map(({ rounds }) => rounds[0].truthAccuracy)).size, 1);
  await assert.rejects(
    runVerbInTest(
      manifest,
      'compare',
      { labeled: 'iris.csv', label: 'species', truth: 'species', hidden: [8], rounds: 1 },
      { workingFolder },
    ),
    { message: /true labels of the target, to measure the methods with, got none/ },
  );
});

test('em smooths given probabilities with given features and says how many labels changed', async () => {
  const { x, labels } = drawBlobs(120, 4, 0);
  const rng = createRng(3, 'wrong labels');
  const probabilities = new Float32Array(360).fill(0.2);
  labels.forEach((label, n) => void (probabilities[3 * n + (rng.uniform() < 0.25 ? rng.integer(3) : label)] = 0.6));
  await writeNpy(at('f.npy'), { dtype: 'float32', shape: [120, 8], data: x.data });
  await writeNpy(at('p.npy'), { dtype: 'float32', shape: [120, 3], data: probabilities });
  const run = (params: object = {}) =>
    runVerbInTest(manifest, 'em', { features: 'f.npy', probs: 'p.npy', ...params }, { workingFolder });
  const result = (await run({ out: 'q.npy' })).result as unknown as { numMoved: number; logLikelihood: number[] };
  assert.ok(result.numMoved > 5 && result.numMoved < 40, `${result.numMoved} moved`);
  await writeNpy(at('logits.npy'), { dtype: 'float32', shape: [120, 3], data: probabilities.map((p) => 5 * p) });
  await assert.rejects(run({ probs: 'logits.npy' }), {
    message:
      'self-train em: rows of probabilities: not negative, sum 1, got a sum of 5.000 (logits.npy, row 0). Logits must go through softmax first. TF-SELF-003',
  });
  await writeNpy(at('short.npy'), { dtype: 'float32', shape: [60, 3], data: probabilities.slice(0, 180) });
  await assert.rejects(run({ probs: 'short.npy' }), {
    message: /probabilities \[120, classes ≥ 2\], as f\.npy has 120 rows, got \[60, 3\]/,
  });
});

test('inputs that cannot be used say what, where and what was expected', async () => {
  writeFileSync(at('one.csv'), 'a,label\n1,x\n2,x\n3,\n');
  await failure(
    { labeled: 'one.csv' },
    'classNamesOf: at least two classes among the labels, got only "x". TF-SELF-001',
  );
  writeFileSync(at('full.csv'), 'a,label\n1,x\n2,y\n3,x\n4,y\n');
  await failure(
    { labeled: 'full.csv' },
    'readSamplePair: rows without a label, or unlabelled samples as second argument, got 4 rows, all labelled (full.csv). TF-SELF-001',
  );
  await failure(
    { labeled: 'full.csv', label: 'labl' },
    /a column "labl", got none of that name\. Did you mean "label"/,
  );
  await failure(
    { labeled: 'no.csv' },
    /a folder of images, a table, \.npy, IDX, file\.h5:dataset, or digits:fonts\|mnist\|usps, got no such path \(no\.csv\)/,
  );
  writeFileSync(at('other.txt'), 'x');
  await failure({ labeled: 'other.txt' }, /a file that ends in \.csv.*got \.txt/);
  writeFileSync(at('target.csv'), 'z\n1\n2\n');
  await failure(
    { labeled: 'full.csv', unlabeled: 'target.csv' },
    /a column of numbers or categories beside the label, in both tables/,
  );
  await failure(
    { labeled: 'iris.csv', label: 'species', portion: '0.5' },
    /--portion as start:max:step with 0 < start ≤ max ≤ 1/,
  );
  await assert.rejects(runVerbInTest(manifest, 'label', { run: workingFolder, data: 'iris.csv' }, { workingFolder }), {
    message: /model\.json and network\.safetensors, got no description .*TF-SELF-009/,
  });
});

test('samples that stand on both sides are warned about', async () => {
  const outcome = await runVerbInTest(
    manifest,
    'adapt',
    { labeled: 'full.csv', unlabeled: 'full.csv', hidden: [4], rounds: 1, passes: 1 },
    { workingFolder },
  );
  assert.ok(outcome.diagnostics.some(({ code, actual }) => code === 'TF-SELF-008' && actual === '4 that are'));
});

test('a column that numbers the rows is no feature: labelled and unlabelled rows differ in it', async () => {
  const rows = IRIS_SPECIES.map((species, n) =>
    [n, ...IRIS_MEASURES.slice(4 * n, 4 * n + 4), n % 50 < 5 ? ['s', 'e', 'i'][species] : ''].join(','),
  );
  writeFileSync(at('numbered.csv'), ['id,a,b,c,d,species', ...rows].join('\n'));
  const params = { labeled: 'numbered.csv', label: 'species', hidden: [16, 8], rounds: 1, passes: 2 };
  const told = async (more: Readonly<Record<string, unknown>>) =>
    (await runVerbInTest(manifest, 'adapt', { ...params, ...more }, { workingFolder })).diagnostics
      .filter(({ code }) => code === 'TF-SELF-010')
      .map(({ actual }) => actual);
  assert.deepEqual(await told({}), ['a column "id" that numbers the rows; it is left out']);
  assert.deepEqual(await told({ id: 'id' }), []);
  await adapt({ ...params, out: 'numbered' });
  const model = JSON.parse(readFileSync(at('numbered', 'model.json'), 'utf8')) as {
    featuriser: { columns: { name: string }[] };
  };
  assert.deepEqual(
    model.featuriser.columns.map(({ name }) => name),
    ['a', 'b', 'c', 'd'],
  );
});

test('smoothing without a sample is refused', async () => {
  await writeNpy(at('none.npy'), { dtype: 'float32', shape: [0, 3], data: new Float32Array(0) });
  await assert.rejects(runVerbInTest(manifest, 'em', { features: 'none.npy', probs: 'none.npy' }, { workingFolder }), {
    message: 'self-train em: features of at least one sample, got [0, 3] (none.npy). TF-SELF-001',
  });
});
