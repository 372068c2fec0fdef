/** The evidence store in PostgreSQL, for several writers and readers at once: one schema of a database, text search
 *  over folded words with a stemmer and no stop words, GiST over the day ranges. Fulfils the contract of types.ts. */
import pg from 'pg';
import { temporalError } from '../temporal-errors.ts';
import { foldText, nameKey, wordsOf } from '../understand/words.ts';
import { namesFromRecords } from './names.ts';
import { contentHash, evidenceFromRow, restOfEvidence, type EvidenceRow } from './row.ts';
import {
  SOURCES,
  type EntityRecord,
  type Evidence,
  type EvidenceStore,
  type NameLookup,
  type NewEvidence,
} from './types.ts';

const SCHEMA_VERSION = '1';
const DEFAULT_SCHEMA = 'temporal_qa';
/** Counting stops here, as in the SQLite store. */
const MAX_FREQUENCY = 20_001;
const MAX_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5000;
/** Key of the lock under which the tables are made. */
const SETUP_LOCK = 7_340_211;

const tablesOf = (schema: string) => `
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE ${schema}.meta(key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE ${schema}.evidence(id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, hash bigint UNIQUE NOT NULL,
  source smallint NOT NULL, doc text NOT NULL, locator text NOT NULL, text text NOT NULL, rest text NOT NULL, words tsvector NOT NULL);
CREATE TABLE ${schema}.entity(key text PRIMARY KEY, label text NOT NULL, type text, aliases text NOT NULL, source_id text);
CREATE TABLE ${schema}.posting(key text, evidence integer, PRIMARY KEY(key, evidence));
CREATE TABLE ${schema}.span(days int4range NOT NULL, evidence integer NOT NULL);
CREATE INDEX evidence_words ON ${schema}.evidence USING gin(words) WITH (fastupdate = on);
CREATE INDEX span_days ON ${schema}.span USING gist(days);
CREATE TEXT SEARCH DICTIONARY ${schema}.stem (TEMPLATE = pg_catalog.snowball, Language = english);
CREATE TEXT SEARCH CONFIGURATION ${schema}.folded (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION ${schema}.folded ALTER MAPPING FOR asciiword, word WITH ${schema}.stem;
INSERT INTO ${schema}.meta VALUES ('schema_version', '${SCHEMA_VERSION}');
`;

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:5432/database`; `?schema=name` picks the schema. */
  readonly url: string;
}

/** @throws TF-TEMPORAL-009 if the database cannot be reached
 *  @throws TF-TEMPORAL-004 if the schema is of another version */
export async function openPostgresStore({ url }: PostgresStoreOptions): Promise<EvidenceStore> {
  const { connection, schema, shown } = placeOf(url);
  const pool = new pg.Pool({
    connectionString: connection,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // a connection that dies while idle is replaced at the next query
  pool.on('error', () => {});
  try {
    const version = await setUp(pool, schema);
    if (version === SCHEMA_VERSION) return new PostgresStore(pool, schema);
    throw temporalError('TF-TEMPORAL-004', {
      subject: 'openPostgresStore',
      expected: `evidence of version ${SCHEMA_VERSION}`,
      actual: `version ${version}`,
      location: `${shown}, schema ${schema}`,
      hints: ['Ingest the sources again into a new schema: add ?schema=name to the address.'],
    });
  } catch (cause) {
    await pool.end();
    if (cause instanceof Error && 'kind' in cause) throw cause;
    const reasons = cause instanceof AggregateError ? cause.errors : [cause];
    throw temporalError('TF-TEMPORAL-009', {
      subject: 'openPostgresStore',
      expected: 'a PostgreSQL database that answers',
      actual: reasons.map((reason) => (reason instanceof Error ? reason.message : String(reason))).join('; '),
      location: shown,
      hints: ['Check host, port, user and password; the user must be allowed to create a schema.'],
      cause,
    });
  }
}

/** The address without our own parameter, and as it may be shown: without the password. */
function placeOf(url: string): { readonly connection: string; readonly schema: string; readonly shown: string } {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw temporalError('TF-TEMPORAL-009', {
      subject: 'openPostgresStore',
      expected: 'an address like postgres://user@localhost:5432/database',
      actual: 'one that cannot be read',
      cause,
    });
  }
  const schema = parsed.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw temporalError('TF-TEMPORAL-009', {
      subject: 'openPostgresStore',
      expected: 'a schema name of small letters, digits and _',
      actual: `"${schema}"`,
    });
  parsed.searchParams.delete('schema');
  const connection = parsed.href;
  if (parsed.password !== '') parsed.password = '***';
  return { connection, schema, shown: parsed.href };
}

/** Makes the tables where they are absent. @returns the schema's version */
async function setUp(pool: pg.Pool, schema: string): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [SETUP_LOCK]);
    const found = await client.query('SELECT to_regclass($1) AS name', [`${schema}.meta`]);
    if (found.rows[0].name === null) await client.query(tablesOf(schema));
    const version = await client.query(`SELECT value FROM ${schema}.meta WHERE key = 'schema_version'`);
    await client.query('COMMIT');
    return String(version.rows[0]?.value);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

class PostgresStore implements EvidenceStore {
  readonly #pool: pg.Pool;
  readonly #schema: string;
  readonly #frequencies = new Map<string, number>();

  constructor(pool: pg.Pool, schema: string) {
    this.#pool = pool;
    this.#schema = schema;
  }

  async add(batch: readonly NewEvidence[]): Promise<number> {
    const byHash = new Map<number, NewEvidence>();
    for (const evidence of batch)
      byHash.set(contentHash(SOURCES.indexOf(evidence.source), evidence.doc, evidence.text), evidence);
    if (byHash.size === 0) return 0;
    const hashes = [...byHash.keys()];
    const rows = [...byHash.values()];
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      // writers of one schema take turns: ids follow the order of the batch, and no two wait for each other
      await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [SETUP_LOCK, this.#schema]);
      const { rows: added } = await client.query<{ id: number; hash: string }>(
        `INSERT INTO ${this.#schema}.evidence(hash, source, doc, locator, text, rest, words)
         SELECT hash, source, doc, locator, text, rest, to_tsvector('${this.#schema}.folded', folded)
         FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
           WITH ORDINALITY AS t(hash, source, doc, locator, text, rest, folded, place)
         ORDER BY place
         ON CONFLICT (hash) DO NOTHING RETURNING id, hash`,
        [
          hashes,
          rows.map((row) => SOURCES.indexOf(row.source)),
          rows.map((row) => storable(row.doc)),
          rows.map((row) => storable(row.locator)),
          rows.map((row) => storable(row.text)),
          rows.map((row) => storable(restOfEvidence(row))),
          rows.map((row) => wordsOf(row.text).join(' ')),
        ],
      );
      const postings: { key: string[]; evidence: number[] } = { key: [], evidence: [] };
      const spans: { lo: number[]; hi: number[]; evidence: number[] } = { lo: [], hi: [], evidence: [] };
      for (const { id, hash } of added) {
        const { entities, spans: own } = byHash.get(Number(hash))!;
        for (const key of new Set(entities.map(nameKey))) {
          postings.key.push(key);
          postings.evidence.push(id);
        }
        for (const { s0, e1 } of own) {
          spans.lo.push(s0);
          spans.hi.push(e1);
          spans.evidence.push(id);
        }
      }
      await client.query(
        `INSERT INTO ${this.#schema}.posting SELECT * FROM unnest($1::text[], $2::integer[]) ON CONFLICT DO NOTHING`,
        [postings.key, postings.evidence],
      );
      await client.query(
        `INSERT INTO ${this.#schema}.span SELECT int4range(lo, hi, '[]'), evidence
         FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS t(lo, hi, evidence)`,
        [spans.lo, spans.hi, spans.evidence],
      );
      await client.query('COMMIT');
      this.#frequencies.clear();
      return added.length;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  }

  async addEntities(entities: readonly EntityRecord[]): Promise<void> {
    const byKey = new Map(entities.map((entity) => [nameKey(entity.label), entity]));
    const rows = [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1));
    await this.#pool.query(
      `INSERT INTO ${this.#schema}.entity AS old
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
       ON CONFLICT (key) DO UPDATE SET type = COALESCE(excluded.type, old.type),
         source_id = COALESCE(excluded.source_id, old.source_id),
         aliases = CASE WHEN excluded.aliases = '[]' THEN old.aliases ELSE excluded.aliases END`,
      [
        rows.map(([key]) => key),
        rows.map(([, entity]) => storable(entity.label)),
        rows.map(([, entity]) => entity.type ?? null),
        rows.map(([, entity]) => storable(JSON.stringify(entity.aliases ?? []))),
        rows.map(([, entity]) => entity.sourceId ?? null),
      ],
    );
  }

  async finishLoad(): Promise<void> {
    for (const table of ['evidence', 'posting', 'span']) await this.#pool.query(`ANALYZE ${this.#schema}.${table}`);
    this.#frequencies.clear();
  }

  async count(): Promise<number> {
    const { rows } = await this.#pool.query(`SELECT COUNT(*)::integer AS n FROM ${this.#schema}.evidence`);
    return rows[0].n as number;
  }

  async names(): Promise<NameLookup> {
    return namesFromRecords(await this.entities());
  }

  async entities(): Promise<readonly EntityRecord[]> {
    const { rows } = await this.#pool.query<{
      label: string;
      type: string | null;
      aliases: string;
      source_id: string | null;
    }>(`SELECT label, type, aliases, source_id FROM ${this.#schema}.entity ORDER BY key`);
    return rows.map(({ label, type, aliases, source_id: sourceId }) => ({
      label,
      ...(type === null ? {} : { type }),
      aliases: JSON.parse(aliases) as string[],
      ...(sourceId === null ? {} : { sourceId }),
    }));
  }

  withEntity(label: string, limit: number): Promise<readonly number[]> {
    return this.#ids(
      `SELECT evidence AS id FROM ${this.#schema}.posting WHERE key = $1 ORDER BY evidence LIMIT $2`,
      nameKey(label),
      limit,
    );
  }

  /** Ordered by the sum of the inverse frequencies of the words that occur. */
  async withWords(words: readonly string[], limit: number): Promise<readonly number[]> {
    const folded = words.map((word) => lexemeText(word)).filter((word) => word !== '');
    if (folded.length === 0) return [];
    const frequencies = await this.frequencies(folded);
    const config = `'${this.#schema}.folded'`;
    const weights = frequencies.map((frequency) => (1 / (1 + frequency)).toFixed(9));
    const score = folded
      .map((_, i) => `(CASE WHEN words @@ plainto_tsquery(${config}, $${i + 2}) THEN ${weights[i]} ELSE 0 END)`)
      .join(' + ');
    const any = folded.map((_, i) => `plainto_tsquery(${config}, $${i + 2})`).join(' || ');
    return this.#ids(
      `SELECT id FROM ${this.#schema}.evidence WHERE words @@ (${any}) ORDER BY ${score} DESC, length(text), id LIMIT $1`,
      limit,
      ...folded,
    );
  }

  async frequencies(words: readonly string[]): Promise<readonly number[]> {
    const found: number[] = [];
    for (const word of words) {
      let frequency = this.#frequencies.get(word);
      if (frequency === undefined) {
        const { rows } = await this.#pool.query(
          `SELECT COUNT(*)::integer AS n FROM (SELECT 1 FROM ${this.#schema}.evidence
           WHERE words @@ plainto_tsquery('${this.#schema}.folded', $1) LIMIT ${MAX_FREQUENCY}) AS t`,
          [lexemeText(word)],
        );
        frequency = rows[0].n as number;
        this.#frequencies.set(word, frequency);
      }
      found.push(frequency);
    }
    return found;
  }

  withTime(lo: number, hi: number, limit: number): Promise<readonly number[]> {
    return this.#ids(
      `SELECT evidence AS id FROM ${this.#schema}.span WHERE days && int4range($1, $2, '[]')
       GROUP BY evidence ORDER BY MAX(lower(days)) DESC, evidence LIMIT $3`,
      lo,
      hi,
      limit,
    );
  }

  async get(ids: readonly number[]): Promise<readonly Evidence[]> {
    const { rows } = await this.#pool.query<EvidenceRow>(
      `SELECT id, source, doc, locator, text, rest FROM ${this.#schema}.evidence WHERE id = ANY($1::integer[])`,
      [ids],
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => (byId.has(id) ? [evidenceFromRow(byId.get(id)!)] : []));
  }

  async meta(key: string): Promise<string | undefined> {
    const { rows } = await this.#pool.query(`SELECT value FROM ${this.#schema}.meta WHERE key = $1`, [key]);
    return rows[0]?.value as string | undefined;
  }

  async setMeta(key: string, value: string): Promise<void> {
    await this.#pool.query(
      `INSERT INTO ${this.#schema}.meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [key, value],
    );
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #ids(sql: string, ...values: (string | number)[]): Promise<readonly number[]> {
    const { rows } = await this.#pool.query<{ id: number }>(sql, values);
    return rows.map((row) => row.id);
  }
}

/** PostgreSQL text cannot hold the zero character. */
function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
}

/** One word as the text search parses it: folded, nothing that it would split. */
function lexemeText(word: string): string {
  return wordsOf(foldText(word)).join(' ');
}
