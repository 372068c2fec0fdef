/** Dates as people write them: day ranges, quarters, fiscal years, months in numbers, eras, one-sided dates. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ask, openQa } from '../src/answer/ask.ts';
import { itemsOfFile } from '../src/ingest/ingest.ts';
import { evidenceOfSentence } from '../src/ingest/sentences.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import { annotateDates, edtfFromSpan, spansOfText, statedSpans } from '../src/time/index.ts';
import { verifyAnswer } from '../src/verify/verify.ts';

const folder = mkdtempSync(join(tmpdir(), 'temporal-written-'));
after(() => rmSync(folder, { recursive: true }));

function reads(expected: Readonly<Record<string, string>>): void {
  for (const [text, spans] of Object.entries(expected)) {
    const found = annotateDates(`x, ${text}`).map(({ span }) => edtfFromSpan(span));
    assert.equal(found.join(' '), spans, text);
  }
}

test('days that share their month are a range, in English and German', () => {
  const range = '1990-10-03/1990-10-05';
  reads({
    '3–5 October 1990': range,
    '3 to 5 October 1990': range,
    'from 3 to 5 October 1990': range,
    'between 3 and 5 October 1990': range,
    'from the 3rd to the 5th of October 1990': range,
    'vom 3. bis 5. Oktober 1990': range,
    '3.10.–5.10.1990': range,
    'vom 3.10. bis 5.10.1990': range,
    'am 3.10.1990': '1990-10-03',
    // a score, not a range
    'a 5–3 May 2003 win': '2003-05-03',
    '2 and 4 April 2003': '2003-04-04',
  });
});

test('quarters and halves of a year are months, wherever the year stands', () => {
  const third = '[2019-07-01..2019-09-30]';
  reads({
    'Q3 2019': third,
    'Q3/2019': third,
    'Q3 of 2019': third,
    '2019Q3': third,
    '2019-Q3': third,
    'third quarter of 2019': third,
    '3rd quarter 2019': third,
    '3. Quartal 2019': third,
    'Q1–Q3 2019': '[2019-01-01..2019-03-31]/[2019-07-01..2019-09-30]',
    'Q4 2018 – Q1 2019': '[2018-10-01..2018-12-31]/[2019-01-01..2019-03-31]',
    'H1 2021': '[2021-01-01..2021-06-30]',
    'second half of 2021': '[2021-07-01..2021-12-31]',
    'the second half of the 1990s': '[1995-01-01..1999-12-31]',
    'Q5 2019': '2019',
    'H1N1 in 2009': '2009',
    'a quarter of 2019 votes': '',
  });
});

test('a fiscal year is known by its name alone: it reaches into both neighbours and is approximate', () => {
  const year = '[2019-04-01..2021-03-31]~';
  reads({
    FY2020: year,
    FY20: year,
    'fiscal 2020': year,
    'fiscal year 2020': year,
    'Q3 FY2020': year,
    'third quarter of fiscal 2020': year,
    // a name of two years states both
    'FY2019/20': '2019/2020',
    'the fiscal year ended 30 June 2020': '2020-06-30',
  });
});

test('months in numbers and with hyphens, as in a CV', () => {
  reads({
    '01/2010 – 03/2012': '2010-01/2012-03',
    '03.2010 – 05.2012': '2010-03/2012-05',
    '03.2010 – heute': '2010-03/..',
    'seit 03.2010': '2010-03/..',
    '2010-01 to 2012-03': '2010-01/2012-03',
    '3-May-2010': '2010-05-03',
    'May-2010': '2010-05',
    '2010 onwards': '2010/..',
    '1998–02': '1998/2002',
    // a version, a weight, a part of a date
    'version 10.2010': '',
    '12.1500 kg': '',
    '3/4/2010': '2010-03-04',
  });
});

test('decades BC, millennia, centuries in pairs and eras with dots', () => {
  reads({
    'the 330s BC': '[-0338-01-01..-0329-12-31]',
    'the 2nd millennium BC': '[-1999-01-01..-1000-12-31]',
    'A.D. 79': '0079',
    '18th–19th century': '17XX/18XX',
    'the 19th and 20th centuries': '18XX/19XX',
    'the 14th and 16th centuries': '15XX',
    'early in 2003': '[2003-01-01..2003-05-02]~',
  });
});

test('what a source says of before or after a date is not said of the date', async () => {
  const one = (text: string) => spansOfText(text).map(edtfFromSpan).join(' ');
  assert.equal(one('It closed before 2010.'), '[..2009-12-31]');
  assert.equal(one('It closed prior to March 2010.'), '[..2010-02-28]');
  assert.equal(one('a pre-1990 house'), '[..1989-12-31]');
  assert.equal(one('It grew after 1990.'), '[1991-01-01..]');
  assert.equal(one('the post-2008 years'), '[2009-01-01..]');
  assert.equal(one('up to 2010'), '../2010');
  // questions cut such words themselves
  assert.equal(edtfFromSpan(annotateDates('before 2010')[0]!.span), '2010');
  const memory = openEvidenceStore({ file: ':memory:' });
  const page = { title: 'Ada Stone', doc: 'ada', locator: 'line 1' };
  await memory.add([evidenceOfSentence('After 1990 Ada Stone lived in Millbrook.', page)]);
  await memory.addEntities([{ label: 'Ada Stone', type: 'person' }, { label: 'Millbrook' }]);
  await memory.finishLoad();
  const qa = await openQa(memory, { nowMs: () => performance.now() });
  assert.equal((await ask(qa, 'Where did Ada Stone live in 1990?')).abstained?.code, 'E_NONE_IN_TIME');
  const later = await ask(qa, 'Where did Ada Stone live in 1995?');
  assert.deepEqual([later.answers[0]!.label, later.answers[0]!.verdict], ['Millbrook', 'possible']);
  assert.deepEqual(verifyAnswer(later).findings, []);
  await memory.close();
});

test('a cell that only bounds a date is reported, not read as that date', () => {
  const file = join(folder, 'bound.csv');
  writeFileSync(file, 'subject,relation,object,start,end\nA,b,C,before 1990,2000\n');
  const [problem] = [...itemsOfFile(file)].flatMap((item) => (item.kind === 'problem' ? [item.problem] : []));
  assert.equal(problem!.actual, '"before 1990"; the row is kept without it');
});

test('a page named by a day gives its lines that day of their year', () => {
  const spans = statedSpans('January 15, 1582 – Truce of Yam-Zapolsky', 'January 15');
  assert.deepEqual(spans.map(edtfFromSpan), ['1582-01-15']);
});
