/** Vectors widen what is about the question; they never widen what is in time. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ask, openQa } from '../src/answer/ask.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import { parseDate } from '../src/time/index.ts';

const fact = (relation: string, object: string, start: string, end: string) =>
  evidenceOfFact({
    subject: 'Millbrook',
    relation,
    object,
    start: parseDate(start)!,
    end: parseDate(end)!,
    doc: 'd',
    locator: object,
  });

/** Meaning of a text in two dimensions: first citizen of a town, or anything else. */
function meaningOf(text: string): number[] {
  return /burgomaster|mayor|in charge/.test(text) ? [1, 0.1] : [0.1, 1];
}

async function askWith(question: string, reply: (input: string[]) => unknown) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => response.end(JSON.stringify(reply((JSON.parse(body) as { input: string[] }).input))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const store = openEvidenceStore({ file: ':memory:' });
  await store.add([
    fact('mayor', 'Ida Brandt', '1990', '1995'),
    fact('mayor', 'Bo Ek', '1996', '2000'),
    fact('twin town', 'Kaldor', '1985', '2005'),
  ]);
  await store.addEntities(['Millbrook', 'Ida Brandt', 'Bo Ek', 'Kaldor'].map((label) => ({ label })));
  await store.finishLoad();
  const qa = await openQa(store, { nowMs: () => performance.now() });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const result = await ask(qa, question, { vectors: { url, model: 'm', timeoutMs: 2000 } });
  const alone = await ask(qa, question);
  await store.close();
  server.close();
  server.closeAllConnections();
  return { result, alone };
}

const embed = (input: string[]) => ({ data: input.map((text, index) => ({ index, embedding: meaningOf(text) })) });

test('evidence in other words is found by vectors, and its time is checked as ever', async () => {
  const { result, alone } = await askWith(
    'Who served the quiet community Millbrook as honourable burgomaster in 1992?',
    embed,
  );
  assert.equal(alone.answers.length, 0);
  assert.equal(result.answers[0]?.label, 'Ida Brandt');
  assert.ok(result.pruned.some((item) => item.evidence.object === 'Bo Ek'));
  assert.match(result.notes.join(' '), /vectors found evidence in other words/);
  const late = await askWith('Who served the quiet community Millbrook as honourable burgomaster in 2010?', embed);
  assert.equal(late.result.abstained?.code, 'E_NONE_IN_TIME');
});

test('an endpoint without usable vectors changes nothing and is named', async () => {
  const { result, alone } = await askWith(
    'Who served the quiet community Millbrook as honourable burgomaster in 1992?',
    () => ({ data: [] }),
  );
  assert.equal(result.abstained?.code, alone.abstained?.code);
  assert.match(
    result.notes.join(' '),
    /nearInMeaning: a vector for each text, got 0 vectors for \d+ texts .*TF-TEMPORAL-013/,
  );
});
