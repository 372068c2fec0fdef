import type { GlobalOptions } from '../global-options.ts';
import type { Terminal } from '../terminal.ts';

/** What a command of the house needs besides its params. */
export interface Host {
  readonly terminal: Terminal;
  readonly globals: GlobalOptions;
}
