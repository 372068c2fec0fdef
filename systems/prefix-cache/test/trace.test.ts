import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openTrace } from '../src/trace/open-trace.ts';

const folder = mkdtempSync(join(tmpdir(), 'tenfold-trace-'));
after(() => rmSync(folder, { recursive: true }));
const encode = async () => (text: string) => Array.from(text, (letter) => letter.codePointAt(0)!);

test('every format is recognised by its fields and gives the same nouns', async () => {
  const marconi = await open(
    'm.jsonl',
    JSON.stringify({ session_id: 3, turn_id: 1, ts: 2.5, input_tokens: [1, 2, 3], output_tokens: [4] }),
  );
  assert.deepEqual(marconi.requests[0], {
    session: 3,
    turn: 1,
    timeSec: 2.5,
    input: Int32Array.from([1, 2, 3]),
    output: Int32Array.from([4]),
    inputTokens: 3,
    outputTokens: 1,
  });
  const mooncake = await open(
    'k.jsonl',
    JSON.stringify({ timestamp: 1500, input_length: 600, output_length: 5, hash_ids: [7, 8] }),
  );
  assert.deepEqual([mooncake.symbolTokens, mooncake.hasOpaqueOutputs, mooncake.requests[0]!.timeSec], [512, true, 1.5]);
  const bailian = await open(
    'b.jsonl',
    JSON.stringify({ chat_id: 9, turn: 2, timestamp: 4, input_length: 17, output_length: 5, hash_ids: [7, 8] }),
  );
  assert.deepEqual([bailian.symbolTokens, bailian.requests[0]!.session, bailian.requests[0]!.turn], [16, 9, 2]);
  const aibrix = await open(
    'a.jsonl',
    JSON.stringify({ timestamp: 2000, requests: [{ prompt: 'hi', 'Output Length': 3 }] }),
  );
  assert.equal(aibrix.requests[0]!.outputTokens, 3);
  const azure = await open(
    'z.csv',
    'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,44\n2023-11-16 18:15:50.68,100,10\n',
  );
  assert.deepEqual(
    azure.requests.map(({ timeSec, inputTokens }) => [Math.round(timeSec), inputTokens]),
    [
      [0, 374],
      [4, 100],
    ],
  );
  const burst = await open('u.csv', 'Timestamp,Session ID,Request tokens,Response tokens\n5,1,10,2\n9,1,14,2\n');
  assert.deepEqual(
    [...burst.requests[1]!.input.subarray(0, 12)],
    [...burst.requests[0]!.input, ...burst.requests[0]!.output],
  );
});

test('the turns of an agent trajectory begin with the turns before them', async () => {
  const history = [
    { role: 'system', content: 'S' },
    { role: 'user', content: 'U' },
    { role: 'assistant', content: 'A' },
    { role: 'tool', content: 'T' },
    { role: 'assistant', content: 'B' },
  ];
  const { requests } = await open('x.traj', JSON.stringify({ history }));
  assert.equal(requests.length, 2);
  const [first, second] = requests as [(typeof requests)[0], (typeof requests)[0]];
  const whole = [...first.input, ...first.output];
  assert.deepEqual([...second.input.subarray(0, whole.length)], whole);
});

test('sessions that are named by words stay apart from each other and from requests without one', async () => {
  const rows = ['0,a,10,5', '1,b,20,5', '2,,5,5', '3,a,20,5'];
  const { requests } = await open(
    'burst.csv',
    `Timestamp,Session ID,Request tokens,Response tokens\n${rows.join('\n')}\n`,
  );
  const [a, b, alone, again] = requests.map(({ session }) => session);
  assert.equal(new Set([a, b, alone]).size, 3);
  assert.equal(again, a);
  assert.notEqual(requests[1]!.input[0], requests[0]!.input[0]);
  assert.equal(requests[3]!.input[0], requests[0]!.input[0]);
});

test('a limit counts the trajectories of a folder', async () => {
  const history = [
    { role: 'user', content: 'U' },
    { role: 'assistant', content: 'A' },
  ];
  const path = join(folder, 'trajectories');
  mkdirSync(path);
  for (const name of ['a', 'b', 'c']) writeFileSync(join(path, `${name}.traj`), JSON.stringify({ history }));
  assert.equal((await openTrace(path, { encode })).requests.length, 3);
  assert.equal((await openTrace(path, { encode, limit: 2 })).requests.length, 2);
});

test('malformed lines are named with file, line, field and position', async () => {
  const good = { session_id: 0, turn_id: 0, ts: 0, input_tokens: [1], output_tokens: [] };
  await assert.rejects(
    open('bad.jsonl', `${JSON.stringify(good)}\n${JSON.stringify({ ...good, input_tokens: [1, -2] })}`),
    {
      message: 'openTrace: input_tokens[1] to be a token id, got -2 (bad.jsonl:2). TF-PREFIX-003',
      exitCode: 3,
    },
  );
  await assert.rejects(
    open('short.jsonl', JSON.stringify({ timestamp: 0, input_length: 600, output_length: 1, hash_ids: [1] })),
    {
      message: 'openTrace: hash_ids to cover 600 tokens in blocks of 512, got 1 (short.jsonl:1). TF-PREFIX-003',
    },
  );
  await assert.rejects(open('odd.jsonl', '{"a":1}'), { code: 'TF-PREFIX-006' });
  await assert.rejects(open('empty.jsonl', ''), { code: 'TF-PREFIX-003' });
  const nothing = { expected: 'at least one request', code: 'TF-PREFIX-003' };
  await assert.rejects(open('head.csv', 'TIMESTAMP,ContextTokens,GeneratedTokens\n'), nothing);
  const question = { session: 0, timesSec: [0], messages: [{ role: 'user', content: 'U' }] };
  await assert.rejects(open('asked.jsonl', JSON.stringify(question)), nothing);
  await assert.rejects(open('vast.csv', 'TIMESTAMP,ContextTokens,GeneratedTokens\n0,1e12,1\n'), {
    code: 'TF-PREFIX-003',
  });
});

function open(name: string, text: string) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return openTrace(path, { encode });
}
