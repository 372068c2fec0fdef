/** Facts as text that a person reads and the annotator parses back to the same time. */
import { boundsText, stateSpan, eventSpan, type SpanBounds, type TimeSpan } from '../time/index.ts';
import type { Field, NewEvidence } from '../store/types.ts';

export interface Fact {
  readonly subject: string;
  readonly relation: string;
  readonly object: string;
  readonly start?: SpanBounds;
  readonly end?: SpanBounds;
  readonly point?: SpanBounds;
  /** Ongoing: the end is after the snapshot. */
  readonly ongoing?: boolean;
  readonly qualifiers?: readonly Field[];
  readonly rank?: NewEvidence['rank'];
  readonly doc: string;
  readonly locator: string;
  readonly docTime?: string;
}

/** `France, president, François Mitterrand, start time, 21 May 1981, end time, 17 May 1995`. */
export function evidenceOfFact(fact: Fact): NewEvidence {
  const { subject, relation, object, start, end, point, qualifiers = [] } = fact;
  let text = `${subject}, ${relation}, ${object}`;
  for (const { name, value } of qualifiers) text += `, ${name}, ${value}`;
  const spans: TimeSpan[] = [];
  if (point) {
    text += `, point in time, ${boundsText(point.lo, point.hi)}`;
    spans.push(eventSpan(point));
  }
  if (start ?? end) {
    const span = stateSpan(start, end);
    if (span) spans.push(span);
    if (start) text += `, start time, ${boundsText(start.lo, start.hi)}`;
    if (end) text += `, end time, ${boundsText(end.lo, end.hi)}`;
    else if (fact.ongoing) text += ', end time, none so far';
  }
  return {
    source: 'kb',
    doc: fact.doc,
    locator: fact.locator,
    text,
    subject,
    relation,
    object,
    fields: [{ name: relation, value: object }, ...qualifiers],
    entities: [subject, object, ...qualifiers.map((field) => field.value)].filter((label) => label.length > 1),
    spans,
    ...(fact.docTime ? { docTime: fact.docTime } : {}),
    ...(fact.rank ? { rank: fact.rank } : {}),
  };
}
