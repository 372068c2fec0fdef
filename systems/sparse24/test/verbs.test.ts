/** The verbs as a user calls them: what they refuse, what they say, what they must never delete. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { maskFolder, sampleRows } from '../src/index.ts';
import { manifest } from '../src/manifest.ts';
import { reportComparison, reportDifference } from '../src/report.ts';
import { reportSweep } from '../src/report-sweep.ts';
import { settingsFromParams } from '../src/settings.ts';
import { readLlama2cTokenizer } from '../src/model/llama2c.ts';
import { commandOf } from '../src/verbs/sweep.ts';
import { createRng } from '@tenfold/core/base';
import { proxSparse } from '../src/methods/proxsparse.ts';
import { tinyModel, tinyRows } from './tiny-model.ts';

const SHIPPED = fileURLToPath(new URL('../../../models/scrimshaw-11m', import.meta.url));

describe('verbs', () => {
  let folder = '';
  const run = (verb: string, params: Record<string, unknown>) =>
    runVerbInTest(manifest, verb, params, { workingFolder: folder });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tenfold-sparse-verbs-'));
    mkdirSync(join(folder, 'models/base'), { recursive: true });
    for (const file of readdirSync(SHIPPED)) copyFileSync(join(SHIPPED, file), join(folder, 'models/base', file));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('an output that holds the model is refused, also by way of a link: replacing it would delete the model', async () => {
    symlinkSync(join(folder, 'models'), join(folder, 'link'));
    for (const output of ['models', '.', 'link', 'models/base', 'link/base', 'link/base/deep'])
      await assert.rejects(
        run('prune', { model: 'models/base', output, force: true }),
        /(outside the model|not hold the model).*TF-SPARSE-005/,
        output,
      );
    assert.deepEqual(readdirSync(join(folder, 'models/base')).toSorted(), readdirSync(SHIPPED).toSorted());
  });

  test('an output that cannot be made is an error, not a loop', async (t) => {
    writeFileSync(join(folder, 'file'), 'mine');
    for (const output of ['file/below', '/dev/null/x'])
      await assert.rejects(run('prune', { model: 'models/base', output }), /TF-BASE-004/, output);
    await assert.rejects(run('prune', { model: 'models/base', output: 'file', force: true }), /A file of that name/);
    if (!existsSync('/proc/self')) return t.skip('needs /proc, whose folders cannot be made');
    const script = `import { maskFolder } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
      await maskFolder(${JSON.stringify(join(folder, 'models/base'))}, '/proc/x');`;
    const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 30_000,
      killSignal: 'SIGKILL',
      encoding: 'utf8',
    });
    assert.equal(signal, null, 'ended by itself');
    assert.match(stderr, /TF-BASE-004/);
  });

  test('a dry run says what a run would do, and refuses what a run would refuse', async () => {
    const dry = await run('prune', { model: 'models/base', output: 'dry', dryRun: true });
    assert.match(dry.report!.verdict.text, /Would write .*dry: 42 matrices, 9\.4 M weights/);
    assert.equal(existsSync(join(folder, 'dry')), false);
    await run('prune', { model: 'models/base', output: 'pruned' });
    const wet = await run('prune', { model: 'models/base', output: 'pruned', force: true });
    const figures = (result: unknown) => (({ numMasked, numWeights }) => ({ numMasked, numWeights }))(result as never);
    assert.deepEqual(figures(dry.result), figures(wet.result));
    for (const [verb, params] of [
      ['prune', { model: 'models/base', output: 'pruned', dryRun: true }],
      ['apply', { model: 'models/base', mask: 'pruned/mask24.safetensors', output: 'pruned', dryRun: true }],
    ] as const)
      await assert.rejects(run(verb, params), /an output folder that does not exist/);
    await assert.rejects(run('prune', { model: 'absent', output: 'x', dryRun: true }), /TF-SYSTEM-001/);
  });

  test('what cannot be written is refused before anything is learned', async () => {
    const learned = { model: 'models/base', method: 'proxsparse', steps: 100_000, rows: 100_000 };
    mkdirSync(join(folder, 'taken'));
    await assert.rejects(run('prune', { ...learned, output: 'taken' }), /does not exist/);
    writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(64));
    await assert.rejects(run('prune', { ...learned, model: 'weights.bin', output: 'x' }), /got a file|to be a folder/);
  });

  test('options without effect are refused', async () => {
    const base = { model: 'models/base', output: 'x' };
    await assert.rejects(
      run('prune', { ...base, method: 'wanda', checkpoint: 'state' }),
      /--checkpoint with a method that has one .*got wanda/,
    );
    assert.throws(
      () => settingsFromParams(tinyModel(), { rows: 1, context: 8, steps: 1, maskLr: 1, lambda1: 1, kappa: 1 }),
      /either --lambda1 or --kappa, got both.*TF-SPARSE-005/,
    );
    await assert.rejects(run('compare', { model: 'models/base', methods: [] }), /methods/);
    writeFileSync(join(folder, 'text.txt'), 'Call me Ishmael. '.repeat(100));
    for (const [more, message] of [
      [{ method: 'magnitude', text: 'text.txt' }, /options that magnitude reads, got --text/],
      [{ method: 'wanda', kappa: 0.1 }, /options that wanda reads, got --kappa/],
      [{ epsilon: 0.1 }, /--lambda2 above 0 with --epsilon/],
    ] as const)
      await assert.rejects(run('prune', { ...base, ...more }), message);
    await assert.rejects(
      run('compare', { model: 'models/base', methods: ['magnitude', 'ria'], lambda1: 1 }),
      /options that magnitude, ria read, got --lambda1/,
    );
  });

  test('without text prune takes magnitude and says what a better mask needs; with text it learns one', async () => {
    const plain = await run('prune', { model: 'models/base', output: 'plain' });
    assert.match(plain.report!.verdict.text, /two of four kept by magnitude\.$/);
    const said = JSON.stringify(plain.report!.blocks);
    assert.match(said, /Kept: the two largest of every four weights; no text was read/);
    assert.match(said, /needs a Llama-style model and text: give `--text FILE` \(ProxSparse\)/);
    writeFileSync(
      join(folder, 'book.txt'),
      'Call me Ishmael, said the harpooner, and the whale went down. '.repeat(40),
    );
    const few = { model: 'models/base', text: 'book.txt', steps: 2, rows: 2, context: 16 };
    const learned = await run('prune', { ...few, output: 'learned' });
    assert.equal((learned.result as { method: string }).method, 'proxsparse');
    assert.match(learned.report!.verdict.text, /two of four kept by proxsparse\.$/);
    const method = JSON.parse(readFileSync(join(folder, 'learned/sparsity_report.json'), 'utf8')).method;
    assert.equal(method, 'proxsparse');
  });

  test('an interrupted run with a checkpoint keeps the steps it took', async () => {
    const controller = new AbortController();
    const steps: number[] = [];
    const checkpoint = join(folder, 'state.safetensors');
    const model = tinyModel();
    const rows = tinyRows(2, 16);
    const settings = { steps: 1000, learningRate: 1e-3, kappa: 0.02 };
    const state = { path: checkpoint, key: 'one', resumes: true };
    await assert.rejects(
      proxSparse(model, rows, {
        ...settings,
        checkpoint: state,
        signal: controller.signal,
        onStep: ({ step }) => (steps.push(step) === 3 ? controller.abort() : undefined),
      }),
      /TF-BASE-001/,
    );
    const resumed: number[] = [];
    const again = new AbortController();
    await assert.rejects(
      proxSparse(model, rows, {
        ...settings,
        checkpoint: state,
        signal: again.signal,
        onStep: ({ step }) => (resumed.push(step), again.abort()),
      }),
      /TF-BASE-001/,
    );
    assert.deepEqual([steps, resumed], [[1, 2, 3], [4]]);
  });

  test('rows longer than the model’s context are refused, also where the model writes them', async () => {
    await assert.rejects(
      run('compare', { model: 'models/base', methods: ['magnitude'], context: 100_000 }),
      /the model's longest context, got 100000.*TF-SPARSE-005/,
    );
  });

  test('a block whose objective leaves the numbers is an error; a small one is not shown as zero', async () => {
    await assert.rejects(
      run('prox', { block: [1e308, 1e308, 1e308, 1e308], lambda: 1 }),
      /finite number.*TF-SPARSE-005/,
    );
    const { report } = await run('prox', { block: [6e-7, 5e-7, 4e-7, 3e-7], lambda: 1 });
    assert.match(report!.verdict.text, /\[6e-7, 4\.99999e-7, 3\.99999e-7, 2\.99999e-7\], 4 non-zero/);
  });

  test('a sampling that is interrupted stops, and gives no short rows', async () => {
    const options = { numRows: 2, length: 16, rng: createRng(1, 'rows'), signal: AbortSignal.abort() };
    await assert.rejects(sampleRows(tinyModel(), options), /TF-BASE-001/);
  });
});

test('the shipped model is found by its short name from any folder, one of that name in the folder comes first', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-elsewhere-'));
  const inspect = () => runVerbInTest(manifest, 'inspect', { path: 'models/scrimshaw-11m' }, { workingFolder: folder });
  assert.equal(((await inspect()).result as unknown[]).length, 42);
  mkdirSync(join(folder, 'models/scrimshaw-11m'), { recursive: true });
  await assert.rejects(inspect(), /TF-DATA-001/);
  await assert.rejects(
    runVerbInTest(manifest, 'inspect', { path: 'models/other' }, { workingFolder: folder }),
    /TF-DATA-001/,
  );
  rmSync(folder, { recursive: true });
});

test('text that was calibrated on is not taken for held-out text, by whatever path', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-seen-'));
  writeFileSync(join(folder, 'a.txt'), 'Once upon a time. '.repeat(500));
  symlinkSync(join(folder, 'a.txt'), join(folder, 'b.txt'));
  for (const [verb, heldOut] of [
    ['compare', 'a.txt'],
    ['sweep', './b.txt'],
  ] as const)
    await assert.rejects(
      runVerbInTest(manifest, verb, { model: SHIPPED, text: 'a.txt', heldOut }, { workingFolder: folder }),
      /text other than that of --text, got the same file.*TF-SPARSE-013/,
    );
  rmSync(folder, { recursive: true });
});

test('a long text is cut into words before pairs are merged, with the tokens of the whole', () => {
  const pieces = ['<unk>', '<s>', '</s>'];
  for (let byte = 0; byte < 256; byte++) pieces.push(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  pieces.push(' ', 'a', 'b', 'c', '\n', ' a', 'ab', ' ab', 'bc', 'abc', '  ', '\na');
  const tokenizer = (more: readonly string[]) =>
    readLlama2cTokenizer(tokenizerFile([...pieces, ...more]), pieces.length + more.length, 'x');
  const rng = createRng(4, 'letters');
  const letters = Array.from({ length: 400 }, () => ' abc\né'[rng.integer(6)]).join('');
  // A piece that reaches over the start of a word, and never occurs, keeps the text whole.
  assert.deepEqual(tokenizer([]).encode(letters), tokenizer(['zz zz']).encode(letters));
  const start = performance.now();
  tokenizer([]).encode('abc ab cab '.repeat(20_000));
  assert.ok(performance.now() - start < 5000, 'not the square of the length');
});

function tokenizerFile(pieces: readonly string[]): Uint8Array {
  const parts = pieces.map((piece, id) => {
    const text = Buffer.from(piece);
    const head = Buffer.alloc(8);
    head.writeFloatLE(id < 259 ? 0 : (id * 7) % 11, 0);
    head.writeInt32LE(text.length, 4);
    return Buffer.concat([head, text]);
  });
  return Buffer.concat([Buffer.alloc(4), ...parts]);
}

test('a comparison of methods that all change weights has a verdict', () => {
  const row = {
    method: 'admm-update',
    perplexity: 9,
    isMaskOnly: false,
    differsFromMagnitude: 0.1,
    elapsedMs: 1,
  } as const;
  const outcome = { method: 'admm-update', masks: new Map(), warnings: [] } as const;
  const report = reportComparison(
    { densePerplexity: 5, rows: [{ ...row, outcome, differsByMatrix: new Map() }] },
    'one',
  );
  assert.match(
    report.verdict.text,
    /admm-update has the lowest perplexity \(kept weights changed too\): perplexity 9\.00/,
  );
});

test('a difference is never rounded to none, and matrices of one mask alone are not called equal', () => {
  const value = { difference: 1e-6, byMatrix: { a: 1e-6 }, onlyInA: [], onlyInB: [] };
  assert.match(reportDifference(value, 'a', 'b').verdict.text, /Less than 0\.01 % of the mask entries differ/);
  const alone = reportDifference({ ...value, difference: 0, onlyInB: ['x'] }, 'a', 'b').verdict;
  assert.deepEqual([alone.tone, /1 matrix is in one mask alone/.test(alone.text)], ['warn', true]);
});

test('a sweep that magnitude beats says so, and its command repeats the settings', () => {
  const point = { kappa: 0.02, earlyPerplexity: 9, earlySparseShare: 1, finalPerplexity: 8, warnings: [] };
  const verdict = (magnitudePerplexity: number) =>
    reportSweep({ densePerplexity: 5, magnitudePerplexity, points: [point], best: point }, 'm', 'c').verdict;
  assert.match(verdict(7).text, /No κ of the list beats the magnitude mask; 0\.02 comes nearest/);
  assert.match(verdict(9).text, /κ 0\.02 gives the best mask/);
  const params = {
    model: 'my model',
    kappas: [],
    keep: 1,
    heldOutRows: 1,
    rows: 16,
    context: 64,
    steps: 8,
    text: 'a.txt',
  };
  assert.equal(
    commandOf(params, 3, 0.02),
    "tenfold sparse24 prune 'my model' pruned --method proxsparse --kappa 0.02 --steps 8 --text a.txt --rows 16 --context 64 --seed 3",
  );
  assert.match(commandOf({ ...params, model: 'a.bin' }, 0, 1), /^tenfold sparse24 compare a\.bin --methods proxsparse/);
});

test('nothing to mask is an error, not a copy that is called pruned', async () => {
  const { writeSafetensors } = await import('@tenfold/core/data');
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-nothing-'));
  await writeSafetensors(join(folder, 'model.safetensors'), [
    ['wte.weight', { dtype: 'float32', shape: [4, 4], data: new Float32Array(16) }],
  ]);
  await assert.rejects(maskFolder(folder, `${folder}-out`), /got none among 1 tensors.*TF-SPARSE-007/);
  assert.equal(existsSync(`${folder}-out`), false);
  rmSync(folder, { recursive: true });
});
