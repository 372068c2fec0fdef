/** Finds known names in a text: longest match over word keys, aliases and single last names. Ambiguity is kept. */
import { MAX_MEANINGS } from '../store/names.ts';
import type { NameLookup } from '../store/types.ts';
import { nameKey, STOP_WORDS, wordsOf } from '../understand/words.ts';

export interface Mention {
  readonly text: string;
  /** Labels that it may mean, most likely first. */
  readonly labels: readonly string[];
  /** Words of the text, half-open. */
  readonly from: number;
  readonly to: number;
}

const MAX_WORDS = 9;

export class Linker {
  readonly #names: NameLookup;

  constructor(names: NameLookup) {
    this.#names = names;
  }

  typeOf(label: string): string | undefined {
    return this.#names.type(nameKey(label));
  }

  isKnown(label: string): boolean {
    return this.#names.labels(nameKey(label)).length > 0;
  }

  mentionsIn(text: string): Mention[] {
    const words = wordsOf(text);
    const capitals = new Set((text.match(/\p{Lu}[\p{L}\p{M}'’-]*/gu) ?? []).flatMap(wordsOf));
    const found: Mention[] = [];
    for (let i = 0; i < words.length;) {
      let matched = 0;
      for (let size = Math.min(MAX_WORDS, words.length - i); size > 0; size--) {
        const key = words.slice(i, i + size).join(' ');
        if (size === 1 && (STOP_WORDS.has(key) || !capitals.has(key))) continue;
        const labels = this.#names.labels(key);
        if (labels.length === 0) continue;
        found.push({ text: key, labels: labels.slice(0, MAX_MEANINGS), from: i, to: i + size });
        matched = size;
        break;
      }
      if (matched === 0 && capitals.has(words[i]!) && !STOP_WORDS.has(words[i]!)) {
        const labels = this.#names.lastName(words[i]!);
        if (labels.length > 0 && labels.length <= MAX_MEANINGS)
          found.push({ text: words[i]!, labels, from: i, to: i + 1 });
      }
      i += Math.max(1, matched);
    }
    return found;
  }

  /** Known labels that share most words with a text, for hints. */
  nearest(text: string, limit = 3): string[] {
    const wanted = new Set(wordsOf(text).filter((word) => !STOP_WORDS.has(word)));
    const best: { label: string; score: number }[] = [];
    for (const { key, label } of this.#names.containing([...wanted])) {
      let score = 0;
      for (const word of key.split(' ')) if (wanted.has(word)) score++;
      best.push({ label, score: score / Math.sqrt(key.length) });
      if (best.length > 5000) break;
    }
    const labels = best.toSorted((a, b) => b.score - a.score).map((entry) => entry.label);
    return [...new Set(labels)].slice(0, limit);
  }
}
