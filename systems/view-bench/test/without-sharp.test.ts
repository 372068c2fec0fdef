/** The room on a machine without the optional package sharp. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** Makes `import('sharp')` fail, as if it were not installed. */
const HIDE_SHARP = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(name, context, next) {
    if (name === 'sharp') throw new Error('absent');
    return next(name, context);
  } });`)}`;

test('the tour runs without sharp and draws its pictures', () => {
  const program = join(import.meta.dirname, 'tour-program.ts');
  const printed = execFileSync(process.execPath, ['--import', HIDE_SHARP, program], { encoding: 'utf8' });
  const { numStrips, heads } = JSON.parse(printed) as { numStrips: number; heads: string[] };
  assert.ok(numStrips > 0);
  assert.deepEqual(heads, ['PNG']);
});
