/** Records fixtures/doc-agents.jsonl: scripted agents read this repository's own documents through the room's own server.
 *  Run: node systems/prefix-cache/scripts/record-doc-agents.ts
 *  The questions and tool outputs are scripted; every answer is what models/hyb-7m generated (it knows nothing of the
 *  documents, so the answers are babble of the right length). Arrivals are scripted too. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createRng } from '@tenfold/core/base';
import { openService } from '../src/engine/open-engine.ts';
import { createApp } from '../src/server/app.ts';
import type { ChatMessage } from '../src/trace/chat-template.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SESSIONS = 20;
const EXCERPT_CHARACTERS = 900;
const SESSION_GAP_SEC = 9;
const TURN_GAP_SEC = 14;
const CAPACITY_BYTES = 120e6;

const TOOLS = `Tools, one call a message, written as the name and its arguments on one line:
- open <file> <from>: shows the next lines of a file of the repository.
- search <word>: shows the lines that hold the word, with their files.
- note <text>: keeps a sentence for the report.
- done: ends the work; the notes become the report.
Rules: look before you note, name the file of every statement, keep to what the text says, ask for one thing at a time.`;

const AGENTS = [
  {
    system: `You are a reader of technical documents. You explain a part of a toolbox for machine learning to its users.\n${TOOLS}`,
    turns: 5,
  },
  {
    system: `You are an editor. You look for sentences in a toolbox's documents that a newcomer would misread, and say how to mend them.\n${TOOLS}`,
    turns: 4,
  },
  {
    system: `You are a tester. You turn statements of the documents into checks, one check a statement, with what must hold.\n${TOOLS}`,
    turns: 6,
  },
];
const ASKS = [
  'What does this part say first?',
  'Which words need a definition?',
  'What would you check here?',
  'What is missing between these lines?',
  'Name the limits that are stated.',
  'Go on with the next part.',
];

const rng = createRng(8, 'doc-agents');
const documents = globSync(['core/src/*/README.md', 'docs/*.md', 'models/README.md', 'ui/README.md'], {
  cwd: ROOT,
}).sort();
const { service, tokenizer } = await openService(`${ROOT}models/hyb-7m`, {
  capacityBytes: CAPACITY_BYTES,
  clock: { nowMs: () => performance.now() },
});
let generated: readonly number[] = [];
const app = createApp(service, {
  tokenizer,
  model: 'hyb-7m',
  now: () => 0,
  onRequest: (_, { tokens }) => void (generated = tokens),
});
const lines: string[] = [];
for (let session = 0; session < SESSIONS; session++) {
  const agent = AGENTS[rng.integer(AGENTS.length)]!;
  const file = documents[rng.integer(documents.length)]!;
  const text = readFileSync(ROOT + file, 'utf8');
  const messages: ChatMessage[] = [{ role: 'system', content: agent.system }];
  const timesSec: number[] = [];
  let at = 0;
  for (let turn = 0; turn < agent.turns && at < text.length; turn++) {
    messages.push(
      { role: turn === 0 ? 'user' : 'tool', content: `open ${file} ${at}\n${text.slice(at, at + EXCERPT_CHARACTERS)}` },
      { role: 'user', content: ASKS[rng.integer(ASKS.length)]! },
    );
    at += EXCERPT_CHARACTERS;
    timesSec.push(Math.round((session * SESSION_GAP_SEC + turn * TURN_GAP_SEC + rng.uniform() * 5) * 10) / 10);
    const body = {
      model: 'hyb-7m',
      messages: messages.map(({ role, content }) => ({ role, content })),
      max_tokens: 24 + rng.integer(24),
      temperature: 0.8,
      seed: session * 100 + turn,
    };
    const response = await app.request('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    const answer = (await response.json()) as {
      choices?: { message: { content: string } }[];
      usage?: { prompt_tokens_details: { cached_tokens: number }; prompt_tokens: number };
      error?: object;
    };
    if (answer.choices === undefined) throw new Error(JSON.stringify(answer));
    console.log(session, turn, answer.usage!.prompt_tokens, answer.usage!.prompt_tokens_details.cached_tokens);
    messages.push({ role: 'assistant', content: answer.choices[0]!.message.content, tokens: [...generated] });
  }
  lines.push(JSON.stringify({ session, messages, timesSec }));
}
writeFileSync(fileURLToPath(new URL('../fixtures/doc-agents.jsonl', import.meta.url)), `${lines.join('\n')}\n`);
