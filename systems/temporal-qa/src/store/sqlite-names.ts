/** Known names looked up in the file one by one, so that a file of a million names opens at once and takes no memory.
 *  Aliases and names with brackets are few and are held; a single last name costs one pass over the keys. */
import type { DatabaseSync } from 'node:sqlite';
import { foldText } from '../understand/words.ts';
import { lastOfFew, MAX_MEANINGS, otherKeys, pushName } from './names.ts';
import type { NameLookup } from './types.ts';

/** Keys remembered of earlier questions. */
const MAX_REMEMBERED = 50_000;
/** Names looked at for each word of a hint. */
const MAX_HINTS = 2000;
const NO_LABELS: readonly string[] = [];

interface Known {
  readonly labels: readonly string[];
  readonly type?: string;
}

export function namesInFile(database: DatabaseSync): NameLookup {
  const others = new Map<string, string[]>();
  const special = database.prepare("SELECT label, aliases FROM entity WHERE aliases <> '[]' OR instr(label, '(') > 0");
  for (const row of special.iterate() as Iterable<unknown>) {
    const { label, aliases } = row as { label: string; aliases: string };
    for (const [key, meant] of otherKeys(label, JSON.parse(aliases) as string[])) pushName(others, key, meant);
  }
  const byKey = database.prepare('SELECT label, type FROM entity WHERE key = ?');
  const byEnd = database.prepare('SELECT key, label FROM entity WHERE key GLOB ?');
  const byPart = database.prepare(`SELECT key, label FROM entity WHERE key GLOB ? LIMIT ${MAX_HINTS}`);
  const known = new Map<string, Known>();
  const lastNames = new Map<string, readonly string[]>();
  const lookUp = (key: string): Known => {
    let found = known.get(key);
    if (found !== undefined) return found;
    const row = byKey.get(key) as { label: string; type: string | null } | undefined;
    const more = others.get(key) ?? NO_LABELS;
    const labels = row === undefined ? more : [row.label, ...more.filter((label) => label !== row.label)];
    found = row?.type ? { labels, type: foldText(row.type) } : { labels };
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(key, found);
    return found;
  };
  return {
    labels: (key) => lookUp(key).labels,
    type: (key) => lookUp(key).type,
    lastName(word) {
      let found = lastNames.get(word);
      if (found !== undefined) return found;
      const labels: string[] = [];
      for (const row of byEnd.iterate(`* ${plain(word)}`) as Iterable<unknown>) {
        const { key, label } = row as { key: string; label: string };
        if (lastOfFew(key) === word && labels.push(label) > MAX_MEANINGS) break;
      }
      found = labels;
      if (lastNames.size >= MAX_REMEMBERED) lastNames.clear();
      lastNames.set(word, found);
      return found;
    },
    *containing(words) {
      for (const word of words)
        for (const row of byPart.all(`*${plain(word)}*`) as unknown as { key: string; label: string }[])
          if (row.key.split(' ').includes(word)) yield row;
    },
  };
}

/** A word in which no letter is a wildcard. */
function plain(word: string): string {
  return word.replaceAll(/[*?[]/g, '[$&]');
}
