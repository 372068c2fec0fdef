/** What decides signal and category: the rules where they name a time, the classifier where they are silent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, openQa } from '../src/answer/ask.ts';
import { openSources, readQuestions } from '../src/corpus.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import { boundsOfYear } from '../src/time/index.ts';
import { continueQuestion } from '../src/understand/followup.ts';
import { frameOf } from '../src/understand/frame.ts';

const clock = { nowMs: () => performance.now() };
const silent = () => ({ signal: 'NONE', probability: 1 }) as const;
/** No connector that the rules know: the quarterfinals are the event. */
const UNNAMED = 'At which Grand Slam did Telmark Vinton win the mixed doubles title and reach the quarterfinals?';

test('where the rules find no time, the classifier decides signal and category', () => {
  const byRules = frameOf(UNNAMED, undefined, silent);
  assert.deepEqual([byRules.signal, byRules.category, byRules.decidedBy], ['NONE', 'none', undefined]);
  const frame = frameOf(UNNAMED);
  assert.deepEqual([frame.signal, frame.category, frame.decidedBy], ['OVERLAP', 'implicit', 'classifier']);
  assert.equal(frame.clause, undefined);
  assert.deepEqual(frame.issues, ['The wording suggests OVERLAP, but no clause sets a time.']);
});

test('where the rules find a clause or a date, the classifier cannot overrule them', () => {
  const contrary = () => ({ signal: 'BEFORE', probability: 1 }) as const;
  const clause = frameOf('Who was president of France when Apollo 11 landed on the Moon?', undefined, contrary);
  assert.deepEqual([clause.signal, clause.category, clause.decidedBy], ['OVERLAP', 'implicit', undefined]);
  assert.deepEqual(clause.issues, ['The wording says OVERLAP; questions like it mostly mean BEFORE.']);
  for (const [question, signal, category] of [
    ['Who was president of France in 1975?', 'OVERLAP', 'explicit'],
    ['Who is the current chancellor of Germany?', 'OVERLAP', 'explicit'],
    ['Was Paul VI pope?', 'NONE', 'none'],
    ['When was Sputnik 1 launched?', 'NONE', 'temporal-answer'],
  ] as const) {
    const frame = frameOf(question, undefined, contrary);
    assert.deepEqual([frame.signal, frame.category, frame.issues], [signal, category, []], question);
  }
});

test('a question for a date stays one where a clause binds it', () => {
  const frame = frameOf('When did Zinedine Zidane join a club after leaving Juventus?');
  assert.deepEqual([frame.kind, frame.category, frame.signal], ['date', 'temporal-answer', 'AFTER']);
  assert.equal(frame.clause, 'leaving Juventus');
});

test('a leading clause is a condition where a preposition stands before the question word', () => {
  const frame = frameOf('When Crimea became a republic, in what country was it located?');
  assert.deepEqual([frame.kind, frame.category, frame.signal], ['entity', 'implicit', 'OVERLAP']);
});

test('what succeeded something is what came after it', () => {
  const frame = frameOf('Which country preceded the Soviet Union as owner of Oral?');
  assert.deepEqual([frame.signal, frame.category, frame.clause], ['BEFORE', 'implicit', 'the Soviet Union']);
});

test('the classifier sees no event in the shipped questions that name a date, an ordinal or no time', () => {
  const questions = [...readQuestions(), ...readQuestions('held-out')].map(({ question }) => question);
  const plain = questions.filter((question) => {
    const frame = frameOf(question, undefined, silent);
    return frame.category !== 'implicit' && frame.kind !== 'date';
  });
  assert.ok(plain.length > 150);
  assert.deepEqual(
    plain.filter((question) => frameOf(question).decidedBy !== undefined),
    [],
  );
});

test('a condition that no clause names: strict answers and says so, certain-only refuses', async () => {
  const store = openEvidenceStore({ file: ':memory:' });
  await store.add([
    evidenceOfFact({
      subject: 'Telmark Vinton',
      relation: 'won the mixed doubles title and reached the quarterfinals at Grand Slam',
      object: 'Osgard Open',
      point: boundsOfYear(1974),
      doc: 'test',
      locator: '1',
    }),
  ]);
  await store.addEntities([{ label: 'Telmark Vinton' }, { label: 'Osgard Open' }]);
  await store.finishLoad();
  const qa = await openQa(store, clock);
  const strict = await ask(qa, UNNAMED);
  assert.equal(strict.answers[0]?.label, 'Osgard Open');
  assert.ok(strict.notes.includes('The wording suggests OVERLAP, but no clause sets a time.'));
  const certain = await ask(qa, UNNAMED, { mode: 'certain-only' });
  assert.deepEqual(certain.answers, []);
  assert.deepEqual(certain.abstained, {
    code: 'E_SUBQUESTION',
    message: 'The wording suggests OVERLAP, but no clause names the event, so nothing is certain.',
  });
  await store.close();
});

test('the certain-only mode answers ordinals and questions without a time as before', async () => {
  const store = await openSources('');
  const qa = await openQa(store, clock);
  for (const [question, label] of [
    ['Who was the first president of France?', 'Charles de Gaulle'],
    ['Who was the first woman in space?', 'Valentina Tereshkova'],
  ] as const)
    assert.equal((await ask(qa, question, { mode: 'certain-only' })).answers[0]?.label, label);
  await store.close();
});

test('“it” that stands for nothing, and a pronoun after a name of its own question, continue no talk', async () => {
  const store = await openSources('');
  const { linker } = await openQa(store, clock);
  const talk = ['What happened in July 1969?', 'Apollo 11, landing on, the Moon'];
  for (const question of [
    'How long was it between the sinking of the Titanic and the fall of the Berlin Wall?',
    'How many years passed between the construction of the Berlin Wall and its fall?',
    'How long did it take from Sputnik 1 to Apollo 11?',
  ])
    assert.equal(continueQuestion(question, talk, linker), question);
  // an answer that is no name does not stand for anybody
  const older = ['Is Barack Obama younger than Zinedine Zidane?', 'no'];
  assert.equal(continueQuestion('When was he born?', older, linker), 'When was Barack Obama born?');
  const club = ['Which club did Zinedine Zidane play for in 1998?', 'Juventus'];
  assert.equal(continueQuestion('When was it founded?', club, linker), 'When was Juventus founded?');
  await store.close();
});
