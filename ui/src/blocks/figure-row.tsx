/** The few numbers that answer the question, large. */
import type { Figure } from '@tenfold/core/report';
import { ToneMark } from '../widgets/badge.tsx';
import { formatCell } from './format-cell.ts';

const TONE_WORDS = { good: 'good', bad: 'bad', warn: 'look here', info: 'note', neutral: '' } as const;

export function FigureRow({ figures }: { readonly figures: readonly Figure[] }) {
  return (
    <dl className="tf-figures">
      {figures.map((figure) => (
        <div key={figure.label} className="tf-figure">
          <dt>{figure.label}</dt>
          <dd>
            <span className="tf-figure-value">{formatCell(figure.value, figure)}</span>
            {figure.unit && <span className="tf-unit">{figure.unit}</span>}
            {figure.tone && figure.tone !== 'neutral' && (
              <span className={`tf-figure-tone tone-${figure.tone}`}>
                <ToneMark tone={figure.tone} /> {TONE_WORDS[figure.tone]}
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
