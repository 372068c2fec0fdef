import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declaredErrorCodes, defineErrors, nearestNameHints, TenfoldError } from '@tenfold/core/base';

const fail = defineErrors({
  'TF-SAMPLE-001': { kind: 'input', title: 'The sample is bad', fix: 'Take another.' },
});

test('an error reads as one line: what was expected, what came, where, the fix, the code', () => {
  const error = fail('TF-SAMPLE-001', {
    subject: 'matMul',
    expected: 'inner sizes must match',
    actual: 'a [4, 8] and b [6, 3]',
    location: 'node "proj/MatMul_2"',
    hints: ['Transpose b or check "proj.weight".'],
  });
  assert.equal(
    error.message,
    'matMul: inner sizes must match, got a [4, 8] and b [6, 3] (node "proj/MatMul_2"). Transpose b or check "proj.weight". TF-SAMPLE-001',
  );
  assert.equal(error.exitCode, 3);
});

test('an error survives JSON with its kind and fields', () => {
  const error = fail('TF-SAMPLE-001', { subject: 'read', expected: 'a number' });
  const back = TenfoldError.fromJSON(JSON.parse(JSON.stringify(error)));
  assert.equal(back.message, error.message);
  assert.equal(back.kind, 'input');
});

test('a code cannot be declared twice with different meanings and must look like a code', () => {
  assert.throws(() => defineErrors({ 'TF-SAMPLE-001': { kind: 'input', title: 'Other', fix: '' } }), /declared twice/);
  assert.throws(() => defineErrors({ 'sample-1': { kind: 'input', title: 'Other', fix: '' } }), /expected a code/);
  assert.ok(declaredErrorCodes().has('TF-SAMPLE-001'));
});

test('a miss offers the nearest name, or the names there are', () => {
  assert.deepEqual(nearestNameHints('qourum', ['quorum', 'max']), ['Did you mean "quorum"?']);
  assert.deepEqual(nearestNameHints('zzzzzz', ['quorum', 'max']), ['Known: quorum, max.']);
  assert.deepEqual(nearestNameHints('x', []), []);
});
