/** Text of the error that a call must throw. */
import assert from 'node:assert/strict';
import { TenfoldError } from '../../src/base/index.ts';

export function messageOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof TenfoldError, String(error));
    return error.message;
  }
  return assert.fail('expected an error');
}
