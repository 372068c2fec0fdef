/** Conformance suite of the evidence store's contract: an implementation passes a function that opens an empty store. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ask, openQa } from '../../src/answer/ask.ts';
import { evidenceOfSentence } from '../../src/ingest/sentences.ts';
import { evidenceOfFact } from '../../src/ingest/verbalise.ts';
import { ingestPaths } from '../../src/ingest/ingest.ts';
import { readQuestions } from '../../src/corpus.ts';
import type { EvidenceStore, NewEvidence } from '../../src/store/types.ts';
import { parseDate, parseSpan } from '../../src/time/index.ts';
import { nameKey } from '../../src/understand/words.ts';

export interface StoreFixture {
  readonly store: EvidenceStore;
  /** Opens the same evidence once more, as another process would. */
  reopen(): Promise<EvidenceStore>;
}

const clock = { nowMs: () => performance.now() };
const CORPUS = new URL('../../fixtures/corpus', import.meta.url).pathname;

function mayor(object: string, start: string, end: string, rank?: NewEvidence['rank']): NewEvidence {
  return evidenceOfFact({
    subject: 'Côte Bleue',
    relation: 'mayor',
    object,
    start: parseDate(start)!,
    end: parseDate(end)!,
    qualifiers: [{ name: 'party', value: 'List “B”' }],
    doc: 'towns.csv',
    locator: `line ${object.length}`,
    docTime: '2001-02-03',
    ...(rank ? { rank } : {}),
  });
}

