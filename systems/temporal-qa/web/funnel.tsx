/** How much evidence is left after each stage, by kind of source. */
import type { AnswerResult, Source } from '../src/types.ts';

const KINDS: readonly { readonly id: Source; readonly label: string }[] = [
  { id: 'kb', label: 'facts' },
  { id: 'text', label: 'text' },
  { id: 'table', label: 'tables' },
  { id: 'info', label: 'infoboxes' },
];

export function Funnel({ stages }: { readonly stages: AnswerResult['funnel'] }) {
  const total = (bySource: Readonly<Record<Source, number>>) => Object.values(bySource).reduce((a, b) => a + b, 0);
  const most = Math.max(1, ...stages.map((stage) => total(stage.bySource)));
  const shown = KINDS.filter(({ id }) => stages.some((stage) => stage.bySource[id] > 0));
  return (
    <figure className="temporal-funnel">
      <ul>
        {stages.map(({ stage, bySource }) => (
          <li key={stage}>
            <span className="temporal-stage">{stage}</span>
            <span className="temporal-track" aria-hidden="true">
              {KINDS.map(({ id }) => (
                <span key={id} className={`is-${id}`} style={{ width: `${(100 * bySource[id]) / most}%` }} />
              ))}
            </span>
            <span className="temporal-count">{total(bySource)}</span>
          </li>
        ))}
      </ul>
      <figcaption className="temporal-note">
        {shown.map(({ id, label }) => (
          <span key={id} className="temporal-key">
            <span className={`temporal-swatch is-${id}`} aria-hidden="true" /> {label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
