/** Parts of a question: the main clause, and the clause that sets its time.
 *  A leading "When" that is followed by a comma and another question word is a conjunction, else it asks. */

export type ClauseSignal = 'BEFORE' | 'AFTER' | 'OVERLAP';

export interface Clauses {
  readonly main: string;
  readonly constraint?: string;
  readonly signal?: ClauseSignal;
  /** The words that joined them. */
  readonly connector?: string;
  readonly fronted?: boolean;
}

/** Nouns of events: "at the launch of …" is when it was launched. */
const EVENT_NOUNS =
  'launch|fall|death|birth|coronation|opening|closing|closure|founding|foundation|sinking|outbreak|assassination|election|inauguration|wedding|marriage|landing|moon landing|signing|invasion|discovery|introduction|collapse|destruction|construction|completion|reunification|unification|dissolution|creation|resignation|accession|abdication|arrival|departure|publication|release|merger|acquisition|liberation|surrender';
const CONNECTORS: readonly (readonly [RegExp, ClauseSignal])[] = [
  [
    /\b(?:shortly |immediately |right |just |directly )?(?:before|prior to|preceding|ahead of|until|till|up until|previous to)\b/i,
    'BEFORE',
  ],
  [
    /\b(?:shortly |immediately |right |just |directly |soon )?(?:after|following|subsequent to|since|once|upon)\b/i,
    'AFTER',
  ],
  [
    /\b(?:while|whilst|during|throughout|amid|at the same time (?:as|that)|at the time (?:of|when|that)|by the time|in the (?:year|month|same year) (?:when|that|of)|as of|(?:in|on) the (?:day|month|year)(?= [\p{L}]+ [^,]*\b(?:was|were|won|died|became|took|landed|fell|began|ended|\p{L}+ed)\b)|the (?:day|year)(?= (?:that |when )?(?=[^ ]+ [^,]*\b(?:was|were|won|died|became|took|landed|fell|began|ended|\p{L}+ed)\b)))\b/iu,
    'OVERLAP',
  ],
  [/\b(?:when|at the time|in the course of)\b/i, 'OVERLAP'],
  [new RegExp(`\\bat(?= (?:the |his |her |its |their )?(?:${EVENT_NOUNS})\\b)`, 'i'), 'OVERLAP'],
];
const WH =
  /\b(?:who|whom|whose|what|which|where|how|for which|for whom|for what|in which|in what|with which|with whom|to which|at which|at what|of which|from which|by whom|on which|did|was|is|were)\b/i;
const FRONTED =
  /^(before|prior to|preceding|after|following|subsequent to|since|once|upon|while|whilst|during|throughout|when|as|at the time of|at the time|amid|in the year when|in the year that|(?:in|on) the (?:year|day|month)(?= \p{Lu}))\b\s*/iu;

export function splitClauses(question: string): Clauses {
  const text = question.trim().replace(/[?.!\s]+$/, '');
  const front = FRONTED.exec(text);
  if (front) {
    const comma = frontComma(text);
    if (comma > 0) {
      const connector = front[1]!.toLowerCase();
      return {
        main: text.slice(comma + 1).trim(),
        constraint: text.slice(front[0].length, comma).trim(),
        signal: signalOf(connector),
        connector,
        fronted: true,
      };
    }
  }
  const asks = /^(?:when|since when|until when)\b/i.exec(text)?.[0].length ?? 0;
  let best: { at: number; length: number; signal: ClauseSignal } | undefined;
  for (const [pattern, signal] of CONNECTORS) {
    const match = pattern.exec(text.slice(asks));
    if (!match || (match.index === 0 && asks === 0)) continue;
    const at = match.index + asks;
    // "known as the Following" — a capital inside a name is no connector
    if (/^[A-Z]/.test(match[0])) continue;
    if (!best || at < best.at) best = { at, length: match[0].length, signal };
  }
  if (best) {
    const constraint = text
      .slice(best.at + best.length)
      .trim()
      .replace(/^(?:that|the time)\s+/i, '');
    const main = text.slice(0, best.at).trim().replace(/[,;]$/, '');
    if (constraint.length > 1 && main.length > 1)
      return {
        main,
        constraint,
        signal: best.signal,
        connector: text.slice(best.at, best.at + best.length).toLowerCase(),
      };
  }
  return { main: text };
}

function signalOf(connector: string): ClauseSignal {
  for (const [pattern, signal] of CONNECTORS) if (pattern.test(connector)) return signal;
  return 'OVERLAP';
}

/** Place of the comma that ends a fronted clause: the first one that a question word follows. */
function frontComma(text: string): number {
  for (let at = text.indexOf(','); at > 0; at = text.indexOf(',', at + 1)) {
    const rest = text.slice(at + 1).trimStart();
    const match = WH.exec(rest);
    if (match?.index === 0) return at;
  }
  const last = text.lastIndexOf(',');
  return last > 0 && WH.test(text.slice(last)) ? last : -1;
}
