/** Questions about two times: older or younger, which came first, how long between, how old. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ask, openQa, type AskOptions, type QaContext } from '../src/answer/ask.ts';
import { openSources } from '../src/corpus.ts';
import { evidenceOfSentence } from '../src/ingest/sentences.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import type { EvidenceStore } from '../src/store/types.ts';
import { civilFromDay, dayFromCivil, lengthText, wholeMonths, wholeYears } from '../src/time/index.ts';
import { frameOf } from '../src/understand/frame.ts';
import { verifyAnswer } from '../src/verify/verify.ts';

const clock = { nowMs: () => performance.now() };
let store: EvidenceStore;
let corpus: QaContext;

before(async () => {
  store = await openSources('');
  corpus = await openQa(store, clock);
});
after(() => store.close());

/** First answer with its verdict, or the code of the refusal. */
async function first(question: string, options: AskOptions = {}): Promise<string> {
  const result = await ask(corpus, question, options);
  assert.deepEqual(verifyAnswer(result).findings, []);
  const [top] = result.answers;
  return top ? `${top.label} (${top.verdict})` : result.abstained!.code;
}

test('whether one is older or younger is decided by both births', async () => {
  assert.equal(await first('Is Barack Obama younger than Zinedine Zidane?'), 'no (certain)');
  assert.equal(await first('Is Lionel Messi younger than Cristiano Ronaldo?'), 'yes (certain)');
  assert.equal(await first('Was Albert Einstein older than Niels Bohr?'), 'yes (certain)');
  assert.equal(await first('Is Sherlock Holmes older than Albert Einstein?'), 'E_SUBQUESTION');
  const { answers } = await ask(corpus, 'Is Barack Obama younger than Zinedine Zidane?');
  assert.equal(answers[0]!.support[0]!.why, '1961-08-04 is before 1972-06-23');
  assert.equal(answers[0]!.support.length, 2);
});

test('what was never born is as old as its building or its launch; “was found” is no founding', async () => {
  assert.equal(await first('Is the Eiffel Tower older than the Titanic?'), 'yes (certain)');
  const { answers } = await ask(corpus, 'Is the Eiffel Tower older than the Titanic?');
  assert.equal(answers[0]!.support[0]!.why, '1889-03-31 is before 1911-05-31');
});

test('“born before a name” compares births, not any date of that name', async () => {
  const why = async (question: string) => (await ask(corpus, question)).answers[0]!.support[0]!.why;
  assert.equal(await why('Was Marie Curie born before Albert Einstein?'), '1867-11-07 is before 1879-03-14');
  assert.equal(await first('Was Albert Einstein born after Niels Bohr?'), 'no (certain)');
  assert.equal(await first('Was Marie Curie born before Sherlock Holmes?'), 'E_SUBQUESTION');
  // an event has no birth: its own time counts
  assert.equal(
    await why('Was Albert Einstein born before World War II?'),
    '1879-03-14 is before 1939-09-01/1945-09-02',
  );
});

test('how long it was between two events is counted by the calendar, whichever was first', async () => {
  const sinking = 'the sinking of the Titanic';
  const fall = 'the fall of the Berlin Wall';
  assert.equal(await first(`How long was it between ${sinking} and ${fall}?`), '77 years, 208 days (certain)');
  assert.equal(await first(`How many years between ${fall} and ${sinking}?`), '77 years, 208 days (certain)');
  assert.equal(await first('How many days were between Apollo 11 and Apollo 12?'), '122 days (certain)');
  assert.equal(await first('How long between World War I and World War II?'), '20 years, 294 days (certain)');
  assert.equal(await first('How long after the Titanic sank was its wreck found?'), '72 or 73 years (certain)');
  assert.equal(await first(`How long was it between 1914 and ${fall}?`), '74 or 75 years (certain)');
  assert.equal(await first('How long ago did Apollo 11 land on the Moon?'), '55 years, 164 days (certain)');
  assert.equal(await first('How much older is Cristiano Ronaldo than Lionel Messi?'), '2 years, 139 days (certain)');
});

test('a gap that cannot be told says which time is missing, open or the wrong way round', async () => {
  const message = async (question: string) => (await ask(corpus, question)).abstained?.message;
  assert.equal(
    await message('How long was it between Atlantis and the sinking of the Titanic?'),
    'The time of “Atlantis” was not found, so no length can be told.',
  );
  assert.equal(
    await message('How many days are there between 3.10.1990 and 9 November 1989?'),
    'Both are dates of the question, so the sources are not asked; the calendar says 328 days from 9 November 1989 to 3.10.1990.',
  );
  assert.equal(
    await message('How long after the Berlin Wall fell did the Titanic sink?'),
    '“did the Titanic sink” (1912-04-15) was before “the Berlin Wall fell” (1989-11-09).',
  );
  assert.match(
    (await message('How long was it between the presidency of Ronald Reagan and the papacy of John Paul II?'))!,
    /overlap: there is no time between them/,
  );
});

