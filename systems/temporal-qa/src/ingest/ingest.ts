/** Reads files and folders into a store, by their endings; facts first, so that their names are known. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { throwIfCancelled, type Diagnostic } from '@tenfold/core/base';
import { temporalError } from '../temporal-errors.ts';
import type { EntityRecord, EvidenceStore, NewEvidence } from '../store/types.ts';
import { readDelimited, readJsonLines, type TableOptions } from './facts-table.ts';
import { readHtml } from './html.ts';
import { readMarkdown } from './markdown.ts';
import { readNTriples } from './ntriples.ts';
import { readJson } from './json-file.ts';
import { headOfFile, linesOfFile, OTHER_ENCODING } from './lines.ts';
import { impossibleDates } from '../time/index.ts';
import { IMPOSSIBLE_DATE, problem, type Item } from './types.ts';
import { readWikidataJson } from './wikidata-json.ts';
import { readWikitext } from './wikitext.ts';

export interface IngestOptions extends TableOptions {
  /** Date of the documents, ISO. */
  readonly docTime?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (file: string, numRead: number) => void;
}

export interface IngestResult {
  readonly numFiles: number;
  readonly numEvidence: number;
  readonly numNew: number;
  readonly numEntities: number;
  readonly problems: readonly Diagnostic[];
  /** Problems beyond the ones kept. */
  readonly numMoreProblems: number;
  /** Dates in texts that are no day of the calendar; they are among the problems. */
  readonly numImpossibleDates: number;
}

const BATCH_SIZE = 20_000;
const MAX_KEPT_PROBLEMS = 200;
const FACT_ENDINGS = ['.csv', '.tsv', '.jsonl', '.ndjson', '.json', '.nt'];
const PAGE_ENDINGS = ['.md', '.markdown', '.txt', '.html', '.htm', '.wiki', '.wikitext'];

export async function ingestPaths(
  store: EvidenceStore,
  paths: readonly string[],
  options: IngestOptions = {},
): Promise<IngestResult> {
  const files = findFiles(paths);
  files.sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1));
  const problems: Diagnostic[] = [];
  let numMoreProblems = 0;
  let numImpossibleDates = 0;
  let numEvidence = 0;
  let numNew = 0;
  let numEntities = 0;
  let batch: NewEvidence[] = [];
  const entities = new Map<string, EntityRecord>();
  const flush = async () => {
    numNew += await store.add(batch);
    batch = [];
  };
  // what was read before an interruption or a fault is kept, and can be found
  const finish = async () => {
    await flush();
    await store.addEntities([...entities.values()]);
    await store.finishLoad();
  };
  try {
    for (const file of files) {
      for (const item of itemsOfFile(file, options)) {
        if (item.kind === 'problem') {
          if (item.problem.code === IMPOSSIBLE_DATE) numImpossibleDates++;
          if (problems.length < MAX_KEPT_PROBLEMS) problems.push(item.problem);
          else numMoreProblems++;
        } else if (item.kind === 'entity') {
          const known = entities.get(item.entity.label);
          if (!known || (item.entity.type && !known.type) || item.entity.aliases?.length)
            entities.set(item.entity.label, { ...known, ...item.entity });
        } else {
          numEvidence++;
          batch.push(item.evidence);
          if (batch.length >= BATCH_SIZE) {
            await flush();
            if (options.signal) throwIfCancelled(options.signal, 'ingest');
            options.onProgress?.(file, numEvidence);
          }
        }
      }
    }
  } finally {
    await finish();
  }
  numEntities = entities.size;
  return { numFiles: files.length, numEvidence, numNew, numEntities, problems, numMoreProblems, numImpossibleDates };
}

/** Evidence and names of a file, with a problem for each thing that was not read as it stands. */
export function* itemsOfFile(file: string, options: IngestOptions = {}): Generator<Item> {
  for (const item of readFile(file, options)) {
    if (item.kind === 'evidence') yield* problemsOfDates(item.evidence);
    yield item;
  }
}

