/** Where output goes: results to stdout, everything else to stderr; width and colour by the rules of the terminal. */

export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Progress, warnings, errors, hints. */
  err(text: string): void;
  readonly hasColor: boolean;
  readonly hasErrColor: boolean;
  /** Whether stderr may be rewritten in place. */
  readonly isInteractive: boolean;
  readonly width: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
}

const WIDTH_WITHOUT_TERMINAL = 100;

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The terminal of a process. */
export function createTerminal(host: {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
}): Terminal {
  const { stdout, stderr, env } = host;
  const isDumb = env['TERM'] === 'dumb';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    hasColor: wantsColor(env, stdout.isTTY === true && !isDumb),
    hasErrColor: wantsColor(env, stderr.isTTY === true && !isDumb),
    isInteractive: stderr.isTTY === true && !isDumb && !env['CI'],
    width: stdout.columns || WIDTH_WITHOUT_TERMINAL, // 0 on a terminal that does not know its size
    environment: env,
    workingFolder: host.cwd(),
  };
}

/** NO_COLOR (any text) turns colour off, FORCE_COLOR (but for 0 and false) on; otherwise a terminal has it. */
export function wantsColor(environment: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if (environment['NO_COLOR']) return false;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal;
}
