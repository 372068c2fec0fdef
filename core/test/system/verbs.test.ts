import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { throwIfCancelled, yieldToEventLoop } from '../../src/base/index.ts';
import {
  checkManifest,
  defineSystem,
  defineVerb,
  describeSystem,
  outputParams,
  paramFieldsOf,
  paramFromText,
  plainJsonFrom,
  runVerb,
  writeOutputFiles,
  type VerbResult,
} from '../../src/system/index.ts';
import { assertManifest, createTestContext, runTour } from '../../src/system/test-kit.ts';

const report = (text: string): VerbResult['report'] => ({
  title: 'Sum',
  verdict: { tone: 'good', text },
  blocks: [
    {
      kind: 'figures',
      figures: [
        { label: 'sum', value: 1 },
        { label: 'count', value: 2 },
      ],
    },
  ],
});

const add = defineVerb({
  name: 'add',
  summary: 'add numbers',
  examples: ['add --values 1,2'],
  params: z.object({
    values: z.array(z.number()).min(1).default([1, 2]).describe('numbers to add'),
    maxSteps: z.int().min(0).default(3).describe('steps'),
    mode: z.enum(['fast', 'exact']).default('fast').describe('how'),
    input: z.string().optional().describe('a file').meta({ kind: 'file' }),
    big: z.bigint().optional().describe('a big number'),
  }),
  load: async () => ({
    run: async ({ values }, context) => {
      context.progress({ phase: 'adding', done: 1, total: 2 });
      context.metric('sum', 0, 3);
      await yieldToEventLoop();
      throwIfCancelled(context.signal, 'toy add');
      const sum = values.reduce((a, b) => a + b, 0);
      return {
        ok: sum < 100,
        value: { sum: BigInt(sum), draw: context.rng.uniform() },
        report: report(`The sum is ${sum}.`),
      };
    },
  }),
});

const write = defineVerb({
  name: 'write plan',
  summary: 'write a file',
  examples: ['write plan out.json'],
  writesFiles: true,
  params: z.object({
    path: z.string().describe('file to write').meta({ positional: true, kind: 'output' }),
    ...outputParams,
  }),
  load: async () => ({
    run: async (params, context) => {
      const subject = 'toy write plan';
      const files = writeOutputFiles([{ path: params.path, bytes: 'hello' }], { subject, context, ...params });
      return { ok: true, value: files, report: report('Written.') };
    },
  }),
});

const crash = defineVerb({
  name: 'crash',
  summary: 'fail',
  examples: ['crash'],
  params: z.object({}),
  load: async () => ({
    run: async () => {
      throw new RangeError('out of luck');
    },
  }),
});

const toy = defineSystem({
  id: 'toy',
  title: 'Toy',
  question: 'What is the sum?',
  paper: { title: 'None', arxiv: '0000.00000' },
  verbs: [add, write, crash],
  tour: 'add',
});

const folders = { cacheFolder: tmpdir(), workingFolder: tmpdir() };

test('a verb runs with defaults, and its BigInt becomes a decimal string', async () => {
  const updates: string[] = [];
  const outcome = await runVerb(toy, 'add', {}, { ...folders, seed: 7, onProgress: (p) => updates.push(p.phase) });
  assert.equal(outcome.status, 'done');
  assert.equal((outcome.result as { sum: string }).sum, '3');
  assert.deepEqual(updates, ['adding']);
  assert.equal(outcome.seed, 7);
});

test('the seed alone decides the random numbers of a run', async () => {
  const draw = async (seed: number): Promise<unknown> =>
    ((await runVerb(toy, 'add', {}, { ...folders, seed })).result as { draw: number }).draw;
  assert.equal(await draw(1), await draw(1));
  assert.notEqual(await draw(1), await draw(2));
});

test('a verb that finds problems has exit code 1', async () => {
  const outcome = await runVerb(toy, 'add', { values: [200] }, folders);
  assert.deepEqual([outcome.status, outcome.exitCode], ['problems', 1]);
});

test('a cancelled run has exit code 130 and is not a failure', async () => {
  const controller = new AbortController();
  const outcome = await runVerb(
    toy,
    'add',
    {},
    { ...folders, signal: controller.signal, onProgress: () => controller.abort() },
  );
  assert.deepEqual([outcome.status, outcome.exitCode, outcome.error?.code], ['cancelled', 130, 'TF-BASE-001']);
});

test('an error that is not ours is reported as a bug with exit code 70', async () => {
  const outcome = await runVerb(toy, 'crash', {}, folders);
  assert.equal(outcome.exitCode, 70);
  assert.match(outcome.error!.message, /^toy crash: the verb to finish, got RangeError: out of luck\./);
});

