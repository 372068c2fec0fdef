/** The words after a verb, parsed by commander into raw params. */
import { Argument, Command, CommanderError, Option } from 'commander';
import { type TenfoldError } from '@tenfold/core/base';
import { paramFromText, unknownOptionError, usageError, type ParamField } from '@tenfold/core/system';
import { optionFlags } from './help.ts';

/** Parses the words of a verb.
 *  @param subject  `cross-families max`, named by errors
 *  @returns raw params as `runVerb` takes them
 *  @throws TF-USAGE-001, TF-USAGE-003 or TF-USAGE-006 */
export function parseVerbWords(
  subject: string,
  fields: readonly ParamField[],
  words: readonly string[],
): Record<string, unknown> {
  const command = new Command(subject).helpOption(false).allowExcessArguments(false).exitOverride();
  command.configureOutput({ writeErr: () => {} });
  const positional = fields.filter((field) => field.isPositional);
  for (const field of positional) {
    command.addArgument(new Argument(field.type === 'array' ? `[${field.flag}...]` : `[${field.flag}]`));
  }
  // Arguments have a name too, as the studio's copied commands write them: `--model sd21` is `sd21`.
  for (const field of fields) addOption(command, field);
  let options: Record<string, unknown> = {};
  command.action(() => {
    options = command.opts();
  });
  try {
    command.parse(words.map(shielded), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw errorFromCommander(error, subject, fields);
    throw error;
  }
  const raw: Record<string, unknown> = {};
  for (const [index, field] of positional.entries()) {
    const value = unshielded(command.processedArgs[index] as string | string[] | undefined);
    if (value === undefined || value.length === 0) continue;
    if (options[field.name] !== undefined)
      throw usageError('TF-USAGE-006', {
        subject,
        expected: `${field.flag} once: as an argument or as --${field.flag}`,
        actual: 'both',
        hints: [`Options: tenfold ${subject} --help.`],
      });
    raw[field.name] = paramFromText(field, value);
  }
  for (const field of fields) {
    const value = unshielded(options[field.name]);
    if (value === undefined) continue;
    raw[field.name] = typeof value === 'boolean' ? value : paramFromText(field, value as string | string[]);
  }
  return raw;
}

/** No option begins with a digit: `-0043-03-15` and `-5,3` are values, which commander would take for options. */
const SHIELD = '\uE000';

function shielded(word: string): string {
  return /^-\d/.test(word) ? SHIELD + word : word;
}

function unshielded<T>(value: T): T {
  if (Array.isArray(value)) return value.map(unshielded) as T;
  return (typeof value === 'string' && value.startsWith(SHIELD) ? value.slice(SHIELD.length) : value) as T;
}

function addOption(command: Command, field: ParamField): void {
  if (field.type === 'boolean') {
    command.addOption(new Option(`--${field.flag}`));
    command.addOption(new Option(`--no-${field.flag}`));
    return;
  }
  const option = new Option(optionFlags({ ...field, choices: undefined }));
  if (field.type === 'array')
    option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
  command.addOption(option);
}

function errorFromCommander(error: CommanderError, subject: string, fields: readonly ParamField[]): TenfoldError {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const hints = [`Options: tenfold ${subject} --help.`];
  switch (error.code) {
    case 'commander.unknownOption':
      return unknownOptionError(subject, quoted.replace(/^-+/, '').replace(/=.*/, ''), fields);
    case 'commander.optionMissingArgument':
      return usageError('TF-USAGE-003', { subject, expected: `a value after ${quoted}`, actual: 'none', hints });
    case 'commander.excessArguments': {
      const numPositional = fields.filter((field) => field.isPositional).length;
      const noun = numPositional === 1 ? 'argument' : 'arguments';
      const expected = `at most ${numPositional} ${noun} without an option name`;
      return usageError('TF-USAGE-006', { subject, expected, actual: 'more', hints });
    }
    default:
      return usageError('TF-USAGE-002', {
        subject,
        expected: error.message.replace(/^error: /, ''),
        hints,
        cause: error,
      });
  }
}
