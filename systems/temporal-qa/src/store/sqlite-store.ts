/** The evidence store in one SQLite file: FTS5 over the text, postings per entity, an interval index.
 *  Bulk loads append rows and build the text index at the end. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { temporalError } from '../temporal-errors.ts';
import { contentHash, evidenceFromRow, restOfEvidence, type EvidenceRow } from './row.ts';
import { namesInFile } from './sqlite-names.ts';
import {
  SOURCES,
  type EntityRecord,
  type Evidence,
  type EvidenceStore,
  type NameLookup,
  type NewEvidence,
} from './types.ts';
import { nameKey, wordsOf } from '../understand/words.ts';

const SCHEMA_VERSION = 1;
/** Rows of one insert statement. */
const ROWS_PER_INSERT = 150;
/** A posting in memory is entity · base + evidence. */
const POSTING_BASE = 2 ** 26;
/** Postings that wait for their order before they are written. */
const MAX_WAITING = 4_000_000;
/** Terms that wait in memory while rows are indexed. */
const TERM_BYTES = 64 * 2 ** 20;
const NO_ALIASES: readonly string[] = [];
const MERGE_ENTITY = `ON CONFLICT(key) DO UPDATE SET type = COALESCE(excluded.type, type),
  source_id = COALESCE(excluded.source_id, source_id),
  aliases = CASE WHEN excluded.aliases = '[]' THEN aliases ELSE excluded.aliases END`;
const SCHEMA = `
CREATE TABLE evidence(id INTEGER PRIMARY KEY, hash INTEGER, source INTEGER, doc TEXT, locator TEXT, text TEXT, rest TEXT);
CREATE TABLE entity(key TEXT PRIMARY KEY, label TEXT, type TEXT, aliases TEXT, source_id TEXT) WITHOUT ROWID;
CREATE TABLE entity_number(key TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
CREATE TABLE posting(entity INTEGER, evidence INTEGER, PRIMARY KEY(entity, evidence)) WITHOUT ROWID;
CREATE TABLE span(s0 INTEGER, e1 INTEGER, evidence INTEGER);
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(text, content='evidence', content_rowid='id', detail='none', tokenize='porter unicode61 remove_diacritics 2');
`;

export interface SqliteStoreOptions {
  /** A file, or `:memory:`. */
  readonly file: string;
  readonly readOnly?: boolean;
}

/** @throws TF-TEMPORAL-004 if the file is no evidence file or of a newer version */
export function openEvidenceStore({ file, readOnly = false }: SqliteStoreOptions): EvidenceStore {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(file, { readOnly });
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version === 0 && !readOnly) {
      const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number };
      if (tables > 0) throw new Error('a database of something else');
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      database.exec(SCHEMA);
      // Terms wait in memory while a load is indexed: fewer segments, fewer merges.
      database.exec(`INSERT INTO words(words, rank) VALUES('hashsize', ${TERM_BYTES})`);
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    } else if (version !== SCHEMA_VERSION) throw new Error(`schema version ${version}`);
  } catch (cause) {
    throw temporalError('TF-TEMPORAL-004', {
      subject: 'openEvidenceStore',
      expected: `an evidence file of version ${SCHEMA_VERSION}`,
      actual: cause instanceof Error ? cause.message : String(cause),
      location: file,
      hints: [
        /unable to open|readonly/.test(String(cause))
          ? 'Check its permissions and those of its folder.'
          : 'Ingest the sources again into a new file.',
      ],
      cause,
    });
  }
  database.exec(
    'PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA mmap_size = 268435456; PRAGMA wal_autocheckpoint = 16384',
  );
  return new SqliteStore(database, readOnly);
}

