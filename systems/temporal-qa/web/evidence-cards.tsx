/** The evidence of an answer: its text with answer and time marked, its verdict, and its place in the source. */
import { Badge, type RoomPageProps } from '@tenfold/ui';
import { useState } from 'react';
import { annotateDates } from '../src/time/annotate.ts';
import type { Answer } from '../src/types.ts';
import { SourceView } from './source-view.tsx';

export function EvidenceCards({
  page,
  answer,
  db,
}: {
  readonly page: RoomPageProps;
  readonly answer: Answer;
  readonly db: string;
}) {
  const [open, setOpen] = useState<number>();
  return (
    <ol className="temporal-cards">
      {answer.support.map(({ evidence, verdict, why }) => (
        <li key={evidence.id}>
          <p>{marked(evidence.text, answer.label)}</p>
          <p className="temporal-note">
            <Badge tone={verdict === 'certain' ? 'good' : verdict === 'possible' ? 'warn' : 'neutral'}>{verdict}</Badge>
            <span>{why}</span>
            <button
              type="button"
              className="temporal-link"
              aria-expanded={open === evidence.id}
              onClick={() => setOpen(open === evidence.id ? undefined : evidence.id)}
            >
              {evidence.doc.replace(/^.*\//, '')}, {evidence.locator}
            </button>
          </p>
          {open === evidence.id && <SourceView page={page} id={evidence.id} db={db} />}
        </li>
      ))}
    </ol>
  );
}

/** The answer as a mark, times in bold. */
function marked(text: string, label: string) {
  const at = text.toLowerCase().indexOf(label.toLowerCase());
  // an event is all of its text: a mark on everything marks nothing
  if (at < 0 || label.length >= text.length) return withTimes(text);
  return (
    <>
      {withTimes(text.slice(0, at))}
      <mark>{text.slice(at, at + label.length)}</mark>
      {withTimes(text.slice(at + label.length))}
    </>
  );
}

function withTimes(text: string) {
  const parts = [];
  let from = 0;
  for (const { start, end } of annotateDates(text)) {
    parts.push(text.slice(from, start), <strong key={start}>{text.slice(start, end)}</strong>);
    from = end;
  }
  return [...parts, text.slice(from)];
}