const wrongUses: readonly [string, string, Record<string, unknown>, string, number][] = [
  [
    'an unknown verb',
    'ad',
    {},
    'toy: one of its verbs, got "ad". Did you mean "add"? Verbs: tenfold toy. TF-USAGE-004',
    2,
  ],
  [
    'an unknown option',
    'add',
    { maxStep: 1 },
    'toy add: only options of this verb, got --max-step. Did you mean "--max-steps"? Options: tenfold toy add --help. TF-USAGE-001',
    2,
  ],
  [
    'a text for a whole number',
    'add',
    { maxSteps: 'five' },
    'toy add: --max-steps must be a whole number, got "five". Options: tenfold toy add --help. TF-USAGE-002',
    2,
  ],
  [
    'a fraction for a whole number',
    'add',
    { maxSteps: 1.5 },
    'toy add: --max-steps must be a whole number, got 1.5. Options: tenfold toy add --help. TF-USAGE-002',
    2,
  ],
  [
    'a negative count',
    'add',
    { maxSteps: -1 },
    'toy add: --max-steps must be at least 0, got -1. Options: tenfold toy add --help. TF-USAGE-002',
    2,
  ],
  [
    'an empty list',
    'add',
    { values: [] },
    'toy add: --values must be a list of at least 1 elements, got []. Options: tenfold toy add --help. TF-USAGE-002',
    2,
  ],
  [
    'a wrong element',
    'add',
    { values: [1, 'x'] },
    'toy add: --values must be a number, got "x" (at values.1). Options: tenfold toy add --help. TF-USAGE-002',
    2,
  ],
  [
    'an unknown choice',
    'add',
    { mode: 'slow' },
    'toy add: --mode must be one of fast, exact, got "slow". Options: tenfold toy add --help. TF-USAGE-002',
    2,
  ],
  [
    'a missing argument',
    'write plan',
    {},
    'toy write plan: <path> is needed: file to write (a text). Options: tenfold toy write plan --help. TF-USAGE-003',
    2,
  ],
];

for (const [name, verb, params, message, exitCode] of wrongUses) {
  test(`${name} gives one error that names option, expectation, value and fix`, async () => {
    const outcome = await runVerb(toy, verb, params, folders);
    assert.equal(outcome.error!.message, message);
    assert.equal(outcome.exitCode, exitCode);
  });
}

test('a missing file is reported with the nearest name in its folder, before the verb loads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-system-'));
  writeFileSync(join(folder, 'model.safetensors'), '');
  const outcome = await runVerb(toy, 'add', { input: 'modl.safetensors' }, { ...folders, workingFolder: folder });
  assert.equal(outcome.exitCode, 3);
  assert.equal(outcome.error!.code, 'TF-SYSTEM-001');
  assert.deepEqual(outcome.error!.hints, ['Did you mean "model.safetensors"?']);
  const wrongKind = await runVerb(toy, 'add', { input: '.' }, { ...folders, workingFolder: folder });
  assert.equal(wrongKind.error!.code, 'TF-SYSTEM-002');
});

test('files are written whole, kept unless forced, and not at all in a dry run', async () => {
  const workingFolder = mkdtempSync(join(tmpdir(), 'tenfold-system-'));
  const options = { ...folders, workingFolder };
  assert.equal((await runVerb(toy, 'write plan', { path: 'a/out.txt', dryRun: true }, options)).status, 'done');
  assert.deepEqual(readdirSync(workingFolder), []);
  assert.equal((await runVerb(toy, 'write plan', { path: 'a/out.txt' }, options)).status, 'done');
  assert.deepEqual(readdirSync(join(workingFolder, 'a')), ['out.txt']);
  assert.equal(readFileSync(join(workingFolder, 'a/out.txt'), 'utf8'), 'hello');
  assert.equal((await runVerb(toy, 'write plan', { path: 'a/out.txt' }, options)).error!.code, 'TF-USAGE-007');
  assert.equal((await runVerb(toy, 'write plan', { path: 'a/out.txt', force: true }, options)).status, 'done');
});

test('text becomes the value that the schema expects, and stays text where it does not fit', () => {
  const fields = Object.fromEntries(paramFieldsOf(add).map((field) => [field.name, field]));
  assert.deepEqual(paramFromText(fields['values']!, ['1,2', '3.5']), [1, 2, 3.5]);
  assert.deepEqual(paramFromText(fields['values']!, '[4, 5]'), [4, 5]);
  assert.equal(paramFromText(fields['maxSteps']!, '1_000'), 1000);
  assert.equal(paramFromText(fields['maxSteps']!, 'many'), 'many');
  assert.equal(paramFromText(fields['big']!, '123456789012345678901234567890'), 123456789012345678901234567890n);
  assert.equal(fields['maxSteps']!.flag, 'max-steps');
  assert.equal(fields['input']!.pathKind, 'file');
});

test('a description of a room is plain JSON with a schema for every verb', () => {
  const description = describeSystem(toy);
  assert.deepEqual(JSON.parse(JSON.stringify(plainJsonFrom(description))).verbs[0].paramsSchema.properties.big, {
    description: 'a big number',
    type: 'string',
    format: 'bigint',
    pattern: '^-?[0-9]+$',
  });
  assert.equal(description.verbs[1]!.fields[0]!.isPositional, true);
});

test('plain JSON keeps what JSON cannot say as text', () => {
  assert.deepEqual(
    plainJsonFrom({ a: 1n, b: NaN, c: new Float32Array([1, 2]), d: new Map([['k', 2]]), e: undefined }),
    {
      a: '1',
      b: 'NaN',
      c: [1, 2],
      d: [['k', 2]],
    },
  );
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  assert.throws(() => plainJsonFrom(cycle), /contains itself/);
});

test('a sound manifest passes, and each broken rule is named', () => {
  assertManifest(toy);
  const broken = {
    ...toy,
    question: 'A statement.',
    tour: 'walk',
    verbs: [{ ...add, summary: 'Adds.', examples: ['sub 1'] }],
  };
  assert.deepEqual(
    checkManifest(broken).map((diagnostic) => diagnostic.expected),
    [
      'a question that ends in "?"',
      'the tour to be one of its verbs',
      'a summary without a full stop',
      'examples that start with the verb',
    ],
  );
});

test('the test kit records progress and metrics, and runs the tour', async () => {
  const context = createTestContext({ seed: 5 });
  const { run } = await add.load();
  await run({ values: [1] } as never, context);
  assert.deepEqual(context.recorded.metrics, [{ name: 'sum', step: 0, value: 3 }]);
  assert.equal((await runTour(toy)).status, 'done');
});
