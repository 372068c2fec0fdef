/** The surest and the most doubtful samples, and the list to ask a person about, labelled with the keyboard. */
import { Button, Panel, Stack } from '@tenfold/ui';
import { useRef, useState } from 'react';
import type { AdaptJson, Example } from '../src/outputs/adapt-json.ts';

export function DoubtfulSamples({ result }: { readonly result: AdaptJson }) {
  return (
    <Stack>
      <AskNext examples={result.askNext} classNames={result.classNames} />
      <Panel title="Most doubtful">
        <Cards examples={result.uncertain} />
      </Panel>
      <Panel title="Surest of each class, right or wrong">
        <Cards examples={result.certain} />
      </Panel>
    </Stack>
  );
}

/** Number keys give a class, the arrow keys move on. */
function AskNext({
  examples,
  classNames,
}: {
  readonly examples: readonly Example[];
  readonly classNames: readonly string[];
}) {
  const [answers, setAnswers] = useState<Readonly<Record<string, string>>>({});
  const list = useRef<HTMLOListElement>(null);
  const focus = (place: number) => (list.current?.children[place] as HTMLElement | undefined)?.focus();
  const answer = (example: Example, name: string, place: number) => {
    setAnswers((known) => ({ ...known, [example.id]: name }));
    focus(place + 1);
  };
  const numAnswered = Object.keys(answers).length;
  const download = () => {
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const rows = Object.entries(answers).map(([id, label]) => `${quote(id)},${quote(label)}`);
    const url = URL.createObjectURL(new Blob([['id,label', ...rows].join('\n'), '\n'], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = 'answers.csv';
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <Panel
      title="Label these next"
      actions={
        <Button size="s" disabled={numAnswered === 0} onClick={download}>
          Save {numAnswered} {numAnswered === 1 ? 'answer' : 'answers'}
        </Button>
      }
    >
      <p className="st-hint">
        The percentage is the confidence in the label, not the share that is right. The bar shows where doubt comes
        from: <i className="st-part-data" /> data, <i className="st-part-model" /> model,{' '}
        <i className="st-part-disagreement" /> disagreement of both. Click a sample and press{' '}
        {classNames.slice(0, 10).map((name, c) => (
          <span key={name}>
            <kbd>{c}</kbd> {name === String(c) ? '' : name}{' '}
          </span>
        ))}
      </p>
      <ol className="st-cards" ref={list}>
        {examples.map((example, place) => (
          <li
            key={example.id}
            className="st-card is-askable"
            tabIndex={0}
            aria-label={`${example.id}, pseudo-label ${example.label}${answers[example.id] === undefined ? '' : `, answered ${answers[example.id]}`}`}
            onKeyDown={(event) => {
              if (event.ctrlKey || event.metaKey || event.altKey) return;
              if (event.key === 'ArrowRight') focus(place + 1);
              if (event.key === 'ArrowLeft') focus(place - 1);
              const name = /^\d$/.test(event.key) ? classNames[Number(event.key)] : undefined;
              if (name !== undefined) answer(example, name, place);
            }}
          >
            <Card example={example} answer={answers[example.id]} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Cards({ examples }: { readonly examples: readonly Example[] }) {
  return (
    <ul className="st-cards">
      {examples.map((example) => (
        <li key={example.id} className="st-card">
          <Card example={example} />
        </li>
      ))}
    </ul>
  );
}

/** The largest variance of a label is that of a fair coin. */
const MOST = 0.25;

function Card({ example, answer }: { readonly example: Example; readonly answer?: string }) {
  const { id, label, truth, confidence, data, model, disagreement, thumbnail } = example;
  const isWrong = truth !== undefined && truth !== label;
  const parts = [
    { name: 'data', value: data },
    { name: 'model', value: model },
    { name: 'disagreement', value: disagreement },
  ];
  return (
    <>
      {thumbnail ? <img src={thumbnail} alt={id} className="st-thumbnail" /> : <span className="st-id">{id}</span>}
      <span className="st-label">
        {answer === undefined ? label : <s>{label}</s>} {answer !== undefined && <strong>{answer}</strong>}
        <small>{confidence < 1 && confidence >= 0.995 ? '> 99' : (100 * confidence).toFixed(0)} %</small>
      </span>
      <span
        className="st-parts"
        role="img"
        aria-label={`variance: ${parts.map(({ name, value }) => `${name} ${value.toFixed(3)}`).join(', ')}`}
        title={parts.map(({ name, value }) => `${name} ${value.toFixed(3)}`).join(', ')}
      >
        {parts.map(({ name, value }) => (
          <span
            key={name}
            className={`st-part-${name}`}
            style={{ width: `${(100 * Math.min(MOST, value)) / MOST}%` }}
          />
        ))}
      </span>
      {isWrong && <small className="st-wrong">✕ is {truth}</small>}
    </>
  );
}