class SqliteStore implements EvidenceStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Number of each entity name; filled at the first use. */
  #numbers: Map<string, number> | undefined;
  #hashes: Set<number> | undefined;
  #postings: number[] = [];
  #spans: number[] = [];
  /** New names and their numbers, written with the postings. */
  #names: { readonly key: string; readonly number: number }[] = [];
  readonly #frequencies = new Map<string, number>();
  #nextId = 0;
  /** Rows below this id are in the text index. */
  #indexedTo: number;

  constructor(database: DatabaseSync, readOnly: boolean) {
    this.#database = database;
    this.#indexedTo = this.#scalar('SELECT COALESCE(MAX(id), 0) FROM words_docsize');
    this.#nextId = this.#scalar('SELECT COALESCE(MAX(id), 0) FROM evidence') + 1;
    if (!readOnly && this.#nextId - 1 > this.#indexedTo) this.#mend();
  }

  /** Indexes the rows of a load that was cut off before its end. */
  #mend(): void {
    const numbers = (this.#numbers ??= this.#loadNumbers());
    this.#transaction(() => {
      this.#prepare('DELETE FROM span WHERE evidence > ?').run(this.#indexedTo);
      const rows = this.#prepare('SELECT * FROM evidence WHERE id > ?').iterate(this.#indexedTo);
      for (const row of rows as Iterable<unknown>) {
        const evidence = evidenceFromRow(row as EvidenceRow);
        this.#wait(evidence, evidence.id, numbers);
      }
    });
    this.#index();
  }

  /** Takes names, postings and intervals of a row into memory. */
  #wait(evidence: NewEvidence, id: number, numbers: Map<string, number>): void {
    for (const label of evidence.entities) {
      const key = nameKey(label);
      let number = numbers.get(key);
      if (number === undefined) {
        number = numbers.size + 1;
        numbers.set(key, number);
        this.#names.push({ key, number });
      }
      this.#postings.push(number * POSTING_BASE + id);
    }
    for (const span of evidence.spans) this.#spans.push(span.s0, span.e1, id);
  }

  async add(batch: readonly NewEvidence[]): Promise<number> {
    const hashes = (this.#hashes ??= this.#loadHashes());
    const numbers = (this.#numbers ??= this.#loadNumbers());
    const rows: (string | number)[] = [];
    let added = 0;
    for (const evidence of batch) {
      const source = SOURCES.indexOf(evidence.source);
      const hash = contentHash(source, evidence.doc, evidence.text);
      if (hashes.has(hash)) continue;
      hashes.add(hash);
      const id = this.#nextId++;
      rows.push(id, hash, source, evidence.doc, evidence.locator, evidence.text, restOfEvidence(evidence));
      this.#wait(evidence, id, numbers);
      added++;
    }
    this.#transaction(() => {
      this.#insertMany('INSERT INTO evidence(id, hash, source, doc, locator, text, rest) VALUES', 7, rows);
      if (this.#postings.length > MAX_WAITING) this.#writePostings();
    });
    return added;
  }

  /** Postings and intervals wait in memory, so that they are written in the order of their trees. */
  #writePostings(): void {
    const names = this.#names.toSorted((a, b) => (a.key < b.key ? -1 : 1)).flatMap(({ key, number }) => [key, number]);
    this.#insertMany('INSERT INTO entity_number(key, number) VALUES', 2, names);
    this.#names = [];
    const sorted = Float64Array.from(this.#postings).sort();
    const flat: number[] = [];
    for (let i = 0; i < sorted.length; i++) {
      if (i > 0 && sorted[i] === sorted[i - 1]) continue;
      const entity = Math.floor(sorted[i]! / POSTING_BASE);
      flat.push(entity, sorted[i]! - entity * POSTING_BASE);
    }
    this.#insertMany('INSERT OR IGNORE INTO posting(entity, evidence) VALUES', 2, flat);
    this.#insertMany('INSERT INTO span(s0, e1, evidence) VALUES', 3, this.#spans);
    this.#postings = [];
    this.#spans = [];
  }

  #insertMany(sql: string, width: number, values: readonly (string | number | null)[], suffix = ''): void {
    const group = `(${'?,'.repeat(width).slice(0, -1)})`;
    const size = width * ROWS_PER_INSERT;
    let at = 0;
    const many = this.#prepare(`${sql} ${`${group},`.repeat(ROWS_PER_INSERT).slice(0, -1)} ${suffix}`);
    for (; at + size <= values.length; at += size) many.run(...values.slice(at, at + size));
    const one = this.#prepare(`${sql} ${group} ${suffix}`);
    for (; at < values.length; at += width) one.run(...values.slice(at, at + width));
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      this.#hashes = undefined;
      this.#numbers = undefined;
      throw error;
    }
  }

  async addEntities(entities: readonly EntityRecord[]): Promise<void> {
    // in the order of the tree; a name that comes twice keeps what either knows
    const rows = entities
      .map((entity) => ({ key: nameKey(entity.label), entity }))
      .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      .flatMap(({ key, entity: { label, type, aliases, sourceId } }) => [
        key,
        label,
        type ?? null,
        aliases && aliases.length > 0 ? JSON.stringify(aliases) : '[]',
        sourceId ?? null,
      ]);
    this.#transaction(() =>
      this.#insertMany('INSERT INTO entity(key, label, type, aliases, source_id) VALUES', 5, rows, MERGE_ENTITY),
    );
  }

  async finishLoad(): Promise<void> {
    this.#index();
  }

  #index(): void {
    this.#transaction(() => {
      this.#writePostings();
      this.#prepare('INSERT INTO words(rowid, text) SELECT id, text FROM evidence WHERE id > ?').run(this.#indexedTo);
      this.#database.exec('CREATE INDEX IF NOT EXISTS span_time ON span(s0, e1, evidence)');
    });
    this.#indexedTo = this.#nextId - 1;
    this.#hashes = undefined;
    this.#numbers = undefined;
    this.#frequencies.clear();
  }

  async count(): Promise<number> {
    return this.#scalar('SELECT COUNT(*) FROM evidence');
  }

  async entities(): Promise<readonly EntityRecord[]> {
    const rows = this.#prepare('SELECT label, type, aliases, source_id AS sourceId FROM entity').all() as unknown as {
      label: string;
      type: string | null;
      aliases: string;
      sourceId: string | null;
    }[];
    return rows.map(({ label, type, aliases, sourceId }) => ({
      label,
      ...(type === null ? {} : { type }),
      aliases: aliases === '[]' ? NO_ALIASES : (JSON.parse(aliases) as string[]),
      ...(sourceId === null ? {} : { sourceId }),
    }));
  }

  async names(): Promise<NameLookup> {
    return namesInFile(this.#database);
  }

  async withEntity(label: string, limit: number): Promise<readonly number[]> {
    const number = this.#numberOf(nameKey(label));
    if (number === undefined) return [];
    return this.#ids('SELECT evidence AS id FROM posting WHERE entity = ? LIMIT ?', number, limit);
  }

  /** Loads have all numbers in memory; questions look theirs up. */
  #numberOf(key: string): number | undefined {
    if (this.#numbers !== undefined) return this.#numbers.get(key);
    const row = this.#prepare('SELECT number FROM entity_number WHERE key = ?').get(key);
    return (row as { number: number } | undefined)?.number;
  }

  async withWords(words: readonly string[], limit: number): Promise<readonly number[]> {
    const query = words.flatMap(wordsOf).map(quoted).join(' OR ');
    if (query === '') return [];
    return this.#ids('SELECT rowid AS id FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?', query, limit);
  }

  async frequencies(words: readonly string[]): Promise<readonly number[]> {
    const one = this.#prepare('SELECT COUNT(*) AS n FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT 20001)');
    return words.map((word) => {
      let frequency = this.#frequencies.get(word);
      if (frequency === undefined) {
        const query = wordsOf(word).map(quoted).join(' AND ');
        frequency = query === '' ? 0 : (one.get(query) as { n: number }).n;
        this.#frequencies.set(word, frequency);
      }
      return frequency;
    });
  }

  async withTime(lo: number, hi: number, limit: number): Promise<readonly number[]> {
    return this.#ids(
      'SELECT DISTINCT evidence AS id FROM span WHERE s0 <= ? AND e1 >= ? ORDER BY s0 DESC LIMIT ?',
      hi,
      lo,
      limit,
    );
  }

  async get(ids: readonly number[]): Promise<readonly Evidence[]> {
    const one = this.#prepare('SELECT id, source, doc, locator, text, rest FROM evidence WHERE id = ?');
    const found: Evidence[] = [];
    for (const id of ids) {
      const row = one.get(id) as unknown as EvidenceRow | undefined;
      if (row) found.push(evidenceFromRow(row));
    }
    return found;
  }

  async meta(key: string): Promise<string | undefined> {
    return (this.#prepare('SELECT value FROM meta WHERE key = ?').get(key) as { value: string } | undefined)?.value;
  }

  async setMeta(key: string, value: string): Promise<void> {
    this.#prepare('INSERT OR REPLACE INTO meta(key, value) VALUES (?,?)').run(key, value);
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  #scalar(sql: string): number {
    return Number(Object.values(this.#database.prepare(sql).get()!)[0]);
  }

  #ids(sql: string, ...values: (string | number)[]): number[] {
    return (this.#prepare(sql).all(...values) as unknown as { id: number }[]).map((row) => row.id);
  }

  #loadHashes(): Set<number> {
    return new Set(
      (this.#database.prepare('SELECT hash FROM evidence').all() as unknown as { hash: number }[]).map(
        (row) => row.hash,
      ),
    );
  }

  #loadNumbers(): Map<string, number> {
    const rows = this.#database.prepare('SELECT key, number FROM entity_number').all() as unknown as {
      key: string;
      number: number;
    }[];
    return new Map(rows.map((row) => [row.key, row.number]));
  }
}

/** Quoted, so that no word is an operator or a column filter. */
function quoted(word: string): string {
  return `"${word}"`;
}
