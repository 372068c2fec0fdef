import type { Style } from './style.ts';

export interface TerminalOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly style: Style;
  /** Rows of a table, bars of a plot and lanes of a timeline shown before the rest is counted. */
  readonly maxRows: number;
  /** Fill of each category of timelines; absent: each timeline its own. */
  readonly fills?: ReadonlyMap<string, string>;
}
