/** Example command lines of a manifest read as params, so that a form can offer them. */
import { paramFieldsOf, paramFromText, parseParams, type VerbManifest } from '@tenfold/core/system';

/** @param line  after `tenfold <room>`: `max --n 5 --sets "3|1,2"`
 *  @returns JSON params, or undefined where the line has options that are no params or values that do not fit */
export function paramsFromExample(verb: VerbManifest, line: string): Record<string, unknown> | undefined {
  const words = splitWords(line).slice(verb.name.split(' ').length);
  const fields = paramFieldsOf(verb);
  const byFlag = new Map(fields.map((field) => [field.flag, field]));
  const positional = fields.filter((field) => field.isPositional);
  const texts = new Map<string, string[]>();
  const add = (name: string, text: string) => texts.set(name, [...(texts.get(name) ?? []), text]);
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const option = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (!option) {
      const field = positional.find((candidate) => candidate.type === 'array' || !texts.has(candidate.name));
      if (!field) return undefined;
      add(field.name, word);
      continue;
    }
    const field = byFlag.get(option[1]!) ?? byFlag.get(option[1]!.replace(/^no-/, ''));
    if (!field) return undefined;
    if (option[2] !== undefined) add(field.name, option[2]);
    else if (field.type === 'boolean') add(field.name, byFlag.has(option[1]!) ? 'true' : 'false');
    else add(field.name, words[++index] ?? '');
  }
  const params: Record<string, unknown> = {};
  for (const field of fields) {
    const text = texts.get(field.name);
    if (text) params[field.name] = paramFromText(field, text);
  }
  try {
    parseParams(verb, params, verb.name);
  } catch {
    return undefined; // the line needs something that a form cannot give
  }
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  );
}

/** Words of a shell line: blanks separate, quotes of both kinds join, a backslash takes the next character as it is. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs)) {
    words.push(
      match[0].replace(
        /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs,
        (_, double?: string, single?: string, escaped?: string) =>
          double !== undefined ? double.replace(/\\(.)/gs, '$1') : (single ?? escaped ?? ''),
      ),
    );
  }
  return words;
}