export function testEvidenceStore(
  name: string,
  open: (context: TestContext) => Promise<StoreFixture | undefined>,
): void {
  const check = (title: string, body: (fixture: StoreFixture) => Promise<void>): void => {
    test(`${name}: ${title}`, async (context) => {
      const fixture = await open(context);
      if (!fixture) return;
      try {
        await body(fixture);
      } finally {
        await fixture.store.close();
      }
    });
  };

  check('evidence reads back as it was given, for a second reader too', async ({ store, reopen }) => {
    const given = [mayor('Ada Stone', '-0043-03-15', '-0040', 'preferred'), mayor('Ben Øst', '1990', '1995-06')];
    assert.equal(await store.add(given), 2);
    await store.finishLoad();
    const other = await reopen();
    try {
      const ids = await other.withEntity('cote bleue', 10);
      const found = await other.get(ids);
      assert.deepEqual(
        found.map(({ id: _, ...rest }) => rest),
        given.map((evidence) => ({ rank: 'normal', ...evidence })),
      );
      assert.deepEqual(
        (await other.get(ids.toReversed())).map((evidence) => evidence.id),
        ids.toReversed(),
      );
    } finally {
      await other.close();
    }
  });

  check('adding the same evidence again changes nothing, within a batch and after it', async ({ store }) => {
    const one = mayor('Ada Stone', '1990', '1995');
    assert.equal(await store.add([one, one]), 1);
    assert.equal(await store.add([one, mayor('Ben Ford', '1995', '1999')]), 1);
    await store.finishLoad();
    assert.equal(await store.count(), 2);
    assert.equal((await store.withEntity('Ada Stone', 10)).length, 1);
  });

  check('names keep their type, aliases and ids when later batches leave them out', async ({ store }) => {
    await store.addEntities([{ label: 'Ada Stone', type: 'person', aliases: ['A. Stone'], sourceId: 'Q7' }]);
    await store.addEntities([{ label: 'Ada Stone' }, { label: 'Land "X"; --' }]);
    assert.deepEqual(
      (await store.entities()).toSorted((a, b) => (a.label < b.label ? -1 : 1)),
      [
        { label: 'Ada Stone', type: 'person', aliases: ['A. Stone'], sourceId: 'Q7' },
        { label: 'Land "X"; --', aliases: [] },
      ],
    );
  });

  check('names are found by key, alias, without their bracket and by the last word', async ({ store }) => {
    await store.addEntities([
      { label: 'Ada Stone', type: 'Person', aliases: ['A. Stone', 'Q*n [x]'] },
      { label: 'Old Mill (club)', aliases: [] },
      { label: 'Émile de la Côte' },
      { label: 'A name of far too many Stone' },
    ]);
    const names = await store.names();
    const keyed = (text: string) => names.labels(nameKey(text));
    assert.deepEqual(['ada stone', 'A Stone', 'Q*n [x]', 'old mill', 'emile de la cote', 'nobody'].map(keyed), [
      ['Ada Stone'],
      ['Ada Stone'],
      ['Ada Stone'],
      ['Old Mill (club)'],
      ['Émile de la Côte'],
      [],
    ]);
    assert.deepEqual([names.type(nameKey('Ada Stone')), names.type(nameKey('Old Mill (club)'))], ['person', undefined]);
    assert.deepEqual(
      ['stone', 'cote', 'tone', 's*e', '[cs]tone'].map((word) => names.lastName(word)),
      [['Ada Stone'], ['Émile de la Côte'], [], [], []],
    );
    const near = new Set([...names.containing(['mill', 'la'])].map(({ label }) => label));
    assert.deepEqual([...near].toSorted(), ['Old Mill (club)', 'Émile de la Côte']);
  });

  check('words are found without regard to case, diacritics and endings; rare ones weigh more', async ({ store }) => {
    const page = { title: 'Notes', doc: 'notes.md', locator: 'paragraph 1' };
    const sentences = [
      'Émile founded the observatory.',
      'The harbour was founded in 1900.',
      'The harbour was widened in 1910.',
      'The harbour was closed in 1920.',
    ];
    await store.add(sentences.map((sentence) => evidenceOfSentence(sentence, page)));
    await store.finishLoad();
    assert.deepEqual(await store.frequencies(['harbour', 'emile', 'nowhere', 'observatories']), [3, 1, 0, 1]);
    const [first] = await store.get((await store.withWords(['harbour', 'emile'], 4)).slice(0, 1));
    assert.match(first!.text, /Émile/);
    assert.equal((await store.withWords(['harbour'], 2)).length, 2);
    assert.deepEqual(await store.withWords([], 4), []);
    // the operators of either text search are words like others
    for (const word of ['"', 'a"b', 'NEAR(', '*', ':', '!', '&', "'; DROP TABLE evidence; --"])
      assert.ok(Array.isArray(await store.withWords([word, 'harbour'], 4)), word);
    assert.equal(await store.count(), 4);
  });

  check('evidence is found by the days that its time may cover, open ends and BC included', async ({ store }) => {
    const found = async (date: string) => {
      const { s0, e1 } = parseSpan(date);
      const all = await store.get(await store.withTime(s0, e1, 10));
      return all.map((evidence) => evidence.object).toSorted();
    };
    const { end: _, ...open } = {
      subject: 'T',
      relation: 'mayor',
      doc: 't',
      locator: '1',
      start: parseDate('2000')!,
      end: 0,
    };
    await store.add([
      mayor('Ancient', '-0043', '-0040'),
      mayor('Modern', '1990', '1995'),
      evidenceOfFact({ ...open, object: 'Present' }),
    ]);
    await store.finishLoad();
    assert.deepEqual(await found('-0042'), ['Ancient']);
    assert.deepEqual(await found('1995-12-31'), ['Modern']);
    assert.deepEqual(await found('1996'), []);
    assert.deepEqual(await found('2100'), ['Present']);
  });

  check('settings are kept', async ({ store }) => {
    assert.equal(await store.meta('snapshot'), undefined);
    await store.setMeta('snapshot', '2024-12-31');
    await store.setMeta('snapshot', '2025-01-01');
    assert.equal(await store.meta('snapshot'), '2025-01-01');
  });

  check('the shipped questions get the same answers as anywhere', async ({ store }) => {
    await ingestPaths(store, [CORPUS]);
    await store.setMeta('snapshot', '2024-12-31');
    const qa = await openQa(store, clock);
    const wrong: string[] = [];
    for (const { question, answers } of readQuestions()) {
      const [top] = (await ask(qa, question)).answers;
      if (answers.length === 0 ? top !== undefined : top === undefined) wrong.push(question);
      else if (top && !answers.some((wanted) => top.label.toLowerCase().startsWith(wanted.toLowerCase())))
        if (!/^about |\d/.test(top.label)) wrong.push(`${question} → ${top.label}`);
    }
    assert.deepEqual(wrong, []);
  });
}
