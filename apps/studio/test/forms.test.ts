/** Forms from schemas, and example lines as params. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineVerb } from '@tenfold/core/system';
import { z } from 'zod';
import { paramsFromExample } from '../server/example-params.ts';
import { controlOf, draftFromParams, labelOf, paramsFromDraft } from '../web/src/params-draft.ts';

const schema = {
  type: 'object',
  required: ['n'],
  properties: {
    n: { type: 'integer', minimum: 1 },
    rate: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: 0.5 },
    mode: { type: 'string', enum: ['fast', 'exact'], default: 'fast' },
    sizes: { type: 'array', items: { type: 'integer' } },
    force: { type: 'boolean', default: false },
    source: { type: 'string', kind: 'file' },
    options: { type: 'object' },
  },
} as const;

test('each kind of schema has its control', () => {
  const kinds = Object.fromEntries(
    Object.entries(schema.properties).map(([name, property]) => [name, controlOf(property).kind]),
  );
  assert.deepEqual(kinds, {
    n: 'number',
    rate: 'number',
    mode: 'choice',
    sizes: 'list',
    force: 'boolean',
    source: 'path',
    options: 'json',
  });
  assert.equal(labelOf('maxStepsPerRun'), 'Max steps per run');
  assert.equal(labelOf('bandwidthGbit'), 'Bandwidth in Gbit/s');
});

test('a draft and its params turn into each other', () => {
  const params = { n: 3, rate: 0.25, mode: 'exact', sizes: [1, 2], force: true, source: 'a.csv', options: { k: 1 } };
  const read = paramsFromDraft(schema, draftFromParams(schema, params));
  assert.deepEqual(read, { params, errors: {} });
});

test('what cannot be read is said at its field, and empty optional fields are left out', () => {
  const draft = { ...draftFromParams(schema, {}), n: '1.5', rate: '2', sizes: '1,x', options: '{' };
  const { errors } = paramsFromDraft(schema, draft);
  assert.equal(errors['n'], 'Write a whole number.');
  assert.equal(errors['rate'], 'Write a number of at most 1.');
  assert.equal(errors['sizes'], 'Write a whole number.');
  assert.match(errors['options']!, /^Write JSON: /);
  assert.equal(paramsFromDraft(schema, draftFromParams(schema, {})).errors['n'], 'This one is needed.');
  assert.deepEqual(paramsFromDraft(schema, { n: '2' }).params, { n: 2 });
});

const verb = defineVerb({
  name: 'quorum plan',
  summary: 'plans',
  examples: [],
  params: z.object({
    file: z.string().optional().meta({ positional: true }).describe('file'),
    sets: z.string().optional().describe('sets'),
    sizes: z.array(z.number()).default([]).describe('sizes'),
    exact: z.boolean().default(false).describe('exact'),
    bound: z.bigint().optional().describe('bound'),
  }),
  load: async () => {
    throw new Error('examples are read without loading the algorithm');
  },
});

test('an example line is read as a shell would, into typed JSON params', () => {
  assert.deepEqual(
    paramsFromExample(
      verb,
      `quorum plan 'my file.csv' --sets "3|1,2" --sizes 1,2 --exact --bound 12345678901234567890`,
    ),
    {
      file: 'my file.csv',
      sets: '3|1,2',
      sizes: [1, 2],
      exact: true,
      bound: '12345678901234567890',
    },
  );
  assert.deepEqual(paramsFromExample(verb, 'quorum plan --sets=a --no-exact'), { sets: 'a', exact: false });
  assert.equal(paramsFromExample(verb, 'quorum plan --json'), undefined, 'options of the command line are no params');
  assert.equal(paramsFromExample(verb, 'quorum plan --sizes a,b'), undefined);
});
