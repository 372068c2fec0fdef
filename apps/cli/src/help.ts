/** Help texts: examples first, then usage and options. */
import type { ParamField, SystemManifest, VerbManifest } from '@tenfold/core/system';
import { GLOBAL_OPTION_HELP } from './global-options.ts';

type Row = readonly [string, string];

/** Help of one verb. @param prefix  `tenfold cross-families` or `tenfold` */
export function verbHelp(prefix: string, verb: VerbManifest, fields: readonly ParamField[]): string {
  const positional = fields.filter((field) => field.isPositional);
  const named = fields.filter((field) => !field.isPositional);
  const usage = [
    prefix,
    verb.name,
    ...positional.map((field) => (field.isRequired ? `<${field.flag}>` : `[${field.flag}]`)),
    ...(named.length > 0 ? ['[options]'] : []),
  ];
  return sections([
    [`${prefix} ${verb.name}: ${verb.summary}`, []],
    ['Examples', verb.examples.map((example) => `  ${prefix} ${example}`)],
    ['Usage', [`  ${usage.join(' ')}`]],
    ['Arguments', rows(positional.map((field) => [field.flag, fieldText(field)]))],
    ['Options', rows(named.map((field) => [optionFlags(field), fieldText(field)]))],
    ['Options of every command', rows(GLOBAL_OPTION_HELP)],
  ]);
}

/** The verbs of a room. */
export function roomHelp(manifest: SystemManifest): string {
  const prefix = `tenfold ${manifest.id}`;
  const paper = manifest.paper.arxiv === '' ? [] : [`  ${manifest.paper.title}, arXiv ${manifest.paper.arxiv}`];
  const tour = manifest.verbs.find((verb) => verb.name === manifest.tour);
  return sections([
    [`${manifest.title}: ${manifest.question}`, paper],
    ['Examples', (tour?.examples ?? []).slice(0, 1).map((example) => `  ${prefix} ${example}`)],
    ['Verbs', rows(manifest.verbs.map((verb) => [verb.name, verb.summary]))],
    [`Options of a verb: ${prefix} <verb> --help`, []],
  ]);
}

/** Option as written on the command line: `--n <integer>`. */
export function optionFlags(field: ParamField): string {
  if (field.type === 'boolean') return field.defaultValue === true ? `--no-${field.flag}` : `--${field.flag}`;
  return `--${field.flag} <${valueName(field)}>`;
}

function valueName(field: ParamField): string {
  if (field.pathKind !== undefined) return field.pathKind === 'output' ? 'file' : field.pathKind;
  if (field.choices) return field.choices.join('|');
  const names: Record<ParamField['type'], string> = {
    string: 'text',
    number: 'number',
    integer: 'integer',
    bigint: 'integer',
    boolean: 'true|false',
    array: 'list',
    object: 'json',
    union: 'value',
  };
  return names[field.type];
}

function fieldText(field: ParamField): string {
  if (field.isRequired) return `${field.description} (required)`;
  const { defaultValue } = field;
  if (defaultValue === undefined || defaultValue === false || defaultValue === '') return field.description;
  if (defaultValue === true) return `turn off: ${field.description}`;
  const text = typeof defaultValue === 'string' ? defaultValue : JSON.stringify(defaultValue);
  return `${field.description} (default ${text})`;
}

/** Two columns, the first as wide as its longest text. */
export function rows(pairs: readonly Row[]): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`.trimEnd());
}

/** Titled sections; those without lines but with a plain title stand alone, empty lists vanish. */
export function sections(parts: readonly (readonly [title: string, lines: readonly string[]])[]): string {
  const shown = parts.filter(([title, lines]) => lines.length > 0 || title.includes(':'));
  return `${shown.map(([title, lines]) => [title, ...lines].join('\n')).join('\n\n')}\n`;
}
