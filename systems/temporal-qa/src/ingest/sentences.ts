/** Sentences of running text, and evidence of them. */
import { statedSpans } from '../time/index.ts';
import type { NewEvidence } from '../store/types.ts';
import { namesIn } from './names.ts';

const ABBREVIATION =
  /(?:\b(?:[A-Z]|Mr|Mrs|Dr|St|Jr|Sr|No|Vol|vs|c|ca|cf|e\.g|i\.e|etc|Inc|Ltd|Co|Gen|Lt|Col|Maj|Capt|Prof|approx|b|d|r|fl)|\b(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec))\.$/;
const FOOTNOTES = /\[(?:\d+|[a-z]|citation needed)\]/g;

export function sentencesOf(text: string): string[] {
  const clean = text.replaceAll(FOOTNOTES, '').replaceAll(/\s+/g, ' ').trim();
  const sentences: string[] = [];
  let from = 0;
  for (const match of clean.matchAll(/[.!?][)"”’]?\s+(?=["“(]?[\p{Lu}\d])/gu)) {
    const end = match.index + match[0].trimEnd().length;
    if (match[0][0] === '.' && ABBREVIATION.test(clean.slice(Math.max(0, match.index - 12), match.index + 1))) continue;
    sentences.push(clean.slice(from, end));
    from = match.index + match[0].length;
  }
  if (from < clean.length) sentences.push(clean.slice(from));
  return sentences;
}

/** Evidence of a sentence. A sentence that begins with a pronoun keeps the title of its page as its subject. */
export function evidenceOfSentence(
  sentence: string,
  page: { readonly title: string; readonly doc: string; readonly locator: string; readonly docTime?: string },
): NewEvidence {
  return {
    source: 'text',
    doc: page.doc,
    locator: page.locator,
    text: `${page.title}, ${sentence}`,
    subject: page.title,
    entities: [page.title, ...namesIn(sentence)],
    spans: statedSpans(`${page.title}, ${sentence}`, page.title),
    ...(page.docTime ? { docTime: page.docTime } : {}),
  };
}
