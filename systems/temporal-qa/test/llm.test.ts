/** A model that helps, lies, invents, fails or is absent: only the checked cut is ever used. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ask, openQa } from '../src/answer/ask.ts';
import { openSources } from '../src/corpus.ts';

const clock = { nowMs: () => performance.now() };
const QUESTION = 'With Yuri Gagarin freshly dead, who was pope?';

/** Asks with an endpoint that replies with the given content; undefined replies with status 500. */
async function askWith(question: string, content: string | undefined) {
  const seen: { messages: { content: string }[]; temperature: number }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push(JSON.parse(body));
      response.writeHead(content === undefined ? 500 : 200);
      response.end(JSON.stringify({ choices: [{ message: { content } }] }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const store = await openSources('');
  const qa = await openQa(store, clock);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const result = await ask(qa, question, { llm: { url, model: 'm', timeoutMs: 2000 } });
  const alone = await ask(qa, question);
  await store.close();
  server.close();
  server.closeAllConnections();
  return { result, alone, seen };
}

test('a cut that passes the checks is used, and the time still comes from the evidence', async () => {
  const reading = { main: 'who was pope', relation: 'OVERLAP', condition: 'Yuri Gagarin dead' };
  const { result, alone, seen } = await askWith(QUESTION, JSON.stringify(reading));
  assert.notEqual(alone.answers[0]?.label, 'Paul VI');
  assert.equal(result.answers[0]?.label, 'Paul VI');
  assert.match(result.sub[0]!.answers[0]!.support[0]!.evidence.text, /Gagarin.*27 March 1968/);
  assert.match(result.notes.join(' '), /The language model cut the question; each part was checked/);
  // instruction, eight examples of two messages, the question
  assert.equal(seen[0]!.messages.length, 18);
  assert.equal(seen[0]!.temperature, 0);
});

test('a model that writes a date or a name of its own is not followed', async () => {
  for (const condition of ['27 March 1968', 'Neil Armstrong dead']) {
    const { result, alone } = await askWith(
      QUESTION,
      JSON.stringify({ main: 'who was pope', relation: 'OVERLAP', condition }),
    );
    assert.match(result.notes.join(' '), /not followed: it wrote “(?:27|neil)”, which the question does not say/);
    assert.deepEqual(result.answers[0]?.label, alone.answers[0]?.label);
  }
});

test('a model that turns before into after is not followed', async () => {
  const question = 'Who was president of France before François Mitterrand?';
  const reading = { main: 'Who was president of France', relation: 'AFTER', condition: 'François Mitterrand' };
  const { result } = await askWith(question, JSON.stringify(reading));
  assert.equal(result.answers[0]?.label, "Valéry Giscard d'Estaing");
  assert.match(result.notes.join(' '), /it read AFTER where the wording says BEFORE/);
});

test('a model that drops a condition or a name is not followed', async () => {
  const question = 'Who was president of France before François Mitterrand?';
  const none = await askWith(
    question,
    JSON.stringify({ main: 'Who was president of France', relation: 'NONE', condition: '' }),
  );
  assert.match(none.result.notes.join(' '), /it left out “francois”/);
  assert.equal(none.result.answers[0]?.label, "Valéry Giscard d'Estaing");
});

test('broken replies and absent endpoints leave the rules in charge, with a notice', async () => {
  const question = 'Who was pope in 1960?';
  for (const content of [
    undefined,
    'no json',
    '{"main": 3}',
    '{"main":"Who was pope","relation":"NEAR","condition":"1960"}',
  ]) {
    const { result } = await askWith(question, content);
    assert.equal(result.answers[0]?.label, 'John XXIII');
    assert.match(result.notes.join(' '), /The language model was not followed: frameWithLlm: a reading as JSON, got /);
  }
  const store = await openSources('');
  const down = await ask(await openQa(store, clock), question, { llm: { url: 'http://127.0.0.1:9/v1', model: 'm' } });
  await store.close();
  assert.equal(down.answers[0]?.label, 'John XXIII');
  assert.match(down.notes.join(' '), /TF-TEMPORAL-008/);
});
