/** What happened in a time, and dates that the calendar does not have. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { ask, openQa, type AskOptions, type QaContext } from '../src/answer/ask.ts';
import { openSources } from '../src/corpus.ts';
import { ingestPaths } from '../src/ingest/ingest.ts';
import { manifest } from '../src/manifest.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import type { EvidenceStore } from '../src/store/types.ts';
import { annotateDates, edtfFromSpan, impossibleDates } from '../src/time/index.ts';
import { verifyAnswer } from '../src/verify/verify.ts';

const clock = { nowMs: () => performance.now() };
const folder = mkdtempSync(join(tmpdir(), 'temporal-events-'));
let store: EvidenceStore;
let corpus: QaContext;

before(async () => {
  store = await openSources('');
  corpus = await openQa(store, clock);
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

async function happened(question: string, options: AskOptions = {}): Promise<string[]> {
  const result = await ask(corpus, question, options);
  assert.deepEqual(verifyAnswer(result).findings, []);
  return result.abstained
    ? [result.abstained.code]
    : result.answers.map(({ label, verdict }) => `${verdict}: ${label}`);
}

test('what happened on a day: events on it surely, events of its month or year possibly', async () => {
  assert.deepEqual(await happened('What happened on 9 November 1989?'), [
    'certain: Fall of the Berlin Wall, location, Berlin',
    'certain: Berlin Wall, It stood until 9 November 1989. — ended 9 November 1989',
    'possible: Zinedine Zidane, played for, Cannes — began 1989',
  ]);
  assert.equal((await happened('What happened on 9 November 1989?', { mode: 'certain-only' })).length, 2);
});

test('what happened in a month or year: all events of the sources in it and no other', async () => {
  const july = await happened('What took place in July 1969?');
  assert.ok(july.includes('certain: Apollo 11, landing on, the Moon'));
  // by brute force over all evidence
  const all = await store.get(Array.from({ length: await store.count() }, (_, index) => index + 1));
  const year = (from: string, to: string) => [annotateDates(from)[0]!.span.s0, annotateDates(to)[0]!.span.e1] as const;
  const [lo, hi] = year('1 January 1989', '31 December 1989');
  const wanted = all
    .flatMap(({ id, spans }) =>
      spans.flatMap((span) => [
        ...(span.kind === 'event' || !span.openStart
          ? [{ id, from: span.s0, to: span.kind === 'event' ? span.e1 : span.s1 }]
          : []),
        ...(span.kind === 'state' && !span.openEnd ? [{ id, from: span.e0, to: span.e1 }] : []),
      ]),
    )
    .filter(({ from, to }) => from >= lo && to <= hi);
  const { answers } = await ask(corpus, 'What happened in 1989?', { limit: 1000 });
  const sure = answers.filter(({ verdict }) => verdict === 'certain');
  assert.deepEqual(
    sure.map(({ support }) => support[0]!.evidence.id).toSorted((a, b) => a - b),
    wanted.map(({ id }) => id).toSorted((a, b) => a - b),
  );
  assert.ok(wanted.length >= 5);
});

test('what happened to a thing, at a place or at the time of another event', async () => {
  assert.deepEqual(await happened('What happened to the Titanic in 1912?'), [
    'certain: Titanic, The Titanic sank on 15 April 1912 after it had struck an iceberg.',
  ]);
  assert.equal((await happened('What happened to the Titanic?')).length, 3);
  assert.deepEqual(await happened('What happened in France in 1981?'), [
    "certain: France, president, Valéry Giscard d'Estaing — ended 21 May 1981",
    'certain: France, president, François Mitterrand — began 21 May 1981',
  ]);
  assert.ok(
    (await happened('What happened during World War I?')).includes('certain: John F. Kennedy, born in, Brookline'),
  );
});

test('where nothing happened, nothing is named or nobody says when, the question is refused', async () => {
  assert.deepEqual(await happened('What happened on 3 March 1702?'), ['E_NONE_IN_TIME']);
  assert.deepEqual(await happened('What happened in Atlantis in 1989?'), ['E_NO_ENTITY']);
  assert.deepEqual(await happened('What happened?'), ['E_UNDECIDED']);
});

test('one event that is asked for stays a question for a thing', async () => {
  assert.equal((await ask(corpus, 'Which event took place in Berlin in 1989?')).frame.kind, 'entity');
});

test('a date that the calendar does not have is refused in a question', async () => {
  const refused = await ask(corpus, 'Who was president of France on 31 February 1980?');
  assert.deepEqual(refused.abstained, {
    code: 'E_BAD_DATE',
    message: '“31 February 1980” is no day of the calendar, so nothing can lie in it.',
  });
  assert.equal((await ask(corpus, 'What happened on 1987-13-02?')).abstained?.code, 'E_BAD_DATE');
  assert.equal((await ask(corpus, 'Who was pope on 29 February 1960?')).answers[0]!.label, 'John XXIII');
});

test('impossible dates are never read as a month or year of theirs', () => {
  for (const text of [
    '31 February 1999',
    'February 31, 1999',
    '1987-13-02',
    '30/02/1999',
    '31.4.2001',
    '29 February 2001',
    '32 March 1999',
    '0 March 1999',
    '1999, February 31',
    '30 February – 3 March 1999',
  ]) {
    assert.deepEqual(
      annotateDates(`It was on ${text} that`).map(({ span }) => edtfFromSpan(span)),
      [],
      text,
    );
    assert.deepEqual(impossibleDates(`It was on ${text} that`), [text]);
  }
  // numbers that only stand near a month
  assert.deepEqual(impossibleDates('The 45 in May 1999 were 45. May 1999 and February 45 people'), []);
});

test('impossible dates in sources are counted warnings with their place, and the texts are kept', async () => {
  const page = join(folder, 'mill.md');
  writeFileSync(
    page,
    '# Mill\n\nThe mill burned on 31 February 1999.\n\nOpened: 29 February 2001\n\n| day | event |\n|---|---|\n| 1987-13-02 | fair |\n',
  );
  const facts = join(folder, 'facts.csv');
  writeFileSync(facts, 'subject,relation,object\nMill,closed on,30 February 2004\nMill,has,1987 sacks\n');
  const memory = openEvidenceStore({ file: ':memory:' });
  const result = await ingestPaths(memory, [page, facts]);
  await memory.close();
  assert.deepEqual(
    result.problems.map(({ code, location, actual }) => `${code} ${location!.replace(/^.*\//, '')} ${actual}`),
    [
      'TF-TEMPORAL-014 facts.csv:2 "30 February 2004"; the text is kept without this date',
      'TF-TEMPORAL-014 mill.md:3 "31 February 1999"; the text is kept without this date',
      'TF-TEMPORAL-014 mill.md:5 "29 February 2001"; the text is kept without this date',
      'TF-TEMPORAL-014 mill.md:7 table 1 row 2 "1987-13-02"; the text is kept without this date',
    ],
  );
  assert.equal(result.numImpossibleDates, 4);
  assert.equal(result.numEvidence, 5);
  const { report } = await runVerbInTest(
    manifest,
    'ingest',
    { path: 'mill.md', db: 'mill.sqlite' },
    { workingFolder: folder },
  );
  assert.equal(
    report!.verdict!.text,
    '3 new pieces of evidence (3 in all) from 1 file; 3 problems, all dates that are no day of the calendar.',
  );
  const dates = await runVerbInTest(manifest, 'dates', { text: 'on 31 February 1999' }, { workingFolder: folder });
  assert.equal(dates.report!.verdict!.text, 'The text states no day of the calendar.');
  assert.equal(dates.diagnostics![0]!.actual, '"31 February 1999"');
});
