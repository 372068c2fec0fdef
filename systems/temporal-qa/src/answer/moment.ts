/** Which end of a fact's time a clause speaks of. */
import { DAY_MAX, DAY_MIN, eventSpan, type TimeSpan } from '../time/index.ts';

const START_WORDS =
  /\b(?:became|become|becoming|took office|elected|joined|joining|started|began|appointed|founded|established|born|inaugurated|came to power|crowned|moved|moving|(?<!(?:was|were|is|are|been|be) )married|marrying|signed|took over|assumed|acceded)\b/i;
const END_WORDS = /\b(?:left|leaving|resigned|ended|retired|stepped down|dissolved|abdicated|term ended|end of)\b/i;

/** "When X became …" is the start of the fact's time, "when X left …" its end, anything else all of it. */
export function momentOf(span: TimeSpan, clause: string): TimeSpan {
  if (span.kind === 'event') return span;
  if (START_WORDS.test(clause) && span.s0 > DAY_MIN) return eventSpan({ lo: span.s0, hi: span.s1, gran: span.gran });
  if (END_WORDS.test(clause) && span.e1 < DAY_MAX) return eventSpan({ lo: span.e0, hi: span.e1, gran: span.gran });
  return span;
}
