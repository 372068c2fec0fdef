/** One test for each defect that is known of the original's code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  annotateDates,
  edtfFromSpan,
  parseSpan,
  parseWikidataTime,
  spansOfText,
  verdictOf,
  windowOf,
} from '../src/time/index.ts';
import { faithKeeps } from '../src/answer/faith-compat.ts';
import { ask, openQa } from '../src/answer/ask.ts';
import { readHtml } from '../src/ingest/html.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import type { NewEvidence } from '../src/store/types.ts';
import { frameOf } from '../src/understand/frame.ts';
import { findOrdinal } from '../src/understand/ordinals.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';

async function answersOf(evidence: readonly NewEvidence[], question: string) {
  const store = openEvidenceStore({ file: ':memory:' });
  await store.add(evidence);
  await store.finishLoad();
  const result = await ask(await openQa(store, performanceClock), question);
  await store.close();
  return result;
}
const performanceClock = { nowMs: () => performance.now() };
const fact = (subject: string, relation: string, object: string, span: string) => {
  const { s0, s1, e0, e1, gran } = parseSpan(span);
  return evidenceOfFact({
    subject,
    relation,
    object,
    start: { lo: s0, hi: s1, gran },
    end: { lo: e0, hi: e1, gran },
    doc: 'test',
    locator: `${object} ${span}`,
  });
};

test('"candidate" and "update" do not make a question one for a date', () => {
  assert.equal(frameOf('Which candidate won the election in 1990?').kind, 'entity');
  assert.equal(frameOf('Who wrote the update of 2003?').kind, 'entity');
});

test('BC years are kept by pruning, where the original loses them', () => {
  const evidence = parseSpan('44 BC');
  const window = windowOf(parseSpan('44 BC'));
  assert.equal(verdictOf('OVERLAP', evidence, window), 'certain');
  assert.equal(faithKeeps([evidence], 'OVERLAP', [window]), false);
});

test('an event of the constraint’s own year is never surely after it', () => {
  const year = windowOf(parseSpan('1975'));
  assert.equal(verdictOf('AFTER', parseSpan('1975'), year), 'possible');
  assert.equal(verdictOf('AFTER', parseSpan('1976-01-01'), windowOf(parseSpan('1975-06'))), 'certain');
});

test('a start inside the asked year counts, not only one equal to its first day', () => {
  const fact = parseSpan('2005-06-14/2010');
  assert.equal(verdictOf('START', fact, windowOf(parseSpan('2005'))), 'certain');
  assert.equal(verdictOf('FINISH', fact, windowOf(parseSpan('2010'))), 'certain');
  assert.equal(faithKeeps([fact], 'START', [windowOf(parseSpan('2005'))]), false);
});

test('a month ends on its own last day', () => {
  assert.deepEqual(
    spansOfText('in June 1990').map((span) => span.e1),
    [parseSpan('1990-06-30').e1],
  );
  assert.deepEqual(
    spansOfText('in February 2000').map((span) => span.e1),
    [parseSpan('2000-02-29').e1],
  );
});

test('fourteenth and seventeenth are ordinals, fourteen and seventeen are not', () => {
  assert.equal(findOrdinal('the fourteenth president')?.value, 14);
  assert.equal(findOrdinal('the seventeenth king')?.value, 17);
  assert.equal(findOrdinal('the forty-first governor')?.value, 41);
  assert.equal(findOrdinal('fourteen presidents'), undefined);
  assert.equal(findOrdinal('the second largest city'), undefined);
});

test('signs between Z and a are no letters of a date', () => {
  assert.deepEqual(
    annotateDates('_May^ [1990]').map(({ span }) => edtfFromSpan(span)),
    ['1990'],
  );
});

test('a date that occurs twice is found at both places', () => {
  const found = annotateDates('It opened in 1990 and reopened in 1990.');
  assert.deepEqual(
    found.map(({ start }) => start),
    [13, 34],
  );
});

test('a range at the end of a sentence is found without a space after it', () => {
  assert.deepEqual(spansOfText('It ran 1987 until 1996.').map(edtfFromSpan), ['1987/1996']);
});

test('a four-digit number is a year only where it can be one', () => {
  for (const text of ['a crowd of 2000 people', '1800 m above the sea', '1,500', 'No. #1990', '9999 episodes'])
    assert.deepEqual(annotateDates(text), [], text);
});

test('every reference section is cut, not only the last one', () => {
  const html =
    '<h1>T</h1><p>Kept in 1990.</p><h2>References</h2><p>Cut in 1991.</p><h2>Life</h2><p>Kept in 1992.</p><h2>Further reading</h2><p>Cut in 1993.</p>';
  const texts = [...readHtml(html, { title: 'T', doc: 't' })].flatMap((item) =>
    item.kind === 'evidence' ? [item.evidence.text] : [],
  );
  assert.deepEqual(texts, ['T, Kept in 1990.', 'T, Kept in 1992.']);
});

test('several date qualifiers of a fact give several intervals', async () => {
  const result = await answersOf(
    [fact('France', 'president', 'Anna Berg', '1990/1992'), fact('France', 'president', 'Anna Berg', '1998/2000')],
    'Who was president of France in 1991?',
  );
  assert.equal(result.answers[0]?.label, 'Anna Berg');
  assert.equal(parseWikidataTime('+1998-00-00T00:00:00Z', 9)?.bounds.gran, 'year');
});

test('yes and no are decided from the times', async () => {
  const evidence = [fact('France', 'president', 'Anna Berg', '1990/1992')];
  assert.equal((await answersOf(evidence, 'Was Anna Berg president of France in 1991?')).answers[0]?.label, 'yes');
  assert.equal((await answersOf(evidence, 'Was Anna Berg president of France in 1999?')).answers[0]?.label, 'no');
});

test('evidence with a single name is kept', async () => {
  const sentence: NewEvidence = {
    source: 'text',
    doc: 't',
    locator: '1',
    text: 'Zorgville, Zorgville was flooded in 1953.',
    subject: 'Zorgville',
    entities: ['Zorgville'],
    spans: spansOfText('in 1953'),
  };
  assert.equal((await answersOf([sentence], 'When was Zorgville flooded?')).answers[0]?.label, '1953');
});

test('an unresolved sub-question ends in an abstention, never in an unpruned answer', async () => {
  const result = await answersOf(
    [fact('France', 'president', 'Anna Berg', '1990/1992')],
    'Who was president of France when Atlantis sank?',
  );
  assert.equal(result.answers.length, 0);
  assert.equal(result.abstained?.code, 'E_SUBQUESTION');
});
