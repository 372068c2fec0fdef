/** Params checked against a verb's schema, with errors that name option, expectation and value. */
import type { z } from 'zod';
import { nearestNameHints, type TenfoldError } from '../base/index.ts';
import { describeParamType, flagFromName, paramFieldsOf, paramsSchemaOf, type ParamField } from './param-fields.ts';
import { paramFromText } from './param-text.ts';
import type { VerbManifest } from './types.ts';
import { usageError } from './usage-errors.ts';

type Issue = z.core.$ZodIssue;

/** Checks params and fills defaults.
 *  @param subject  `<room> <verb>`, named by the errors
 *  @throws TF-USAGE-001 on an unknown name, TF-USAGE-002 on a wrong value, TF-USAGE-003 on a missing one */
export function parseParams(
  verb: VerbManifest,
  raw: Readonly<Record<string, unknown>>,
  subject: string,
): Record<string, unknown> {
  const fields = paramFieldsOf(verb);
  const known = new Set(fields.map((field) => field.name));
  for (const name of Object.keys(raw)) {
    if (!known.has(name)) throw unknownOptionError(subject, flagFromName(name), fields);
  }
  const parsed = paramsSchemaOf(verb).safeParse(withBigInts(raw, fields));
  if (parsed.success) return parsed.data;
  throw errorFromIssue(parsed.error.issues[0]!, raw, fields, subject, parsed.error.issues.length);
}

/** JSON has no big integers: callers write them as decimal strings. */
function withBigInts(
  raw: Readonly<Record<string, unknown>>,
  fields: readonly ParamField[],
): Readonly<Record<string, unknown>> {
  const converted = { ...raw };
  for (const field of fields) {
    const value = raw[field.name];
    if (field.type === 'bigint' && typeof value === 'string') converted[field.name] = paramFromText(field, value);
  }
  return converted;
}

/** The error for an option that a verb does not have, with the nearest names. @param flag without dashes */
export function unknownOptionError(subject: string, flag: string, fields: readonly ParamField[]): TenfoldError {
  return usageError('TF-USAGE-001', {
    subject,
    expected: 'only options of this verb',
    actual: `--${flag}`,
    hints: [
      ...nearestNameHints(
        `--${flag}`,
        fields.map((field) => `--${field.flag}`),
      ),
      `Options: tenfold ${subject} --help.`,
    ],
  });
}

function errorFromIssue(
  issue: Issue,
  raw: Readonly<Record<string, unknown>>,
  fields: readonly ParamField[],
  subject: string,
  numIssues: number,
): TenfoldError {
  const field = fields.find((candidate) => candidate.name === issue.path[0]);
  const label = field === undefined ? 'params' : field.isPositional ? `<${field.flag}>` : `--${field.flag}`;
  const place = issue.path.slice(1);
  const location = place.length === 0 ? undefined : `at ${issue.path.map(String).join('.')}`;
  const more = numIssues > 1 ? [`${numIssues - 1} more ${numIssues === 2 ? 'value is' : 'values are'} wrong.`] : [];
  const hints = [...more, `Options: tenfold ${subject} --help.`];
  const actual = valueAt(raw, issue.path);
  if (field !== undefined && actual === undefined && place.length === 0) {
    return usageError('TF-USAGE-003', { subject, expected: `${label} is needed: ${describe(field)}`, hints });
  }
  return usageError('TF-USAGE-002', {
    subject,
    expected: `${label} must be ${expectationOf(issue, field, place.length > 0)}`,
    actual: show(actual),
    location,
    hints,
  });
}

function describe(field: ParamField): string {
  return field.description === '' ? describeParamType(field) : `${field.description} (${describeParamType(field)})`;
}

/** What the issue wanted, as a noun phrase that follows "must be". */
function expectationOf(issue: Issue, field: ParamField | undefined, isNested: boolean): string {
  switch (issue.code) {
    case 'invalid_type':
      if (field !== undefined && !isNested) return describeParamType(field);
      return NOUN_OF_TYPE[issue.expected] ?? `of type ${issue.expected}`;
    case 'too_small':
      return sizePhrase(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return sizePhrase(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `an object without the keys ${issue.keys.join(', ')}`;
    case 'invalid_format':
      return issue.pattern === undefined ? `a valid ${issue.format}` : `text that matches ${issue.pattern}`;
    case 'invalid_union':
      return field?.choices ? `one of ${field.choices.join(', ')}` : unionPhrase(issue, field);
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return `valid: ${issue.message}`;
  }
}

const NOUN_OF_TYPE: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function unionPhrase(issue: Extract<Issue, { code: 'invalid_union' }>, field: ParamField | undefined): string {
  const options = issue.errors.flatMap((errors) =>
    errors.slice(0, 1).map((error) => expectationOf(error, field, true)),
  );
  return options.length === 0 ? 'valid' : [...new Set(options)].join(' or ');
}

function sizePhrase(origin: string, comparison: string, limit: number | bigint): string {
  if (origin === 'string') return `text of ${comparison} ${limit} characters`;
  if (origin === 'array' || origin === 'set') return `a list of ${comparison} ${limit} elements`;
  return `${comparison} ${limit}`;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined | null)?.[key];
  return value;
}

const SHOWN_VALUE_LENGTH = 60;

function show(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return text.length > SHOWN_VALUE_LENGTH ? `${text.slice(0, SHOWN_VALUE_LENGTH)}…` : text;
}
