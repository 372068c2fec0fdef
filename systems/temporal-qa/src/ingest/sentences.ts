/** Sentences of running text, and evidence of them. */
import { spansOfText, statedSpans } from '../time/index.ts';
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
  return sentences.flatMap(partsOf);
}

/** A list of names with dates has none. */
const CLAUSE_VERB =
  /\b(?:was|were|is|are|has|had|led|became|held|ran|took|began|left|won|lost|made|went|came|built|sold|bought|\p{Ll}{2,}ed)\b/u;

/** "A led it until 1951; B from 1951": parts that each state a time are sentences of their own. */
function partsOf(sentence: string): string[] {
  if (!sentence.includes(';') || /[([][^)\]]*;/.test(sentence)) return [sentence];
  const parts = sentence.split(/;\s+/).filter((part) => part !== '');
  return parts.every((part) => CLAUSE_VERB.test(part) && spansOfText(part).length > 0) ? parts : [sentence];
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
