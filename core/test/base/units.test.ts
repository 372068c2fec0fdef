import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytesFromText,
  countOpen,
  createEventEmitter,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  throwIfCancelled,
  trackOpen,
} from '@tenfold/core/base';

test('sizes, durations, counts and ratios read as people write them', () => {
  assert.equal(formatBytes(64 * 2 ** 20), '64 MiB');
  assert.equal(formatBytes(1000), '1000 B');
  assert.equal(formatDuration(0.4123), '412 µs');
  assert.equal(formatDuration(125_000), '2 min 5 s');
  assert.equal(formatCount(12031), '12,031');
  assert.equal(formatPercent(0.9861), '98.6 %');
});

test('sizes are read back, and nonsense is refused with an example', () => {
  assert.equal(bytesFromText('64MiB'), 64 * 2 ** 20);
  assert.equal(bytesFromText('2 GB'), 2e9);
  assert.equal(bytesFromText('512'), 512);
  assert.throws(() => bytesFromText('many'), /bytesFromText: a size such as 64MiB, got "many". TF-BASE-003/);
});

test('a listener hears events until it is removed', () => {
  const events = createEventEmitter<{ step: number }>();
  const heard: number[] = [];
  const stop = events.on('step', (value) => heard.push(value));
  events.emit('step', 1);
  stop();
  events.emit('step', 2);
  assert.deepEqual(heard, [1]);
});

test('an open thing counts until it is closed, once', () => {
  const close = trackOpen('sample');
  assert.equal(countOpen('sample'), 1);
  close();
  close();
  assert.equal(countOpen('sample'), 0);
});

test('cancelled work throws the cancel error with exit code 130', () => {
  const controller = new AbortController();
  throwIfCancelled(controller.signal, 'solve');
  controller.abort();
  assert.throws(
    () => throwIfCancelled(controller.signal, 'solve'),
    (error: { code: string; exitCode: number }) => error.code === 'TF-BASE-001' && error.exitCode === 130,
  );
});
