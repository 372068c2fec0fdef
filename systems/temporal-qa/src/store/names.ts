/** Known names in memory, for stores that cannot look them up one by one. */
import { foldText, nameKey } from '../understand/words.ts';
import type { EntityRecord, NameLookup } from './types.ts';

/** Names that one key may mean. */
export const MAX_MEANINGS = 5;

export function namesFromRecords(entities: readonly EntityRecord[]): NameLookup {
  const labelsOf = new Map<string, string[]>();
  const typeOf = new Map<string, string>();
  const lastNames = new Map<string, string[]>();
  for (const { label, type, aliases = [] } of entities) {
    const key = nameKey(label);
    if (key === '') continue;
    if (type) typeOf.set(key, foldText(type));
    pushName(labelsOf, key, label);
    for (const [other, meant] of otherKeys(label, aliases)) pushName(labelsOf, other, meant);
    const last = lastOfFew(key);
    if (last) pushName(lastNames, last, label);
  }
  return {
    labels: (key) => labelsOf.get(key) ?? [],
    type: (key) => typeOf.get(key),
    lastName: (word) => lastNames.get(word) ?? [],
    *containing(words) {
      const wanted = new Set(words);
      for (const [key, [label]] of labelsOf)
        if (key.split(' ').some((word) => wanted.has(word))) yield { key, label: label! };
    },
  };
}

/** Keys besides its own under which a name is known: aliases, and "FC Barcelona (club)" without its bracket. */
export function otherKeys(label: string, aliases: readonly string[]): [key: string, label: string][] {
  const keys = aliases.map((alias): [string, string] => [nameKey(alias), label]);
  if (label.includes('(')) keys.push([nameKey(label.replace(/\s*\([^)]*\)/g, '')), label]);
  return keys;
}

export function pushName(map: Map<string, string[]>, key: string, label: string): void {
  const known = map.get(key);
  if (!known) map.set(key, [label]);
  else if (!known.includes(label) && known.length <= MAX_MEANINGS) known.push(label);
}

/** The last word of a name of two to four words. */
export function lastOfFew(key: string): string | undefined {
  const at = key.lastIndexOf(' ');
  if (at < 0) return undefined;
  let numSpaces = 0;
  for (let i = key.indexOf(' '); i >= 0; i = key.indexOf(' ', i + 1)) numSpaces++;
  return numSpaces <= 3 ? key.slice(at + 1) : undefined;
}
