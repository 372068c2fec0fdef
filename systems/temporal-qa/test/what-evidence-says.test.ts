/** Answers say no more than their evidence: no name alone, no ordinal that no text states, no day that nobody gave. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { ask, openQa, type AskOptions, type QaContext } from '../src/answer/ask.ts';
import { openSources } from '../src/corpus.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';
import { manifest } from '../src/manifest.ts';
import { reportAnswer } from '../src/report.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import type { EvidenceStore } from '../src/store/types.ts';
import { annotateDates, boundsOfYear, timexFromSpan } from '../src/time/index.ts';

const clock = { nowMs: () => performance.now() };
let store: EvidenceStore;
let corpus: QaContext;

before(async () => {
  store = await openSources('');
  corpus = await openQa(store, clock);
});
after(() => store.close());

async function first(question: string, options: AskOptions = {}): Promise<string> {
  const result = await ask(corpus, question, options);
  return result.abstained?.code ?? result.answers[0]!.label;
}

test('a term is no death and a list no superlative: what the evidence does not say is refused', async () => {
  assert.equal(await first('When did Elizabeth II die?'), 'E_NO_EVIDENCE');
  assert.equal(await first('Who was Roman emperor when Titus died?'), 'E_SUBQUESTION');
  assert.equal(await first('Who was the youngest president of the United States?'), 'E_NO_EVIDENCE');
  // the same questions where the evidence says it
  assert.equal(await first('When did Julius Caesar die?'), '15 March 44 BC');
  assert.equal(await first('When did Niels Bohr die?'), '18 November 1962');
});

test('a question about a term never calls a birth certain', async () => {
  const dates = async (question: string, options: AskOptions = {}) => {
    const { answers, abstained } = await ask(corpus, question, options);
    return abstained?.code ?? answers.map(({ label, verdict }) => `${label} (${verdict})`);
  };
  const term = ['8 January 1959 to 28 April 1969 (certain)'];
  assert.deepEqual(await dates('When was the presidency of Charles de Gaulle?'), term);
  assert.deepEqual(await dates("When did Charles de Gaulle's presidency end?"), ['28 April 1969 (certain)']);
  assert.deepEqual(await dates('When did Barack Obama take office?'), ['20 January 2009 (certain)']);
  assert.deepEqual(await dates('When did Barack Obama leave office?'), ['20 January 2017 (certain)']);
  // nor a date that merely shares a number with the name
  assert.deepEqual(await dates('When was Apollo 11?'), ['20 July 1969 (certain)', '16 July 1969 (certain)']);
});

test('where evidence names somebody and never says what is asked, nothing is certain', async () => {
  const question = 'When was the coronation of Charles de Gaulle?';
  const result = await ask(corpus, question);
  assert.ok(result.answers.length > 0 && result.answers.every(({ verdict }) => verdict === 'possible'));
  assert.deepEqual(result.notes, [
    'The evidence names this, but none of it says “coronation”: it may tell of another matter.',
  ]);
  assert.equal((await ask(corpus, question, { mode: 'certain-only' })).abstained?.code, 'E_NO_EVIDENCE');
  // what rests on such a time is not certain either
  const resting = await ask(corpus, 'Who was pope at the coronation of Charles de Gaulle?');
  assert.notEqual(resting.answers[0]?.verdict, 'certain');
});

test('an ordinal that no text states and no order gives is refused, not dropped', async () => {
  assert.equal(await first('Who was the first person in space?'), 'Yuri Gagarin');
  assert.equal(await first('Who was the first person to walk on the Moon?'), 'Neil Armstrong');
  assert.equal(await first('Who was the last person to walk on the Moon?'), 'E_ORDINAL');
  assert.equal(await first('Who was the second American woman in space?'), 'E_ORDINAL');
});

test('the end of an event is when it ended, a move the day on which it happened', async () => {
  assert.equal(await first('Who was president of the United States at the end of World War II?'), 'Harry S. Truman');
  assert.equal(await first('At the outbreak of World War I, who was pope?'), 'Pius X');
  assert.equal(await first('Who was president of France at the end of 1980?'), "Valéry Giscard d'Estaing");
  const moved = await ask(corpus, 'Who was chancellor of Germany when Brazil moved its capital to Brasília?');
  assert.deepEqual([moved.answers[0]!.label, moved.answers[0]!.verdict], ['Konrad Adenauer', 'certain']);
  assert.equal(await first('When did Marie Curie marry Pierre Curie?'), '26 July 1895');
  assert.equal(await first('Was Marie Curie married in 1900?'), 'yes');
});

test('the one after a holder is one of the same country', async () => {
  assert.equal(await first('Who was the president after Macron?'), 'E_NONE_IN_TIME');
  assert.equal(await first('Who was the president after Pompidou?'), "Valéry Giscard d'Estaing");
});

test('a no about a time after the sources is refused', async () => {
  assert.equal(await first('Was Donald Trump president of the United States in 2025?'), 'E_UNDECIDED');
  assert.equal(await first('Was Donald Trump president of the United States in 2022?'), 'no');
});

test('how often something happened is refused rather than miscounted', async () => {
  assert.equal(await first('How many times did Brazil win the World Cup?'), 'E_UNDECIDED');
  assert.equal(await first('How many popes were there in 1978?'), '3');
});

test('where nobody says what today is, questions from today are refused and others answered', async () => {
  const memory = openEvidenceStore({ file: ':memory:' });
  await memory.add([
    evidenceOfFact({
      subject: 'Landia',
      relation: 'president',
      object: 'Ada Stone',
      start: boundsOfYear(2015),
      doc: 'land',
      locator: 'line 1',
    }),
  ]);
  await memory.addEntities([{ label: 'Landia' }, { label: 'Ada Stone' }]);
  await memory.finishLoad();
  const qa = await openQa(memory, clock);
  for (const question of ['Who is the current president of Landia?', 'Who was president of Landia two years ago?']) {
    const refused = await ask(qa, question);
    assert.equal(refused.abstained?.code, 'E_UNDECIDED');
    assert.match(refused.abstained.message, /--ref-date/);
    assert.equal((await ask(qa, question, { refDate: '2020-06-01' })).answers[0]?.label, 'Ada Stone');
  }
  assert.equal((await ask(qa, 'Who was president of Landia in 2015?')).answers[0]?.label, 'Ada Stone');
  await memory.close();
});

test('verdicts say how times lie: a term overlaps a day, a moment is in a term, the nearest one is the nearest', async () => {
  const verdictOf = async (question: string) => reportAnswer(await ask(corpus, question)).verdict.text;
  assert.equal(
    await verdictOf('Who was pope on 29 February 1960?'),
    'John XXIII: 1958-10-28/1963-06-03 overlaps 1960-02-29.',
  );
  assert.match(await verdictOf('Who was pope on 10 October 1958?'), /Nearest: 1939-03-02\/1958-10-09 does not overlap/);
  assert.match(await verdictOf('Who won the Nobel Prize in Literature in 1957?'), /^Albert Camus: 1957 is in 1957\.$/);
  assert.equal(
    await verdictOf('Who was the first Roman emperor?'),
    'Augustus: the evidence states -0026-01-16/0014-08-19.',
  );
  const bar = reportAnswer(await ask(corpus, 'Who was pope on 29 February 1960?')).blocks.find(
    (block) => block.kind === 'timeline',
  )!;
  assert.equal(new Date(bar.epochMs!).toISOString().slice(0, 10), '1958-10-28');
});

test('what is certain stands before what may hold only because nobody says when it began', async () => {
  const memory = openEvidenceStore({ file: ':memory:' });
  const term = { subject: 'Millbrook', relation: 'mayor', doc: 'town', locator: 'line 1' };
  await memory.add([
    evidenceOfFact({ ...term, object: 'Gus Hill', end: boundsOfYear(1981) }),
    evidenceOfFact({ ...term, object: 'Ann Lee', start: boundsOfYear(1900), end: boundsOfYear(1984) }),
  ]);
  await memory.addEntities(['Millbrook', 'Gus Hill', 'Ann Lee'].map((label) => ({ label })));
  await memory.finishLoad();
  const { answers } = await ask(await openQa(memory, clock), 'Who was mayor of Millbrook in 1979?');
  assert.deepEqual(
    answers.map(({ label, verdict }) => [label, verdict]),
    [
      ['Ann Lee', 'certain'],
      ['Gus Hill', 'possible'],
    ],
  );
  await memory.close();
});

test('TIMEX values of spans before year 1 keep all their digits', () => {
  const timexOf = (text: string) => timexFromSpan(annotateDates(text)[0]!.span);
  assert.equal(timexOf('in the 3rd century BC'), '(-0299-01-01,-0200-12-31)');
  assert.equal(timexOf('on 5 March 44 BC'), '-0043-03-05');
  assert.equal(timexOf('in the 1950s'), '195X');
});

test('a database of something else is refused and stays byte for byte what it was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'temporal-qa-foreign-'));
  const file = join(folder, 'notes.sqlite');
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE notes (text TEXT)');
  database.close();
  const before = readFileSync(file);
  assert.throws(() => openEvidenceStore({ file }), {
    message: `openEvidenceStore: an evidence file of version 1, got a database of something else (${file}). Ingest the sources again into a new file. TF-TEMPORAL-004`,
  });
  assert.deepEqual(readFileSync(file), before);
  rmSync(folder, { recursive: true });
});

test('a saved refusal is not called checked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'temporal-qa-refused-'));
  writeFileSync(join(folder, 'refused.json'), JSON.stringify(await ask(corpus, 'Who was pope in 1500?')));
  const { report } = await runVerbInTest(manifest, 'verify', { file: 'refused.json' }, { workingFolder: folder });
  assert.deepEqual(report!.verdict, { tone: 'warn', text: 'The file holds no answer: there is nothing to check.' });
  rmSync(folder, { recursive: true });
});
