/** Finds known names in a text: longest match over word keys, aliases and single last names. Ambiguity is kept. */
import type { EntityRecord } from '../store/types.ts';
import { foldText, nameKey, STOP_WORDS, wordsOf } from '../understand/words.ts';

export interface Mention {
  readonly text: string;
  /** Labels that it may mean, most likely first. */
  readonly labels: readonly string[];
  /** Words of the text, half-open. */
  readonly from: number;
  readonly to: number;
}

const MAX_WORDS = 9;
const MAX_MEANINGS = 5;

export class Linker {
  readonly #labelsOf = new Map<string, string[]>();
  readonly #typeOf = new Map<string, string>();
  readonly #lastNames = new Map<string, string[]>();

  constructor(entities: readonly EntityRecord[]) {
    for (const { label, type, aliases = [] } of entities) {
      const key = nameKey(label);
      if (key === '') continue;
      if (type) this.#typeOf.set(key, foldText(type));
      push(this.#labelsOf, key, label);
      for (const alias of aliases) push(this.#labelsOf, nameKey(alias), label);
      const last = lastOfFew(key);
      if (last) push(this.#lastNames, last, label);
      // "FC Barcelona (club)" is also known without its bracket
      if (label.includes('(')) push(this.#labelsOf, nameKey(label.replace(/\s*\([^)]*\)/g, '')), label);
    }
  }

  typeOf(label: string): string | undefined {
    return this.#typeOf.get(nameKey(label));
  }

  isKnown(label: string): boolean {
    return this.#labelsOf.has(nameKey(label));
  }

  mentionsIn(text: string): Mention[] {
    const words = wordsOf(text);
    const capitals = new Set((text.match(/\p{Lu}[\p{L}\p{M}'’-]*/gu) ?? []).flatMap(wordsOf));
    const found: Mention[] = [];
    for (let i = 0; i < words.length;) {
      let matched = 0;
      for (let size = Math.min(MAX_WORDS, words.length - i); size > 0; size--) {
        const key = words.slice(i, i + size).join(' ');
        const labels = this.#labelsOf.get(key);
        if (!labels || (size === 1 && (STOP_WORDS.has(key) || !capitals.has(key)))) continue;
        found.push({ text: key, labels: labels.slice(0, MAX_MEANINGS), from: i, to: i + size });
        matched = size;
        break;
      }
      if (matched === 0 && capitals.has(words[i]!) && !STOP_WORDS.has(words[i]!)) {
        const labels = this.#lastNames.get(words[i]!);
        if (labels && labels.length <= MAX_MEANINGS) found.push({ text: words[i]!, labels, from: i, to: i + 1 });
      }
      i += Math.max(1, matched);
    }
    return found;
  }

  /** Known labels that share most words with a text, for hints. */
  nearest(text: string, limit = 3): string[] {
    const wanted = new Set(wordsOf(text).filter((word) => !STOP_WORDS.has(word)));
    const best: { label: string; score: number }[] = [];
    for (const [key, labels] of this.#labelsOf) {
      let score = 0;
      for (const word of key.split(' ')) if (wanted.has(word)) score++;
      if (score > 0) best.push({ label: labels[0]!, score: score / Math.sqrt(key.length) });
      if (best.length > 5000) break;
    }
    return best
      .toSorted((a, b) => b.score - a.score)
      .slice(0, limit)
      .map((entry) => entry.label);
  }
}

/** The last word of a name of two to four words. */
function lastOfFew(key: string): string | undefined {
  const at = key.lastIndexOf(' ');
  if (at < 0) return undefined;
  let numSpaces = 0;
  for (let i = key.indexOf(' '); i >= 0; i = key.indexOf(' ', i + 1)) numSpaces++;
  return numSpaces <= 3 ? key.slice(at + 1) : undefined;
}

function push(map: Map<string, string[]>, key: string, label: string): void {
  const known = map.get(key);
  if (!known) map.set(key, [label]);
  else if (!known.includes(label) && known.length <= MAX_MEANINGS) known.push(label);
}
