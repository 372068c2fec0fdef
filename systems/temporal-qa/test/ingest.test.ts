/** Odd, broken, huge and interrupted input: reported by file and line, the rest is kept. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { itemsOfFile, ingestPaths } from '../src/ingest/ingest.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';

const folder = mkdtempSync(join(tmpdir(), 'temporal-ingest-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** Texts and problems of a file; a problem as `place: expected / actual`. */
function read(file: string) {
  const items = [...itemsOfFile(file)];
  return {
    texts: items.flatMap((item) => (item.kind === 'evidence' ? [item.evidence.text] : [])),
    problems: items.flatMap((item) =>
      item.kind === 'problem'
        ? [`${item.problem.location!.replace(/^.*\//, '')}: ${item.problem.expected} / ${item.problem.actual}`]
        : [],
    ),
  };
}

test('a JSON file may be a list of records, one record, or what Wikidata hands out', () => {
  const record = { subject: 'Millbrook', relation: 'mayor', object: 'Ida Brandt', start: '1990', end: '1995' };
  const text = 'Millbrook, mayor, Ida Brandt, start time, 1990, end time, 1995';
  assert.deepEqual(read(write('list.json', JSON.stringify([record], null, 2))).texts, [text]);
  assert.deepEqual(read(write('one.json', JSON.stringify(record))).texts, [text]);
  const entity = {
    id: 'Q1',
    labels: { en: { value: 'Millbrook' } },
    claims: {
      P571: [{ mainsnak: { datavalue: { type: 'time', value: { time: '+1210-00-00T00:00:00Z', precision: 9 } } } }],
    },
  };
  const pretty = JSON.stringify({ entities: { Q1: entity } }, null, 2);
  assert.deepEqual(read(write('entity-data.json', pretty)).texts, [
    'Millbrook, inception, Millbrook, point in time, 1210',
  ]);
  assert.deepEqual(read(write('dump.json', `[\n${JSON.stringify(entity)}\n]\n`)).texts.length, 1);
});

test('JSON that is broken or holds no records is reported with its place', () => {
  const broken = read(write('broken.json', '[\n  {"subject": "A"},\n  {"subject": }\n]'));
  assert.deepEqual(broken.texts, []);
  assert.match(broken.problems[0]!, /^broken\.json:3: JSON \/ Unexpected token/);
  assert.deepEqual(read(write('numbers.json', '[1, {"subject":"A","relation":"b","object":"C"}]')).problems, [
    'numbers.json:[0]: an object with plain values / 1',
  ]);
});

test('empty files and files that are no text are problems, not silence', () => {
  assert.deepEqual(read(write('empty.csv', '')).problems, ['empty.csv: a header line and rows / an empty file']);
  assert.deepEqual(read(write('empty.json', '')).problems, ['empty.json: JSON / an empty file']);
  assert.deepEqual(read(write('empty.md', ' \n')).problems, ['empty.md: a page of text / an empty file']);
  assert.deepEqual(read(write('scan.pdf', Buffer.from('%PDF-1.7\0\0'))).problems, [
    'scan.pdf: a page of text / other content; “.pdf” is not read',
  ]);
});

test('a page in another encoding is read, and its first odd line is named', () => {
  const { texts, problems } = read(write('cafe.md', Buffer.from('# Town\n\nThe caf\xe9 opened in 1990.\n', 'latin1')));
  assert.deepEqual(texts, ['Town, The café opened in 1990.']);
  assert.deepEqual(problems, ['cafe.md:3: a page in UTF-8 / bytes that are not UTF-8; read as Windows-1252']);
});

test('a quoted cell that never ends, a ragged row and an unclosed page lose nothing that is readable', () => {
  const csv = read(write('open.csv', 'subject,relation,object\nA,b,C,D\nE,f,"G\nH,i,J\n'));
  assert.deepEqual(csv.texts, ['A, b, C']);
  assert.deepEqual(csv.problems, [
    'open.csv:2: 3 cells as in the header / 4',
    'open.csv:3: a row of text in UTF-8 / a quoted cell that never ends',
  ]);
  const html = read(write('open.html', '<h1>Town<p>It was founded in 1210.<table><tr><td>Mayor<td>Ida Brandt, 1990'));
  assert.ok(html.texts.some((text) => text.includes('founded in 1210')));
  assert.ok(html.texts.some((text) => text.includes('Ida Brandt')));
});

test('a line of 100 MB is reported by its number, and the rows around it are read', () => {
  const file = join(folder, 'huge.jsonl');
  const handle = openSync(file, 'w');
  const row = (object: string) => `{"subject":"Town","relation":"mayor","object":"${object}","start":"1990"}\n`;
  writeSync(handle, row('Ada Stone'));
  const block = Buffer.alloc(10 * 2 ** 20, 'x');
  for (let k = 0; k < 10; k++) writeSync(handle, block);
  writeSync(handle, `\n${row('Ben Ford')}`);
  closeSync(handle);
  const { texts, problems } = read(file);
  assert.deepEqual(texts, ['Town, mayor, Ada Stone, start time, 1990', 'Town, mayor, Ben Ford, start time, 1990']);
  assert.deepEqual(problems, [`huge.jsonl:2: a line of JSON in UTF-8 / a line of ${100 * 2 ** 20} bytes`]);
});

test('evidence of a load that was killed is indexed at the next opening', async () => {
  const file = join(folder, 'killed.sqlite');
  const killed = openEvidenceStore({ file });
  const fact = (object: string) =>
    evidenceOfFact({ subject: 'Town', relation: 'mayor', object, doc: 'd', locator: object });
  await killed.add([fact('Ada Stone')]);
  await killed.finishLoad();
  await killed.add([fact('Ben Ford'), fact('Cleo Hart')]);
  await killed.close();
  const again = openEvidenceStore({ file });
  assert.equal((await again.withEntity('Ben Ford', 5)).length, 1);
  assert.equal((await again.withWords(['cleo'], 5)).length, 1);
  assert.equal(await again.add([fact('Cleo Hart')]), 0);
  assert.equal((await again.withEntity('Town', 5)).length, 3);
  await again.close();
});

test('an interrupted ingestion keeps what it has read, and it can be found', async () => {
  const lines = ['subject,relation,object'];
  for (let i = 0; i < 48_000; i++) lines.push(`Town ${i},mayor,Ada Stone ${i}`);
  const path = write('long.csv', lines.join('\n'));
  const store = openEvidenceStore({ file: ':memory:' });
  const stop = new AbortController();
  await assert.rejects(ingestPaths(store, [path], { signal: stop.signal, onProgress: () => stop.abort() }), {
    code: 'TF-BASE-001',
  });
  const count = await store.count();
  assert.ok(count >= 20_000 && count < 48_000, String(count));
  assert.equal((await store.withEntity('Ada Stone 17', 5)).length, 1);
  assert.ok((await store.entities()).some((entity) => entity.label === 'Town 17'));
  const rest = await ingestPaths(store, [path]);
  assert.equal(rest.numNew, 48_000 - count);
  await store.close();
});
