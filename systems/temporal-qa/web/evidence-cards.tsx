/** The evidence of an answer: its text with the answer marked, its verdict, its place in the source. */
import { Badge, Panel } from '@tenfold/ui';
import type { Answer } from '../src/types.ts';

export function EvidenceCards({ answer }: { readonly answer: Answer }) {
  return (
    <Panel title="Evidence">
      <ol className="temporal-cards">
        {answer.support.map(({ evidence, verdict, why }) => (
          <li key={evidence.id}>
            <p>{marked(evidence.text, answer.label)}</p>
            <p className="temporal-note">
              <Badge tone={verdict === 'certain' ? 'good' : verdict === 'possible' ? 'warn' : 'neutral'}>
                {verdict}
              </Badge>{' '}
              {why} ·{' '}
              <span title={evidence.doc}>
                {evidence.doc.replace(/^.*\//, '')}, {evidence.locator}
              </span>
            </p>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function marked(text: string, label: string) {
  const at = text.toLowerCase().indexOf(label.toLowerCase());
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + label.length)}</mark>
      {text.slice(at + label.length)}
    </>
  );
}
