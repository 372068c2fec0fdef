/** What the main clause is about: without the type of its answer, adjectives of countries as the countries. */
import type { Linker } from '../retrieve/linker.ts';
import type { Frame } from '../understand/frame.ts';
import { SOFT_WORDS, STOP_WORDS, wordsOf } from '../understand/words.ts';

/** "Which club was champion" asks about the champion; the kind of the answer is judged by its slot. */
export function withoutType(main: string, frame: Frame): string {
  if (frame.kind !== 'entity' || ['entity', 'person', 'place'].includes(frame.answerType)) return main;
  const cut = main.replace(
    new RegExp(`\\b(?:which|what)\\s+${frame.answerType.replaceAll(/[^\p{L}\p{N}\s'-]/gu, '.')}`, 'i'),
    ' ',
  );
  return wordsOf(cut).filter((word) => !STOP_WORDS.has(word)).length >= 2 ? cut : main;
}

/** The clause without words of manner, if it has some and says enough without them. */
export function withoutSoftWords(text: string): string | undefined {
  const kept = text.split(/\s+/).filter((word) => !SOFT_WORDS.has(word.toLowerCase().replaceAll(/[^\p{L}']/gu, '')));
  if (kept.length === text.split(/\s+/).length) return undefined;
  const rest = kept.join(' ');
  return wordsOf(rest).some((word) => !STOP_WORDS.has(word)) ? rest : undefined;
}

const COUNTRY_OF: Readonly<Record<string, string>> = {
  british: 'United Kingdom',
  french: 'France',
  german: 'Germany',
  american: 'United States',
  italian: 'Italy',
  spanish: 'Spain',
  portuguese: 'Portugal',
  russian: 'Russia',
  soviet: 'Soviet Union',
  chinese: 'China',
  japanese: 'Japan',
  brazilian: 'Brazil',
  dutch: 'Netherlands',
  polish: 'Poland',
  swedish: 'Sweden',
  austrian: 'Austria',
  swiss: 'Switzerland',
  indian: 'India',
  canadian: 'Canada',
  uk: 'United Kingdom',
  us: 'United States',
  usa: 'United States',
};

/** "the British monarch" is the monarch of the United Kingdom, where that is a known name and "British …" is not one. */
export function withCountries(text: string, linker: Linker): string {
  return text.replaceAll(/\b(\p{Lu}[\p{L}.]+)(?=\s+(\p{L}+)|$)/gu, (word, name: string, next?: string) => {
    const country = COUNTRY_OF[name.replaceAll('.', '').toLowerCase()];
    return country && linker.isKnown(country) && !/^\p{Lu}/u.test(next ?? '') ? country : word;
  });
}
