import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertManifest, runTour, runVerbInTest } from '@tenfold/core/system/test-kit';
import { ask, openQa, type QaContext } from '../src/answer/ask.ts';
import { openSources, readQuestions } from '../src/corpus.ts';
import { ingestPaths } from '../src/ingest/ingest.ts';
import { linesOfFile } from '../src/ingest/lines.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';
import { manifest } from '../src/manifest.ts';
import { createQaServer } from '../src/server.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import type { EvidenceStore } from '../src/store/types.ts';
import { boundsOfDay, civilFromDay, isoFromDay, parseDate, verdictOf } from '../src/time/index.ts';
import { continueQuestion } from '../src/understand/followup.ts';
import { verifyAnswer } from '../src/verify/verify.ts';

const clock = { nowMs: () => performance.now() };
let store: EvidenceStore;
let corpus: QaContext;
const folder = mkdtempSync(join(tmpdir(), 'temporal-qa-'));

before(async () => {
  store = await openSources('');
  corpus = await openQa(store, clock);
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function ingested(...files: string[]) {
  const memory = openEvidenceStore({ file: ':memory:' });
  const result = await ingestPaths(memory, files);
  return { memory, result };
}

/** Six presidents of a made-up land, each four years, all dates moved by a number of days. */
async function shiftedLand(shiftDays: number, leftOut = -1) {
  const memory = openEvidenceStore({ file: ':memory:' });
  const names = ['Ada Stone', 'Ben Ford', 'Cleo Hart', 'Dan Moor', 'Eve Lund', 'Fay Reed'];
  const bounds = (year: number) => {
    const { year: y, month, day } = civilFromDay(parseDate(`${year}-03-01`)!.lo + shiftDays);
    return boundsOfDay(y, month, day);
  };
  await memory.add(
    names
      .map((object, index) =>
        evidenceOfFact({
          subject: 'Landia',
          relation: 'president',
          object,
          start: bounds(1900 + 4 * index),
          end: bounds(1904 + 4 * index),
          doc: 'land',
          locator: `line ${index}`,
        }),
      )
      .filter((_, index) => index !== leftOut),
  );
  await memory.addEntities([...names, 'Landia'].map((label) => ({ label })));
  await memory.finishLoad();
  return { memory, qa: await openQa(memory, clock) };
}

test('the manifest keeps the rules of the house', () => assertManifest(manifest));

test('the tour answers the shipped questions and every answer passes the independent check', async () => {
  const outcome = await runTour(manifest);
  const result = outcome.result as {
    answerable: number;
    right: number;
    numChecked: number;
    numFaithful: number;
    unanswerable: number;
    abstainedRightly: number;
    classes: { kind: string; right: number; total: number }[];
  };
  assert.ok(result.right / result.answerable >= 0.85);
  assert.equal(result.numFaithful, result.numChecked);
  assert.ok(result.abstainedRightly / result.unanswerable >= 0.9);
  for (const { kind, right, total } of result.classes) assert.ok(right / total >= 0.8, kind);
});

test('in strict mode the evidence of every answer satisfies the resolved condition', async () => {
  let numChecked = 0;
  for (const { question } of readQuestions()) {
    const result = await ask(corpus, question);
    if (result.constraint.length === 0 || result.frame.kind === 'yes-no') continue;
    for (const answer of result.answers) {
      numChecked++;
      for (const { spans } of answer.support)
        assert.ok(
          spans.some((span) =>
            result.constraint.some((window) => verdictOf(result.signal, span, window) !== 'impossible'),
          ),
          `${question} → ${answer.label}`,
        );
    }
  }
  assert.ok(numChecked > 80);
});

test('questions in other words get their answers, and unanswerable ones are refused', async () => {
  let right = 0;
  const wrong: string[] = [];
  const questions = readQuestions('held-out');
  for (const { question, answers } of questions) {
    const [top] = (await ask(corpus, question)).answers;
    const isRight =
      answers.length === 0
        ? !top
        : top !== undefined && answers.some((wanted) => top.label.includes(wanted.replace(/ years$/, '')));
    if (isRight) right++;
    else if (top) wrong.push(`${question} → ${top.label}`);
  }
  assert.ok(right / questions.length >= 0.9, String(right));
  // what is not understood is refused, not guessed
  assert.deepEqual(wrong, []);
});

test('a date beside a clause is a condition of its own', async () => {
  const before = await ask(corpus, 'Who was president of France before François Mitterrand?');
  assert.equal(before.answers[0]?.label, "Valéry Giscard d'Estaing");
  const both = await ask(corpus, 'Who was president of France in 1965 before François Mitterrand?');
  assert.equal(both.answers[0]?.label, 'Charles de Gaulle');
  const none = await ask(corpus, 'Who was president of France in 1990 before François Mitterrand?');
  assert.equal(none.answers.length, 0);
});

test('shifting all dates by a constant shifts the answers', async () => {
  for (const shift of [0, -365_250, 36_525]) {
    const { memory, qa } = await shiftedLand(shift);
    const middle = isoFromDay(parseDate('1910-01-01')!.lo + shift);
    const result = await ask(qa, `Who was president of Landia on ${middle}?`);
    assert.equal(result.answers[0]?.label, 'Cleo Hart', middle);
    const when = await ask(qa, 'When did Dan Moor become president of Landia?');
    assert.equal(when.answers[0]?.span?.s0, parseDate('1912-03-01')!.lo + shift);
    await memory.close();
  }
});

test('deleting the evidence removes the answer', async () => {
  const { memory, qa } = await shiftedLand(0, 2);
  const result = await ask(qa, 'Who was president of Landia in 1910?');
  assert.equal(result.answers.length, 0);
  assert.equal(result.abstained?.code, 'E_NONE_IN_TIME');
  await memory.close();
});

test('the only lexical match out of time is refused in strict mode and shown when nothing is removed', async () => {
  const question = 'Which comet did the Hubble Space Telescope observe in 1950?';
  const strict = await ask(corpus, question);
  assert.equal(strict.answers.length, 0);
  assert.ok(strict.pruned.some((item) => item.evidence.text.includes('Shoemaker-Levy 9')));
  const off = await ask(corpus, question, { mode: 'off' });
  assert.equal(off.answers[0]?.label, 'Shoemaker-Levy 9');
  assert.equal(off.answers[0]?.verdict, 'impossible');
});

test('an implicit condition is resolved by a question of its own, with its own evidence', async () => {
  const result = await ask(corpus, 'Who was pope when Apollo 11 landed on the Moon?');
  assert.equal(result.answers[0]?.label, 'Paul VI');
  assert.equal(result.sub[0]?.answers[0]?.label, '20 July 1969');
  assert.match(result.sub[0]!.answers[0]!.support[0]!.evidence.text, /Apollo 11/);
});

test('a condition inside a condition is resolved through two levels', async () => {
  const result = await ask(
    corpus,
    'Who was pope when Alan Shepard was commander of Apollo 14 after Apollo 11 landed on the Moon?',
  );
  assert.equal(result.answers[0]?.label, 'Paul VI');
  assert.ok(result.sub[0]!.sub.length > 0 || result.sub[0]!.constraint.length > 0);
});

test('the verifier fails an answer whose text or interval was tampered with', async () => {
  const result = await ask(corpus, 'Who was president of France in 1975?');
  assert.equal(verifyAnswer(result, undefined, { onlyFirst: true }).findings.length, 0);
  const forged = structuredClone(result) as unknown as {
    answers: {
      label: string;
      support: { evidence: { text: string }; spans: { s0: number; s1: number; e0: number; e1: number }[] }[];
    }[];
  };
  forged.answers[0]!.support[0]!.evidence.text = forged.answers[0]!.support[0]!.evidence.text.replaceAll(
    '1974',
    '1994',
  ).replaceAll('1981', '1999');
  assert.ok(verifyAnswer(forged as unknown as typeof result, undefined, { onlyFirst: true }).findings.length > 0);
  const moved = structuredClone(result) as unknown as typeof forged;
  for (const span of moved.answers[0]!.support[0]!.spans)
    for (const key of ['s0', 's1', 'e0', 'e1'] as const) span[key] += 5000;
  assert.match(
    verifyAnswer(moved as unknown as typeof result, undefined, { onlyFirst: true }).findings[0]!.fault,
    /not stated by the text/,
  );
  const renamed = structuredClone(result) as unknown as typeof forged;
  renamed.answers[0]!.label = 'Nobody Atall';
  assert.match(
    verifyAnswer(renamed as unknown as typeof result, undefined, { onlyFirst: true }).findings[0]!.fault,
    /does not stand in its evidence/,
  );
  assert.match(
    verifyAnswer(result, () => 'another text', { onlyFirst: true }).findings[0]!.fault,
    /not what the source holds/,
  );
});

test('the same answer comes from a fact, a paragraph, a table and an infobox alone', async () => {
  const files = [
    write('fact.csv', 'subject,relation,object,start,end\nMillbrook,mayor,Ida Brandt,1990,1995\n'),
    write('prose.md', '# Millbrook\n\nIda Brandt was mayor of Millbrook from 1990 to 1995.\n'),
    write('table.wiki', '{| class="wikitable"\n! Mayor !! Years\n|-\n| Ida Brandt || 1990–1995\n|}\n'),
    write(
      'info.html',
      '<h1>Millbrook</h1><table class="infobox"><tr><th>Mayor</th><td>Ida Brandt (1990–1995)</td></tr></table>',
    ),
  ];
  for (const file of files) {
    const { memory } = await ingested(file);
    const question = file.endsWith('.wiki') ? 'Who was mayor in 1992?' : 'Who was mayor of Millbrook in 1992?';
    const result = await ask(await openQa(memory, clock), question);
    assert.equal(result.answers[0]?.label, 'Ida Brandt', file);
    assert.equal(result.answers[0]!.support[0]!.verdict, 'certain');
    await memory.close();
  }
  const { memory } = await ingested(files[0]!, files[1]!, files[3]!);
  const merged = await ask(await openQa(memory, clock), 'Who was mayor of Millbrook in 1992?');
  assert.deepEqual(
    new Set(merged.answers[0]!.support.map((item) => item.evidence.source)),
    new Set(['kb', 'text', 'info']),
  );
  await memory.close();
});

test('where a fact states only its end, that is what a question for its time gets, but no question for its start', async () => {
  const { memory } = await ingested(
    write('ended.csv', 'subject,relation,object,start,end\nMillbrook,mayor,Ada Stone,,1 July 2019\n'),
  );
  const context = await openQa(memory, clock);
  const { answers } = await ask(context, 'When was Ada Stone mayor of Millbrook?');
  assert.deepEqual([answers[0]?.label, answers[0]?.id], ['until 1 July 2019', '2019-07-01T00:00:00Z']);
  assert.deepEqual(verifyAnswer(await ask(context, 'When was Ada Stone mayor of Millbrook?')).findings, []);
  const start = await ask(context, 'When did Ada Stone become mayor of Millbrook?');
  assert.equal(start.abstained?.code, 'E_NONE_IN_TIME');
  await memory.close();
});

test('two sources that state different intervals are reported as a conflict, rounder ones are not', async () => {
  const fact = write(
    'mayors.csv',
    'subject,relation,object,start,end\nMillbrook,mayor,Ida Brandt,1990-03-01,1995-06-30\n',
  );
  const ask1 = async (prose: string) => {
    const { memory } = await ingested(fact, write('millbrook.md', `# Millbrook\n\n${prose}\n`));
    const result = await ask(await openQa(memory, clock), 'Who was mayor of Millbrook in 1993?');
    await memory.close();
    assert.equal(result.answers[0]?.label, 'Ida Brandt');
    return result.notes.filter((note) => note.startsWith('Sources disagree'));
  };
  assert.deepEqual(await ask1('Ida Brandt was mayor of Millbrook from 1992 to 1995.'), [
    'Sources disagree: mayors.csv line 2 says 1990-03-01/1995-06-30, millbrook.md line 3 says 1992/1995.',
  ]);
  assert.deepEqual(await ask1('Ida Brandt was mayor of Millbrook from 1990 to 1995.'), []);
});

test('broken rows are reported by file and line, and the good ones are kept', async () => {
  const csv = write(
    'broken.csv',
    'subject,relation,object,start,end\nA Land,mayor,Bo Ek,1990,1980\nA Land,mayor,Cy Dal,31 February 2001,\nA Land,mayor,,1990,\nA Land,mayor,Di Falk,1990,1995\n',
  );
  const jsonl = write(
    'broken.jsonl',
    '{"subject":"B Land","relation":"mayor","object":"Ed Gran","start":"1990"}\n{"subject": \n',
  );
  const latin = write('latin.csv', Buffer.from('subject,relation,object\nC Land,mayor,Jos\xe9 M\n', 'latin1'));
  const { memory, result } = await ingested(csv, jsonl, latin);
  const places = result.problems.map((problem) => problem.location!.replace(/^.*\//, ''));
  assert.deepEqual(places.toSorted(), [
    'broken.csv:2',
    'broken.csv:3',
    'broken.csv:4',
    'broken.jsonl:2',
    'latin.csv:2',
  ]);
  // the row in another encoding is kept as well
  assert.equal(await memory.count(), 4);
  assert.equal((await memory.withEntity('José M', 5)).length, 1);
  const again = await ingestPaths(memory, [csv, jsonl]);
  assert.equal(again.numNew, 0);
  await memory.close();
});

test('a line longer than the limit is skipped by number and the lines around it are read', () => {
  const file = write('long.jsonl', `first\n${'x'.repeat(5000)}\nlast\n`);
  const lines = [...linesOfFile(file, { maxLineBytes: 1000 })];
  assert.deepEqual(
    lines.map(({ number, text, fault }) => fault ?? `${number} ${text}`),
    ['1 first', 'a line of 5000 bytes', '3 last'],
  );
});

test('Wikidata JSON and N-Triples give the same fact, with qualifiers, ranks and BC years', async () => {
  const statement = {
    mainsnak: { snaktype: 'value', datavalue: { type: 'wikibase-entityid', value: { id: 'Q2' } } },
    rank: 'normal',
    qualifiers: {
      P580: [
        { snaktype: 'value', datavalue: { type: 'time', value: { time: '-0044-01-01T00:00:00Z', precision: 9 } } },
      ],
      P582: [
        { snaktype: 'value', datavalue: { type: 'time', value: { time: '-0040-01-01T00:00:00Z', precision: 9 } } },
      ],
    },
  };
  const json = write(
    'dump.json',
    `[\n${JSON.stringify({ id: 'Q1', labels: { en: { value: 'Old Town' } }, claims: { P6: [statement] } })},\n${JSON.stringify({ id: 'Q2', labels: { en: { value: 'Gaius Vero' } } })}\nbroken\n]\n`,
  );
  const wd = 'http://www.wikidata.org';
  const nt = write(
    'dump.nt',
    [
      `<${wd}/entity/Q1> <http://www.w3.org/2000/01/rdf-schema#label> "Old Town"@en .`,
      `<${wd}/entity/Q2> <http://www.w3.org/2000/01/rdf-schema#label> "Gaius Vero"@en .`,
      `<${wd}/prop/direct/P6> <http://www.w3.org/2000/01/rdf-schema#label> "x"@de .`,
      `<${wd}/entity/P6> <http://www.w3.org/2000/01/rdf-schema#label> "head of government"@en .`,
      `<${wd}/entity/Q1> <${wd}/prop/P6> <${wd}/entity/statement/S1> .`,
      `<${wd}/entity/statement/S1> <${wd}/prop/statement/P6> <${wd}/entity/Q2> .`,
      `<${wd}/entity/statement/S1> <${wd}/prop/qualifier/P580> "-0043-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .`,
    ].join('\n'),
  );
  const fromJson = await ingested(json);
  assert.equal(fromJson.result.problems.length, 1);
  const [fact] = await fromJson.memory.get(await fromJson.memory.withEntity('Gaius Vero', 5));
  assert.equal(fact!.text, 'Old Town, head of government, Gaius Vero, start time, 44 BC, end time, 40 BC');
  const fromTriples = await ingested(nt);
  const [triple] = await fromTriples.memory.get(await fromTriples.memory.withEntity('Gaius Vero', 5));
  assert.equal(triple!.relation, 'head of government');
  assert.equal(isoFromDay(triple!.spans[0]!.s0), '-0043-01-01');
  await fromJson.memory.close();
  await fromTriples.memory.close();
});

test('bad questions are named by code; operators of the text index are inert', async () => {
  await assert.rejects(ask(corpus, '   '), {
    message: 'ask: a question of 1 to 2000 characters, got 0. TF-TEMPORAL-002',
  });
  await assert.rejects(ask(corpus, 'x'.repeat(2001)), /TF-TEMPORAL-002/);
  const codes = await Promise.all(
    [
      'Who was president of Atlantis in 1990?',
      'Who was president of France after 1990 and before 1980?',
      'Who was the twentieth chancellor of Germany?',
    ].map(async (question) => (await ask(corpus, question)).abstained?.code),
  );
  assert.deepEqual(codes, ['E_NO_ENTITY', 'E_EMPTY_INTERVAL', 'E_ORDINAL']);
  for (const question of ['"NEAR(" * text: OR ^ -', "Who'; DROP TABLE evidence; --", 'AND OR NOT'])
    assert.ok(await ask(corpus, question));
  assert.throws(
    () => openEvidenceStore({ file: write('no.sqlite', 'not a database at all, but long enough to be looked at') }),
    /TF-TEMPORAL-004/,
  );
});

test('as-of, sources and modes change what is answered', async () => {
  assert.equal(
    (await ask(corpus, 'Who is the president of France?', { asOf: '1970-01-01' })).answers[0]?.label,
    'Georges Pompidou',
  );
  assert.equal(
    (await ask(corpus, 'Who is the president of France?', { refDate: '1962-01-01' })).answers[0]?.label,
    'Charles de Gaulle',
  );
  const tables = await ask(corpus, 'Which country was champion of the FIFA World Cup in 1966?', { sources: ['kb'] });
  assert.notEqual(tables.answers[0]?.label, 'England');
});

test('wrong dates, kinds of sources and paths are named before anything is done', async () => {
  await assert.rejects(ask(corpus, 'Who was pope in 1960?', { asOf: 'tomorrow' }), {
    message: 'ask: an as-of date like 1990-01-01, got "tomorrow". TF-TEMPORAL-001',
  });
  await assert.rejects(runVerbInTest(manifest, 'ask', { question: 'Who was pope in 1960?', sources: 'kb,tables' }), {
    message: /^ask: kinds of sources out of kb, text, table, info, got "tables"\..* TF-TEMPORAL-012$/,
  });
  const db = join(folder, 'unmade.sqlite');
  await assert.rejects(runVerbInTest(manifest, 'ingest', { path: join(folder, 'nothing.csv'), db }), /TF-TEMPORAL-003/);
  assert.equal(existsSync(db), false);
  const empty = await runVerbInTest(manifest, 'ingest', { path: mkdtempSync(join(folder, 'empty-')), db });
  assert.equal(empty.status, 'problems');
});

test('follow-up questions are completed from the turns before', () => {
  const history = ['Who was president of France in 1975?', "Valéry Giscard d'Estaing"];
  assert.equal(
    continueQuestion('And before him?', history, corpus.linker),
    "Who was president of France before Valéry Giscard d'Estaing?",
  );
  assert.equal(continueQuestion('What about 1990?', history, corpus.linker), 'Who was president of France in 1990?');
  assert.equal(
    continueQuestion('And the United States?', history, corpus.linker),
    'Who was president of the United States in 1975?',
  );
});

test('the HTTP API answers questions and speaks the chat-completions form', async () => {
  const server = createQaServer(corpus);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = (path: string, body: string) => fetch(base + path, { method: 'POST', body });
  const answer = (await (await post('/answer', JSON.stringify({ question: 'Who was pope in 1960?' }))).json()) as {
    answers: { label: string }[];
  };
  assert.equal(answer.answers[0]?.label, 'John XXIII');
  const chat = (await (
    await post(
      '/v1/chat/completions',
      JSON.stringify({ messages: [{ role: 'user', content: 'Who was pope in 1960?' }] }),
    )
  ).json()) as { choices: { message: { content: string } }[] };
  assert.match(chat.choices[0]!.message.content, /^John XXIII\n\[1\] Catholic Church/);
  const line = (await (await fetch(`${base}/timeline?name=Germany&from=1980-01-01&to=1990-01-01`)).json()) as {
    rows: { change: string; evidence: string }[];
  };
  assert.ok(line.rows.some(({ change, evidence }) => change === 'began' && evidence.includes('Helmut Kohl')));
  assert.equal((await post('/answer', 'no json')).status, 400);
  assert.equal((await post('/answer', '{"question":""}')).status, 400);
  assert.equal((await post('/etc/passwd', '{}')).status, 404);
  server.close();
  server.closeAllConnections();
});

test('the verbs run as the command line runs them', async () => {
  const file = write('town.csv', 'subject,relation,object,start,end\nMillbrook,mayor,Ida Brandt,1990,1995\n');
  const db = join(folder, 'town.sqlite');
  await runVerbInTest(manifest, 'ingest', { path: file, db });
  const asked = await runVerbInTest(manifest, 'ask', { question: 'Who was mayor of Millbrook in 1992?', db });
  const saved = write('answer.json', JSON.stringify(asked.result));
  const verified = await runVerbInTest(manifest, 'verify', { file: saved, db });
  assert.equal(verified.status, 'done');
  const dates = await runVerbInTest(manifest, 'dates', { text: 'from 1987 until June 1996' });
  assert.equal((dates.result as { edtf: string }[])[0]!.edtf, '1987/1996-06');
  const related = await runVerbInTest(manifest, 'relate', { a: '1987/1996', b: '2000' });
  assert.deepEqual((related.result as { relations: string[] }).relations, ['before']);
  const changed = await runVerbInTest(manifest, 'timeline', {
    name: 'Millbrook',
    db,
    from: '1989-01-01',
    to: '1992-01-01',
  });
  assert.equal((changed.result as { rows: { change: string }[] }).rows[0]!.change, 'began');
  const place = await runVerbInTest(manifest, 'source', { id: 1, db });
  assert.deepEqual((place.result as { rows: unknown[] }).rows, [
    { id: 1, locator: 'line 2', text: 'Millbrook, mayor, Ida Brandt, start time, 1990, end time, 1995', isCited: true },
  ]);
  await assert.rejects(runVerbInTest(manifest, 'source', { id: 99, db }), { code: 'TF-TEMPORAL-011' });
});
