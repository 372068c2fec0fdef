/** The nouns of the room. */

export interface WordCount {
  /** In lower case. */
  readonly word: string;
  /** ≥ 1. */
  readonly count: number;
}

/** Words of a text. `counts` is in falling order of count, then by word; its counts sum to `numWords`. */
export interface WordCounts {
  readonly numWords: number;
  readonly counts: readonly WordCount[];
  /** numOfLength[l] words have l characters; index 0 is unused. */
  readonly numOfLength: readonly number[];
}
