/** Runs first: if this fails, nothing else is worth reading. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng, TenfoldError } from '@tenfold/core/base';
import { createTensor, numel } from '@tenfold/core/tensor';

test('the pinned Node runs the tests', () => {
  assert.ok(Number(process.versions.node.split('.')[0]) >= 24, `expected Node 24, got ${process.versions.node}`);
});

test('core can be imported through its package name', () => {
  assert.equal(createRng(1).seed, 1);
  assert.equal(createTensor('float32', [2, 3]).data.length, numel([2, 3]));
  assert.equal(typeof TenfoldError, 'function');
});
