/** Texts as people have them: a news article, a CV, a company history, meeting notes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ask, openQa, type QaContext } from '../src/answer/ask.ts';
import { ingestPaths } from '../src/ingest/ingest.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import type { EvidenceStore } from '../src/store/types.ts';
import { verifyAnswer } from '../src/verify/verify.ts';

const PAGES: Readonly<Record<string, string>> = {
  'news.md': `# Harbour fire in Lindhaven

A fire destroyed two warehouses in the harbour of Lindhaven on Tuesday, 12 March 2019. The fire broke out at night.

The larger warehouse had been built in mid-2003 by Norrland Freight and was sold to Baltic Storage in November 2011. Her predecessor, Anders Holm, was mayor from 2009 to 2017. In Q3 2018 the port authority had warned of old cables.
`,
  'cv.md': `# Curriculum vitae of Elena Marković

Born: 3.10.1990

## Work

03/2018 – present: Senior data engineer, Aquila Analytics, Vienna
09/2015 – 02/2018: Data engineer, Hafen Logistik GmbH, Hamburg
07/2013 – 08/2015: Junior developer, Studio Nord, Zagreb

## Education

- 2009 – 2013: MSc in Computer Science, University of Zagreb
`,
  'company.md': `# Brandt & Sohn

Brandt & Sohn was founded in Bremen in 1923 by Otto Brandt. From 1923 until 1951 Otto Brandt led the firm; his son Karl Brandt led the firm from 1951 to 1978. In fiscal 2021 revenue rose to 48 million euros. The firm went public on 17 September 1999. It acquired the rival Weser Pumpen in Q2 2005 and sold its marine division between 3 and 5 May 2010.

| Year | Revenue (million euros) | Employees |
|---|---|---|
| 2016 | 33 | 425 |
| 2017 | 37 | 460 |
`,
  'notes.txt': `Project Heron, meeting notes

Meeting of 4 May 2021
Present: Ana Ruiz, Ben Okafor, Clara Voss
Decision: the pilot starts on 1 June 2021.
Ana Ruiz was project lead from January 2020 to May 2021.

Meeting of 7 September 2021
Decision: the pilot is extended until 31 March 2022.
`,
  'carthage.txt': `Carthage

Carthage was founded in 814 BC. The First Punic War lasted from 264 to 241 BC. Carthage was destroyed in 146 BC.
`,
};
const folder = mkdtempSync(join(tmpdir(), 'temporal-own-'));
let store: EvidenceStore;
let qa: QaContext;

before(async () => {
  for (const [name, text] of Object.entries(PAGES)) writeFileSync(join(folder, name), text);
  store = openEvidenceStore({ file: ':memory:' });
  await ingestPaths(store, [folder]);
  await store.setMeta('snapshot', '2022-12-31');
  qa = await openQa(store, { nowMs: () => performance.now() });
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

async function first(question: string): Promise<string> {
  const result = await ask(qa, question);
  assert.deepEqual(verifyAnswer(result, undefined, { onlyFirst: true }).findings, [], question);
  const [top] = result.answers;
  return top ? `${top.label} (${top.verdict})` : result.abstained!.code;
}

test('lines of a CV are entries of their section, each with its own months', async () => {
  assert.equal(await first('Where did Elena Marković work in 2016?'), 'Hafen Logistik GmbH (certain)');
  assert.equal(await first('Where did Elena Marković work in 2014?'), 'Studio Nord (certain)');
  assert.equal(await first('Where does Elena Marković work now?'), 'Aquila Analytics (possible)');
  assert.equal(await first('Where did Elena Marković study in 2010?'), 'University of Zagreb (certain)');
  assert.equal(await first('When did Elena Marković leave Hafen Logistik?'), 'February 2018 (certain)');
  assert.equal(await first('How old was Elena Marković in 2015?'), '24 or 25 years (certain)');
});

test('lines of meeting notes do not lend each other their dates; the first line is the title', async () => {
  assert.equal(await first('When did the pilot start?'), '1 June 2021 (certain)');
  assert.equal(await first('Who was project lead in March 2021?'), 'Ana Ruiz (certain)');
  const { answers } = await ask(qa, 'Who was project lead in March 2021?');
  assert.equal(answers[0]!.support[0]!.evidence.subject, 'Project Heron, meeting notes');
  assert.equal(answers[0]!.support[0]!.evidence.locator, 'line 6');
});

test('a sentence with two dates gives each verb its own', async () => {
  assert.equal(await first('When was the marine division sold?'), '3 May 2010 to 5 May 2010 (certain)');
  assert.equal(await first('When was Weser Pumpen acquired?'), '1 April 2005 to 30 June 2005 (certain)');
  assert.equal(await first('When was the larger warehouse sold?'), 'November 2011 (certain)');
  assert.equal(await first('When was the larger warehouse built?'), '2 May 2003 to 31 August 2003 (certain)');
  assert.equal(await first('Who led Brandt & Sohn in 1940?'), 'Otto Brandt (certain)');
  assert.equal(await first('Who led the firm in 1960?'), 'Karl Brandt (certain)');
});

test('the larger one is not the smaller one: a word that the evidence leaves out costs certainty', async () => {
  assert.equal(await first('When was the smaller warehouse built?'), '2 May 2003 to 31 August 2003 (possible)');
  assert.deepEqual((await ask(qa, 'When was the smaller warehouse built?')).notes, [
    'The best evidence does not say “smaller”.',
  ]);
});

test('who is asked for a person is not told the title of the page', async () => {
  assert.equal(await first('Who was mayor of Lindhaven in 2012?'), 'Anders Holm (certain)');
  assert.equal(await first('Who warned of old cables in 2018?'), 'E_NO_EVIDENCE');
});

test('numbers that a row or text states are answers, with their unit where they have one', async () => {
  assert.equal(await first('What was the revenue in 2016?'), '33 (certain)');
  assert.equal(await first('What was the revenue in fiscal 2021?'), '48 million euros (certain)');
  assert.equal(await first('How many employees did Brandt & Sohn have in 2017?'), '460 (certain)');
});

test('lengths reach over BC years, and a war may be called the first', async () => {
  assert.equal(
    await first('How many years passed between the founding of Carthage and its destruction?'),
    '667 or 668 years (certain)',
  );
  assert.equal(await first('How long did the First Punic War last?'), 'about 23 years (possible)');
  assert.equal(await first('When did Brandt & Sohn go public?'), '17 September 1999 (certain)');
});

test('prose that goes on in the next line is one sentence, also where that begins with a colon or a year', async () => {
  const file = join(folder, 'prose.txt');
  writeFileSync(
    file,
    'The town had been small for most of its long history until the founder came to\nMillbrook: he built the mill there in 1990 and it ran for years, well beyond\n2003 and the flood of that year.\n',
  );
  const memory = openEvidenceStore({ file: ':memory:' });
  const result = await ingestPaths(memory, [file]);
  assert.equal(result.numEvidence, 1);
  await memory.close();
  rmSync(file);
});
