/** Opens a trace file of any known format; the format is recognised by the fields of the first line. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readCsv, readJsonLines } from '@tenfold/core/data';
import { prefixError } from '../prefix-errors.ts';
import type { Trace } from '../types.ts';
import type { Encode } from './chat-template.ts';
import { readAibrix, readConversations, readSweAgent } from './chat-traces.ts';
import { malformed, type Fields } from './request-builder.ts';
import { readBailian, readLengths, readMarconi, readMooncake, type NumberedLine } from './token-traces.ts';

type TextFormat = 'conversations' | 'aibrix' | 'swe-agent';
export type TraceFormat = 'marconi' | 'mooncake' | 'bailian' | 'azure' | 'burstgpt' | TextFormat;

/** The tokenizer is loaded only for formats that carry text. */
type EncodeSource = () => Promise<Encode>;

const MS_PER_SEC = 1000;
/** Tokens of a prompt or answer in a table of lengths. */
const MAX_TOKENS = 1e8;

/** @param path  file, or a folder of `.traj` files
 *  @param options.limit  first so many lines
 *  @throws TF-PREFIX-003 naming file and line; TF-PREFIX-006 if the format is not recognised */
export async function openTrace(
  path: string,
  { encode, limit = Infinity }: { readonly encode: EncodeSource; readonly limit?: number },
): Promise<Trace> {
  const name = basename(path).replace(/\.(jsonl|json|csv|traj)(\.gz)?$/, '');
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw malformed('an existing trace file or folder', 'no such path', path);
  const trace = await openFound(path, name, { encode, limit, isFolder: found.isDirectory() });
  if (trace.requests.length === 0) throw malformed('at least one request', 'none', basename(path));
  return trace;
}

async function openFound(
  path: string,
  name: string,
  { encode, limit, isFolder }: { readonly encode: EncodeSource; readonly limit: number; readonly isFolder: boolean },
): Promise<Trace> {
  if (isFolder || path.endsWith('.traj')) return openTrajectories(name, path, { encode, limit });
  if (/\.csv(\.gz)?$/.test(path)) return openLengths(name, path, limit);
  const lines: NumberedLine[] = [];
  for await (const { value, lineNumber } of readJsonLines(path)) {
    if (lines.length >= limit) break;
    const location = `${basename(path)}:${lineNumber}`;
    if (typeof value !== 'object' || value === null) throw malformed('an object on the line', value, location);
    lines.push({ value: value as Fields, location });
  }
  if (lines.length === 0) throw malformed('at least one request', 'an empty file', basename(path));
  const keys = new Set(Object.keys(lines[0]!.value));
  if (keys.has('input_tokens')) return readMarconi(name, lines);
  if (keys.has('hash_ids')) return keys.has('chat_id') ? readBailian(name, lines) : readMooncake(name, lines);
  if (keys.has('messages')) return readConversations(name, lines, await encode());
  if (keys.has('requests')) return readAibrix(name, lines, await encode());
  throw prefixError('TF-PREFIX-006', {
    subject: 'openTrace',
    expected: 'lines of Marconi, Mooncake, Qwen-Bailian, AIBrix or this room’s recordings',
    actual: `fields ${[...keys].join(', ')}`,
    location: `${basename(path)}:1`,
  });
}

/** One conversation a file; the limit counts files. */
async function openTrajectories(
  name: string,
  path: string,
  { encode, limit }: { readonly encode: EncodeSource; readonly limit: number },
): Promise<Trace> {
  const files = path.endsWith('.traj')
    ? [path]
    : (await readdir(path))
        .filter((file) => file.endsWith('.traj'))
        .sort()
        .slice(0, limit)
        .map((file) => join(path, file));
  const parsed = await Promise.all(
    files.map(async (file): Promise<NumberedLine> => {
      const text = await readFile(file, 'utf8');
      try {
        return { value: JSON.parse(text) as Fields, location: basename(file) };
      } catch {
        throw malformed('JSON', text.slice(0, 40), basename(file));
      }
    }),
  );
  if (parsed.length === 0) throw malformed('at least one .traj file', 0, path);
  return readSweAgent(name, parsed, await encode());
}

/** Azure (TIMESTAMP, ContextTokens, GeneratedTokens) and BurstGPT (Timestamp, Request tokens, Response tokens, Session ID). */
async function openLengths(name: string, path: string, limit: number): Promise<Trace> {
  const table = await readCsv(path);
  const column = (...names: string[]) => {
    const found = table.columns.find(({ name }) => names.includes(name));
    return found?.values as ArrayLike<unknown> | undefined;
  };
  const times = column('TIMESTAMP', 'Timestamp');
  const inputs = column('ContextTokens', 'Request tokens');
  const outputs = column('GeneratedTokens', 'Response tokens');
  const sessions = column('Session ID');
  if (times === undefined || inputs === undefined || outputs === undefined)
    throw malformed(
      'columns of Azure or BurstGPT',
      table.columns.map(({ name }) => name),
      `${basename(path)}:1`,
    );
  const count = Math.min(times.length, limit);
  // Sessions may be named by anything; requests without one get numbers of their own, from 0.
  const numberOfSession = new Map<string, number>();
  const numberOf = (session: string): number => {
    const number = numberOfSession.get(session) ?? times.length + numberOfSession.size;
    numberOfSession.set(session, number);
    return number;
  };
  const secOf = (value: unknown): number =>
    typeof value === 'string' && Number.isNaN(Number(value)) ? Date.parse(value) / MS_PER_SEC : Number(value);
  const start = count === 0 ? 0 : secOf(times[0]);
  const rows = Array.from({ length: count }, (_, i) => {
    const session = sessions?.[i];
    const isKnown = session !== undefined && session !== null && session !== '';
    const row = { timeSec: secOf(times[i]) - start, inputTokens: Number(inputs[i]), outputTokens: Number(outputs[i]) };
    for (const [field, value] of Object.entries(row))
      if (!Number.isFinite(value) || value < 0 || (field !== 'timeSec' && value > MAX_TOKENS))
        throw malformed(
          `${field} in 0..${field === 'timeSec' ? '∞' : MAX_TOKENS}`,
          value,
          `${basename(path)}:${i + 2}`,
        );
    return isKnown ? { ...row, session: numberOf(String(session)) } : row;
  });
  return readLengths(name, rows);
}