test('ages are whole years between birth and the other time', async () => {
  assert.equal(
    await first('How old was Barack Obama when he became president of the United States?'),
    '47 years (certain)',
  );
  assert.equal(
    await first('At what age did Barack Obama become president of the United States?'),
    '47 years (certain)',
  );
  assert.equal(await first('How old was Albert Einstein in 1905?'), '25 or 26 years (certain)');
  assert.equal(await first('How old did Niels Bohr become?'), '77 years (certain)');
  assert.equal(await first('How old is Lionel Messi?'), '37 years (certain)');
  assert.equal(await first('How old is Lionel Messi?', { refDate: '2025-06-24' }), '38 years (certain)');
  const dead = await ask(corpus, 'How old is Neil Armstrong?');
  assert.equal(dead.answers[0]!.label, '82 years');
  assert.match(dead.notes.join(), /had died by then/);
  assert.equal(await first('How old was Mikhail Gorbachev when he received the Nobel Peace Prize?'), 'E_SUBQUESTION');
});

test('without a day called today, ages and “ago” are refused', async () => {
  const memory = openEvidenceStore({ file: ':memory:' });
  const page = { title: 'Ada Stone', doc: 'ada', locator: 'line 1' };
  await memory.add([evidenceOfSentence('Ada Stone was born on 4 May 1950.', page)]);
  await memory.addEntities([{ label: 'Ada Stone', type: 'person' }]);
  await memory.finishLoad();
  const qa = await openQa(memory, clock);
  assert.match((await ask(qa, 'How old is Ada Stone?')).abstained!.message, /--ref-date/);
  assert.equal((await ask(qa, 'How old is Ada Stone?', { refDate: '2000-05-03' })).answers[0]!.label, '49 years');
  await memory.close();
});

test('a name that holds “and” is cut where both parts are known', () => {
  const cuts = frameOf('How long was it between Sense and Sensibility and the fall of the Berlin Wall?').gap!.cuts;
  assert.deepEqual(cuts, [
    ['Sense', 'Sensibility and the fall of the Berlin Wall'],
    ['Sense and Sensibility', 'the fall of the Berlin Wall'],
  ]);
});

test('how many days or months a term lasted is told in that unit', async () => {
  assert.equal(await first('How many days was John Paul I pope?'), '33 days (certain)');
  assert.equal(
    await first('How many months was John F. Kennedy president of the United States?'),
    '34 months (certain)',
  );
});

test('three years without a leap day are three years, and lengths add up to the later day', () => {
  const day = (year: number, month: number, dayOfMonth: number) => dayFromCivil(year, month, dayOfMonth);
  const exact = (from: number, to: number) => lengthText({ lo: from, hi: from }, { lo: to, hi: to });
  assert.equal(exact(day(2001, 1, 1), day(2004, 1, 1)), '3 years');
  assert.equal(exact(day(2001, 1, 1), day(2002, 1, 1)), '1 year');
  assert.equal(exact(day(2001, 1, 1), day(2001, 12, 31)), '364 days');
  assert.equal(exact(day(2000, 2, 29), day(2001, 2, 28)), '1 year');
  assert.equal(exact(day(1000, 1, 1), day(2000, 1, 2)), '1,000 years, 1 day');
  fc.assert(
    fc.property(fc.integer({ min: -700_000, max: 20_000 }), fc.nat(400_000), (from, length) => {
      const to = from + length;
      const months = wholeMonths(from, to);
      // brute force: step months from the first day while they do not pass the last
      const { year, month, day: dayOfMonth } = civilFromDay(from);
      const after = (count: number) => {
        const total = year * 12 + month - 1 + count;
        const inYear = Math.floor(total / 12);
        const inMonth = total - inYear * 12 + 1;
        const next = inMonth === 12 ? dayFromCivil(inYear + 1, 1, 1) : dayFromCivil(inYear, inMonth + 1, 1);
        return Math.min(dayFromCivil(inYear, inMonth, 1) + dayOfMonth - 1, next - 1);
      };
      assert.ok(after(months) <= to && after(months + 1) > to);
      assert.equal(wholeYears(from, to), Math.floor(months / 12));
    }),
  );
});
