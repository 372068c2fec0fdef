import type { CategoryNumbers } from '../timeline-categories.ts';
import type { Style } from './style.ts';

export interface TerminalOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly style: Style;
  /** Rows of a table, bars of a plot and lanes of a timeline shown before the rest is counted. */
  readonly maxRows: number;
  /** Of all timelines of the report; absent: each timeline has its own. */
  readonly categories?: CategoryNumbers;
}