/** Dates in the words of evidence that are no day of the calendar. Columns of facts are checked when they are read. */
function* problemsOfDates({ source, text, object = '', doc, locator }: NewEvidence): Generator<Item> {
  const words = source === 'kb' ? object : text;
  if (!/\d/.test(words)) return;
  const line = /^line (\d+)(.*)$/.exec(locator);
  const location = line ? `${doc}:${line[1]}${line[2]}` : `${doc}, ${locator}`;
  for (const date of impossibleDates(words))
    yield problem(location, 'a day of the calendar', `"${date}"; the text is kept without this date`, IMPOSSIBLE_DATE);
}

function* readFile(file: string, options: IngestOptions): Generator<Item> {
  const ending = extname(file).toLowerCase();
  if (ending === '.csv') yield* readDelimited(file, ',', options);
  else if (ending === '.tsv') yield* readDelimited(file, '\t', options);
  else if (ending === '.json') yield* readJson(file, options);
  else if (ending === '.jsonl' || ending === '.ndjson')
    yield* looksLikeWikidata(file) ? readWikidataJson(file) : readJsonLines(file, options);
  else if (ending === '.nt') yield* readNTriples(file);
  else {
    const title = basename(file, extname(file)).replaceAll(/[-_]+/g, ' ');
    const page = { title, doc: file, ...(options.docTime ? { docTime: options.docTime } : {}) };
    const { text, remark } = readPage(file);
    if (remark) yield remark;
    if (text === undefined) return;
    if (ending === '.html' || ending === '.htm') yield* readHtml(text, page);
    else if (ending === '.wiki' || ending === '.wikitext') yield* readWikitext(text, page);
    else yield* readMarkdown(ending === '.txt' ? withHeading(text) : text, page);
  }
}

/** The first line of a plain text is its heading, if it stands alone and is no sentence. The lines keep their numbers. */
function withHeading(text: string): string {
  return text.replace(/^(\p{Lu}.{0,78}[^\s.!?:;,])(?=\r?\n[ \t]*\r?\n)/u, '# $1');
}

/** A page as text. One that is not UTF-8 is read as Windows-1252; what is no text at all is left out with a problem. */
function readPage(file: string): { readonly text?: string; readonly remark?: Item } {
  if (headOfFile(file).includes('\0'))
    return { remark: problem(file, 'a page of text', `other content; “${extname(file)}” is not read`) };
  const bytes = readFileSync(file);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.trim() === '' ? { remark: problem(file, 'a page of text', 'an empty file') } : { text };
  } catch {
    const odd = [...linesOfFile(file, { maxLineBytes: bytes.length })].find((line) => line.remark);
    return {
      text: new TextDecoder('windows-1252').decode(bytes),
      remark: problem(`${file}:${odd?.number ?? 1}`, 'a page in UTF-8', OTHER_ENCODING),
    };
  }
}

function looksLikeWikidata(file: string): boolean {
  const head = headOfFile(file);
  return head.includes('"claims"') || head.includes('"labels"');
}

function order(file: string): number {
  return FACT_ENDINGS.includes(extname(file).toLowerCase()) ? 0 : 1;
}

/** Files of paths and folders that the room reads. @throws TF-TEMPORAL-003 if a path does not exist */
export function findFiles(paths: readonly string[]): string[] {
  return paths.flatMap(filesUnder);
}

function filesUnder(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (cause) {
    throw temporalError('TF-TEMPORAL-003', {
      subject: 'ingest',
      expected: 'a file or folder',
      actual: 'nothing there',
      location: path,
      hints: ['Check the path.'],
      cause,
    });
  }
  if (!isFolder) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter(
      (file) =>
        [...FACT_ENDINGS, ...PAGE_ENDINGS].includes(extname(file).toLowerCase()) && !/(^|\/)README\.md$/.test(file),
    );
}
