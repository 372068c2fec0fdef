/** The command line: finds room and verb, parses the words, runs, prints. Imports little, so that help is quick;
 *  params, store and report load once a verb is known. */
import { nearestNameHints, TenfoldError } from '@tenfold/core/base';
import { systems } from '../../systems.ts';
import { HOUSE_COMMANDS, LAB_COMMAND } from './house-commands.ts';
import type { Terminal } from './terminal.ts';

/** Runs a command line. @returns the exit code; never throws for faults that a user can cause */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const isJson = argv.includes('--json');
  const isDebug = argv.includes('--debug');
  try {
    return await dispatch(argv, terminal);
  } catch (cause) {
    const { printFailure } = await import('./print-outcome.ts');
    const error =
      cause instanceof TenfoldError
        ? cause
        : new TenfoldError(
            'TF-BASE-002',
            {
              subject: 'tenfold',
              expected: 'the command to run',
              actual: String(cause).split('\n')[0]!,
              hints: ['This is a bug of ours; run again with --debug to see where it happened.'],
              cause,
            },
            'bug',
          );
    printFailure(terminal, { json: isJson, debug: isDebug }, error);
    return error.exitCode;
  }
}

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  if (argv.length === 0 || (argv.length === 1 && ['--help', '-h', 'help'].includes(argv[0]!))) {
    terminal.out(houseHelp());
    return 0;
  }
  const { parseLine } = await import('./global-options.ts');
  const line = parseLine(argv);
  if (line.isVersion) {
    const { default: cliPackage } = await import('../package.json', { with: { type: 'json' } });
    terminal.out(`${cliPackage.version}\n`);
    return 0;
  }
  const [name] = line.operands;
  if (name === undefined) {
    if (line.rest.length > 0) throw await unknownCommand(line.rest[0]!);
    terminal.out(houseHelp());
    return 0;
  }
  const [{ runHouseLine, runRoomLine }, { loadEntry }] = await Promise.all([
    import('./run-line.ts'),
    import('./house/room-entry.ts'),
  ]);
  if (name === LAB_COMMAND[0]) {
    const { loadLab } = await import('./lab.ts');
    return runRoomLine(await loadLab(), line, terminal);
  }
  if (HOUSE_COMMANDS.some(([command]) => command === name)) return runHouseLine(line, terminal);
  const entry = systems.find((system) => system.id === name);
  if (entry) return runRoomLine(await loadEntry(entry), line, terminal);
  throw await unknownCommand(name);
}

async function unknownCommand(name: string): Promise<TenfoldError> {
  const { usageError } = await import('@tenfold/core/system');
  const names = [...systems.map((system) => system.id), ...HOUSE_COMMANDS.map(([command]) => command), LAB_COMMAND[0]];
  return usageError('TF-USAGE-005', {
    subject: 'tenfold',
    expected: 'a room or a command',
    actual: `"${name}"`,
    hints: [...nearestNameHints(name, names), 'Rooms and commands: tenfold.'],
  });
}

/** What `tenfold` alone says: rooms with their questions, then the commands of the house. */
function houseHelp(): string {
  const width = Math.max(...systems.map((system) => system.id.length));
  const room = ({ id, question, load }: (typeof systems)[number]): string =>
    `  ${id.padEnd(width)}  ${question}${load ? '' : ' (not built yet)'}`;
  const built = systems.filter((system) => system.load);
  const planned = systems.filter((system) => !system.load);
  const commands = [...HOUSE_COMMANDS.filter(([name]) => !name.includes(' ')), LAB_COMMAND];
  return `Tenfold: ten published methods for people who train, check, compress, serve and judge models.

Examples
  tenfold tour
  tenfold ${(built[0] ?? systems[0]!).id}
  tenfold doctor

Rooms: tenfold <room> lists its verbs, tenfold <room> <verb> --help explains one
${[...built, ...planned].map(room).join('\n')}

Commands
${commands.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

Every command takes --json, --seed <integer>, --html <file>, --no-save and --help.
`;
}
