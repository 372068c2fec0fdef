/** Opening a trace folder: run.json, one index (JSONL) per rank and step, safetensors files with the bytes.
 *  Only headers and indices are read; tensors are read in ranges, so memory does not grow with the trace. */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openSafetensors, type SafetensorsEntry } from '@tenfold/core/data';
import { z } from 'zod';
import { traceError } from '../trace-check-errors.ts';
import type { RunInfo, TensorEntry } from '../types.ts';
import { storedDtype } from './stored-dtypes.ts';
import { gatherRun, type RankEntries, type Shard, type TraceRun } from './trace-run.ts';

const runSchema = z.looseObject({
  format: z.literal('tenfold-trace/1'),
  role: z.enum(['reference', 'candidate', 'perturbed']),
  world: z.int().min(1),
  mesh: z.object({ axes: z.array(z.object({ name: z.string(), size: z.int().min(1) })) }),
  precision: z.enum(['float32', 'float16', 'bfloat16', 'float8']),
  lossFactor: z.number().positive(),
  level: z.enum(['full', 'sketch', 'hash', 'stats']),
  unrecordedKinds: z.array(z.literal('wgrad')).optional(),
  sketchBuckets: z.int().min(1).optional(),
});
const shape = z.array(z.int().min(0));
const entrySchema = z.looseObject({
  id: z.string(),
  file: z.string(),
  key: z.string(),
  dtype: z.string(),
  local: shape,
  global: shape,
  boxes: z.array(z.object({ g: shape, n: shape, l: shape })),
  seq: z.number(),
});
const READ_BYTES = 1 << 20;

/** @throws TF-TRACE-001 … 004, 008, 013, 014; TF-DATA-… on damaged safetensors
 *  Cost: O(entries) time and memory. */
export async function openTrace(folder: string): Promise<TraceRun> {
  const runPath = join(folder, 'run.json');
  if (!existsSync(runPath)) throw notATrace(folder, 'no run.json');
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(runPath, 'utf8'));
  } catch (cause) {
    throw notATrace(folder, `a run.json that is no JSON (${(cause as Error).message})`);
  }
  const checked = runSchema.safeParse(parsed);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw notATrace(folder, `${issue.path.join('.') || 'run.json'}: ${issue.message}`);
  }
  const info = checked.data as unknown as RunInfo;
  if (info.precision === 'float8' && info.fp8 === undefined)
    throw traceError('TF-TRACE-014', {
      subject: 'openTrace',
      expected: 'an entry "fp8" with the scaling recipe',
      actual: 'none',
      location: runPath,
    });
  const { level, sketchBuckets = 0 } = info;
  if (level === 'sketch' && !(sketchBuckets > 0 && Number.isInteger(Math.log2(sketchBuckets))))
    throw notATrace(folder, `a run.json of level sketch with ${sketchBuckets || 'no'} sketchBuckets, no power of two`);
  const names = readdirSync(folder);
  const indexNames = names.filter((name) => /^rank\d+\..*\.jsonl$/.test(name)).sort();
  const seen = new Set(indexNames.map(rankOfName));
  const missing = Array.from({ length: info.world }, (_, rank) => rank).filter((rank) => !seen.has(rank));
  if (missing.length > 0)
    throw traceError('TF-TRACE-003', {
      subject: 'openTrace',
      expected: `index files of ${info.world} ranks`,
      actual: `none of rank ${missing.join(', ')}`,
      location: folder,
    });
  const foreign = [...seen].filter((rank) => rank >= info.world);
  if (foreign.length > 0)
    throw traceError('TF-TRACE-004', {
      subject: 'openTrace',
      expected: `files of ranks 0-${info.world - 1}`,
      actual: `also of rank ${foreign.join(', ')}`,
      location: folder,
      hints: ['Files of an earlier run with more ranks lie in the folder; record into an empty one.'],
    });
  const headers = new Map<string, ReadonlyMap<string, SafetensorsEntry>>();
  const ranks = new Map<number, TensorEntry[]>();
  for (const name of indexNames) {
    const rank = rankOfName(name);
    const entries = ranks.get(rank) ?? [];
    ranks.set(rank, entries);
    await readIndex(folder, name, headers, entries, info);
  }
  return gatherRun(folder, info, rankList(ranks), ...fileReaders(folder, headers));
}

