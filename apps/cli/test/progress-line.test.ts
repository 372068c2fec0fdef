import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgressLine, progressText } from '../src/progress-line.ts';
import { createTerminal, wantsColor, type Terminal } from '../src/terminal.ts';

function fakeTerminal(options: { readonly isTTY: boolean; readonly env?: Record<string, string> }): {
  terminal: Terminal;
  written: string[];
} {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), isTTY: options.isTTY, columns: 40 };
  const terminal = createTerminal({ stdout: stream, stderr: stream, env: options.env ?? {}, cwd: () => '/' });
  return { terminal, written };
}

function fakeClock(): { nowMs(): number; set(ms: number): void } {
  let now = 0;
  return { nowMs: () => now, set: (ms) => void (now = ms) };
}

test('nothing is said in the first second', () => {
  const { terminal, written } = fakeTerminal({ isTTY: false });
  const clock = fakeClock();
  const line = createProgressLine(terminal, clock);
  line.update({ phase: 'reading', done: 1, total: 2 });
  clock.set(900);
  line.update({ phase: 'reading', done: 2, total: 2 });
  line.end();
  assert.deepEqual(written, []);
});

test('without a terminal each phase gets one line and no cursor codes', () => {
  const { terminal, written } = fakeTerminal({ isTTY: false });
  const clock = fakeClock();
  const line = createProgressLine(terminal, clock);
  for (const [ms, phase] of [
    [1500, 'reading'],
    [1600, 'reading'],
    [3000, 'solving'],
    [9000, 'solving'],
  ] as const) {
    clock.set(ms);
    line.update({ phase, done: 1, total: 4 });
  }
  line.end();
  assert.equal(written.length, 2);
  assert.match(written[0]!, /^reading 1\/4/);
  assert.match(written[1]!, /^solving 1\/4/);
  assert.ok(!written.join('').includes('\u001B') && !written.join('').includes('\r'));
});

test('on a terminal one line is rewritten at most ten times a second, kept to the width, and cleared at the end', () => {
  const { terminal, written } = fakeTerminal({ isTTY: true });
  const clock = fakeClock();
  const line = createProgressLine(terminal, clock);
  for (let ms = 1000; ms < 2000; ms += 10) {
    clock.set(ms);
    line.update({ phase: 'a phase with a long name', done: ms, total: 5000, note: 'and a note that is longer still' });
  }
  const drawn = written.length;
  assert.ok(drawn >= 9 && drawn <= 10, `${drawn} times`);
  for (const text of written) assert.ok(text.startsWith('\r\u001B[2K') && text.length - 5 < 40);
  line.end();
  assert.equal(written.at(-1), '\r\u001B[2K');
});

test('a CI with a terminal is not rewritten in place', () => {
  assert.equal(fakeTerminal({ isTTY: true, env: { CI: 'true' } }).terminal.isInteractive, false);
});

test('progress says count, rate and time left', () => {
  assert.equal(
    progressText({ phase: 'training', done: 100, total: 400, note: 'loss 0.3' }, 10_000),
    'training 100/400 · 10/s · 30 s left · loss 0.3',
  );
  assert.equal(progressText({ phase: 'reading' }, 10), 'reading');
  assert.equal(progressText({ phase: 'reading', done: 0, total: 3 }, 10), 'reading 0/3');
  assert.equal(progressText({ phase: 'layer', done: 1, total: 20 }, 0.03, 1), 'layer 1/20', 'no rate from one update');
  assert.equal(progressText({ phase: 'layer', done: 3, total: 5 }, 2000, 1), 'layer 3/5 · 1/s · 2 s left');
});

test('colour follows NO_COLOR, then FORCE_COLOR, then the terminal', () => {
  assert.equal(wantsColor({}, true), true);
  assert.equal(wantsColor({}, false), false);
  assert.equal(wantsColor({ NO_COLOR: '1', FORCE_COLOR: '1' }, true), false);
  assert.equal(wantsColor({ FORCE_COLOR: '1' }, false), true);
  assert.equal(wantsColor({ FORCE_COLOR: '0' }, true), false);
  assert.equal(wantsColor({ NO_COLOR: '' }, true), true);
});
