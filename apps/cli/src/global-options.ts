/** Options that every command has. They may stand anywhere on the line. */
import { Command } from 'commander';
import { usageError } from '@tenfold/core/system';

export interface GlobalOptions {
  readonly json: boolean;
  readonly seed: number;
  readonly help: boolean;
  readonly debug: boolean;
  /** Whether the run is kept in the store. */
  readonly save: boolean;
  /** File for the report as standalone HTML. */
  readonly html: string | undefined;
}

export interface ParsedLine {
  readonly globals: GlobalOptions;
  readonly isVersion: boolean;
  /** Words before the first option that is not global: room, verb, arguments. */
  readonly operands: readonly string[];
  /** Everything from there on. */
  readonly rest: readonly string[];
}

/** Takes the global options out of a command line. @throws TF-USAGE-002 if the seed is no whole number */
export function parseLine(argv: readonly string[]): ParsedLine {
  const program = new Command('tenfold')
    .helpOption(false)
    .option('--json', 'print one JSON object')
    .option('--seed <integer>', 'seed of all random numbers', '0')
    .option('--debug', 'print stacks of unexpected errors')
    .option('--no-save', 'do not keep the run in the store')
    .option('--html <file>', 'also write the report as one HTML file')
    .option('-h, --help', 'show help')
    .option('-V, --version', 'show the version')
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  const { operands, unknown } = program.parseOptions([...argv]);
  const options = program.opts<{
    json?: boolean;
    seed: string;
    debug?: boolean;
    save?: boolean;
    html?: string;
    help?: boolean;
    version?: boolean;
  }>();
  return {
    globals: {
      json: options.json ?? false,
      seed: seedFromText(options.seed),
      help: options.help ?? false,
      debug: options.debug ?? false,
      save: options.save !== false,
      html: options.html,
    },
    isVersion: options.version ?? false,
    operands,
    rest: unknown,
  };
}

/** Lines of help that describe the global options. */
export const GLOBAL_OPTION_HELP: readonly (readonly [string, string])[] = [
  ['--json', 'print one JSON object { ok, result, diagnostics, run } on stdout'],
  ['--seed <integer>', 'seed of all random numbers (default 0)'],
  ['--html <file>', 'also write the report as one HTML file'],
  ['--no-save', 'do not keep the run in the store'],
  ['--debug', 'print stacks of unexpected errors'],
  ['-h, --help', 'show this help'],
];

function seedFromText(text: string): number {
  const seed = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw usageError('TF-USAGE-002', {
    subject: 'tenfold',
    expected: '--seed must be a whole number',
    actual: JSON.stringify(text),
  });
}
