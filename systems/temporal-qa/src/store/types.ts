/** Evidence and the contract of its store. Two stores fulfil the contract: SQLite and PostgreSQL. */
import type { TimeSpan } from '../time/index.ts';

export type Source = 'kb' | 'text' | 'table' | 'info';
export const SOURCES: readonly Source[] = ['kb', 'text', 'table', 'info'];

/** A named value of a fact, a table row or an infobox line; its value may be the answer. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

export interface NewEvidence {
  readonly source: Source;
  /** File or page. */
  readonly doc: string;
  /** Place in the file: `line 12`, `paragraph 3`, `table 1 row 4`. */
  readonly locator: string;
  /** What a reader sees and what the verifier parses again. */
  readonly text: string;
  readonly subject?: string;
  readonly relation?: string;
  readonly object?: string;
  readonly fields?: readonly Field[];
  /** Labels of the entities that occur. */
  readonly entities: readonly string[];
  readonly spans: readonly TimeSpan[];
  /** When the document was written (not what it tells about). */
  readonly docTime?: string;
  readonly rank?: 'preferred' | 'normal' | 'deprecated';
}

export interface Evidence extends NewEvidence {
  readonly id: number;
}

export interface EntityRecord {
  readonly label: string;
  readonly type?: string;
  readonly aliases?: readonly string[];
  /** Stable id of the source, such as Q142. */
  readonly sourceId?: string;
}

/** Where evidence lives. Readers see whole batches only; adding the same evidence twice changes nothing. */
export interface EvidenceStore {
  /** @returns how many of the batch were new */
  add(batch: readonly NewEvidence[]): Promise<number>;
  addEntities(entities: readonly EntityRecord[]): Promise<void>;
  /** Ends a bulk load: indices are complete afterwards. */
  finishLoad(): Promise<void>;
  count(): Promise<number>;
  /** Labels, aliases and types, for linking. */
  entities(): Promise<readonly EntityRecord[]>;
  /** Evidence ids with the entity, at most `limit`. */
  withEntity(label: string, limit: number): Promise<readonly number[]>;
  /** Evidence ids by lexical rank for any of the words, best first. */
  withWords(words: readonly string[], limit: number): Promise<readonly number[]>;
  /** In how many pieces of evidence the words occur. */
  frequencies(words: readonly string[]): Promise<readonly number[]>;
  /** Evidence ids whose time may overlap the days, at most `limit`. */
  withTime(lo: number, hi: number, limit: number): Promise<readonly number[]>;
  get(ids: readonly number[]): Promise<readonly Evidence[]>;
  meta(key: string): Promise<string | undefined>;
  setMeta(key: string, value: string): Promise<void>;
  close(): Promise<void>;
}
