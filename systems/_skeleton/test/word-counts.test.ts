import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countWords } from '../src/index.ts';

test('counts are in falling order and sum to the number of words', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'bee', 'Bee', 'été', '12', '-'), { minLength: 1 }), (words) => {
      const letters = words.filter((word) => /\p{L}/u.test(word));
      fc.pre(letters.length > 0);
      const { numWords, counts, numOfLength } = countWords(words.join(' '));
      assert.equal(numWords, letters.length);
      assert.equal(
        counts.reduce((sum, entry) => sum + entry.count, 0),
        numWords,
      );
      assert.equal(
        numOfLength.reduce((a, b) => a + b),
        numWords,
      );
      for (let i = 1; i < counts.length; i++) assert.ok(counts[i - 1]!.count >= counts[i]!.count);
    }),
  );
});

test('case does not matter, accents do', () => {
  assert.deepEqual(countWords('Bee bee été Ete').counts, [
    { word: 'bee', count: 2 },
    { word: 'ete', count: 1 },
    { word: 'été', count: 1 },
  ]);
});

test('words below the least length are left out', () => {
  assert.deepEqual(
    countWords('a bee and a wasp', { minLength: 4 }).counts.map((entry) => entry.word),
    ['wasp'],
  );
});

test('a text without words is an input error that says what was expected', () => {
  assert.throws(() => countWords('12 34'), {
    message:
      'countWords: at least one word of 1 or more letters, got a text of 5 characters without one. TF-SKELETON-001',
    exitCode: 3,
  });
});
