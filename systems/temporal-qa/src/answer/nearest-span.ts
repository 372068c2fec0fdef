/** Which of several dates in a sentence belongs to the words that are asked for: "… bought a rival in 2005 and sold its
 *  marine division in 2010" says 2010 of the sale. */
import { annotateDates, sameSpan, type TimeSpan } from '../time/index.ts';
import type { Clause } from '../retrieve/candidates.ts';
import { foldText, isRelationWord, stemOf } from '../understand/words.ts';
import type { Judged } from './prune.ts';

/** Characters that a new clause between word and date counts for. */
const NEW_CLAUSE = 60;
/** The verb has its own date; the subject is shared. */
const RELATION_WEIGHT = 4;
/** Characters that a place within a name counts for. */
const IN_NAME = 100;
const CLAUSE_BREAK = /;|,|\s(?:and|but|while|when|before|after)\s/g;

/** @returns undefined for facts and tables, and where a word stands near no date alone */
export function nearestSpan(item: Judged, spans: readonly TimeSpan[], clause: Clause): TimeSpan | undefined {
  const { text, fields, subject } = item.evidence;
  if (fields !== undefined) return undefined;
  const from = subject !== undefined && text.startsWith(`${subject}, `) ? subject.length + 2 : 0;
  const body = text.slice(from);
  const folded = foldText(body);
  if (folded.length !== body.length) return undefined;
  const dates = annotateDates(body, { readsSides: true }).filter(({ span }) =>
    spans.some((own) => sameSpan(own, span)),
  );
  // "in 1981–1983 and 1986": an enumeration is one place, its first date stands for it
  const places = dates.filter(
    ({ start }, index) => index === 0 || !/^[\s,]*(?:and|or|&)?[\s,]*$/.test(body.slice(dates[index - 1]!.end, start)),
  );
  if (places.length < 2) return undefined;
  const weightOf = new Map(clause.stems.map((stem, index) => [stem, clause.weights[index]!]));
  // "the 2019–20 Deodhar Trophy": a date within a name says when the thing was, not when it happened
  const costs = places.map(({ start, end }) =>
    /\bthe $/i.test(body.slice(0, start)) && /^ \p{L}/u.test(body.slice(end))
      ? IN_NAME * Math.max(...clause.weights)
      : 0,
  );
  for (const match of folded.matchAll(/[\p{L}\p{N}]+/gu)) {
    const own = weightOf.get(stemOf(match[0]));
    if (own === undefined) continue;
    const weight = own * (isRelationWord(match[0]) ? RELATION_WEIGHT : 1);
    places.forEach(({ start, end }, index) => {
      const end_ = match.index + match[0].length;
      const between = start >= end_ ? body.slice(end_, start) : body.slice(end, Math.max(end, match.index));
      const breaks = [...between.matchAll(CLAUSE_BREAK)].length;
      costs[index]! += weight * (between.length + NEW_CLAUSE * breaks);
    });
  }
  const least = Math.min(...costs);
  const best = costs.filter((cost) => cost === least);
  return best.length === 1 ? places[costs.indexOf(least)]!.span : undefined;
}
