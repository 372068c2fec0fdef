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

/** Known names by their key (see nameKey). */
export interface NameLookup {
  /** Labels that a key may mean, most likely first. */
  labels(key: string): readonly string[];
  /** Type of the name of a key, folded. */
  type(key: string): string | undefined;
  /** Labels of two to four words that end with a word. */
  lastName(word: string): readonly string[];
  /** Names with one of the words among theirs; a name may come twice. */
  containing(words: readonly string[]): Iterable<{ readonly key: string; readonly label: string }>;
}

/** Where evidence lives. Readers see whole batches only; adding the same evidence twice changes nothing. */
export interface EvidenceStore {
  /** @returns how many of the batch were new */
  add(batch: readonly NewEvidence[]): Promise<number>;
  addEntities(entities: readonly EntityRecord[]): Promise<void>;
  /** Ends a bulk load: indices are complete afterwards. */
  finishLoad(): Promise<void>;
  count(): Promise<number>;
  entities(): Promise<readonly EntityRecord[]>;
  /** The names of the entities, for linking. */
  names(): Promise<NameLookup>;
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