function rankList(ranks: ReadonlyMap<number, TensorEntry[]>): RankEntries[] {
  return [...ranks].map(([rank, entries]) => ({ rank, entries })).sort((a, b) => a.rank - b.rank);
}

async function readIndex(
  folder: string,
  name: string,
  headers: Map<string, ReadonlyMap<string, SafetensorsEntry>>,
  entries: TensorEntry[],
  info: RunInfo,
): Promise<void> {
  const lines = readFileSync(join(folder, name), 'utf8').split('\n');
  const isCut = lines.at(-1) !== '';
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const location = `${join(folder, name)}:${index + 1}`;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      // The last line of a rank that was killed while writing it.
      if (isCut && index === lines.length - 1) continue;
      throw lineError(location, 'a line of JSON', 'something else');
    }
    const checked = entrySchema.safeParse(json);
    if (!checked.success) {
      const issue = checked.error.issues[0];
      throw lineError(location, 'an index line', `${issue.path.join('.')}: ${issue.message}`);
    }
    const entry = checked.data as unknown as TensorEntry;
    if (entry.file !== '' && !headers.has(entry.file)) {
      if (basename(entry.file) !== entry.file || !existsSync(join(folder, entry.file)))
        throw lineError(location, `bytes of "${entry.id}" in "${entry.file}"`, 'no such file');
      const reader = await openSafetensors(join(folder, entry.file));
      headers.set(entry.file, reader.entries);
      await reader.close();
    }
    if (entry.file !== '') {
      const stored = headers.get(entry.file)!.get(entry.key);
      if (!stored) throw lineError(location, `bytes of "${entry.id}" in ${entry.file}`, 'none of that name');
      const { bytes } = storedDtype(stored.storedDtype, location);
      const numStored = (stored.end - stored.start) / bytes;
      const isSketch = entry.norm2 !== undefined;
      const numExpected = isSketch ? (info.sketchBuckets ?? numStored) : entry.local.reduce((a, b) => a * b, 1);
      if (numStored !== numExpected)
        throw lineError(
          location,
          isSketch
            ? `a sketch of ${numExpected} buckets`
            : `${numExpected} elements of local [${entry.local.join(', ')}]`,
          `${numStored} of "${entry.id}" in ${entry.file}`,
        );
    }
    entries.push(entry);
  }
}

/** Readers of shards over few open files, and what closes them. */
function fileReaders(
  folder: string,
  headers: ReadonlyMap<string, ReadonlyMap<string, SafetensorsEntry>>,
): [(rank: number, entry: TensorEntry) => Pick<Shard, 'read' | 'numStored'>, () => void] {
  const files = new Map<string, number>();
  const bytes = new Uint8Array(READ_BYTES);
  const readerOf = (_rank: number, entry: TensorEntry): Pick<Shard, 'read' | 'numStored'> => {
    if (entry.file === '') return { read: () => {}, numStored: 0 };
    const { start: tensorStart, end: tensorEnd, storedDtype: name } = headers.get(entry.file)!.get(entry.key)!;
    const dtype = storedDtype(name, entry.file);
    const perRead = Math.floor(READ_BYTES / dtype.bytes);
    const numStored = (tensorEnd - tensorStart) / dtype.bytes;
    const read: Shard['read'] = (start, count, target, at) => {
      let handle = files.get(entry.file);
      if (handle === undefined) files.set(entry.file, (handle = openSync(join(folder, entry.file), 'r')));
      for (let done = 0; done < count; done += perRead) {
        const part = Math.min(perRead, count - done);
        readSync(handle, bytes, 0, part * dtype.bytes, tensorStart + (start + done) * dtype.bytes);
        dtype.decode(bytes, part, target, at + done);
      }
    };
    return { read, numStored };
  };
  const close = (): void => {
    for (const handle of files.values()) closeSync(handle);
    files.clear();
  };
  return [readerOf, close];
}

function rankOfName(name: string): number {
  return Number(/^rank(\d+)/.exec(name)![1]);
}

function notATrace(folder: string, actual: string): Error {
  return traceError('TF-TRACE-001', {
    subject: 'openTrace',
    expected: 'a trace folder',
    actual,
    location: folder,
    hints: ['The collector writes run.json when it starts.'],
  });
}

function lineError(location: string, expected: string, actual: string): Error {
  return traceError('TF-TRACE-002', { subject: 'openTrace', expected, actual, location });
}
