/** The tree of questions that were asked on the way, each with its answer and evidence. */
import { Panel } from '@tenfold/ui';
import type { AnswerResult } from '../src/types.ts';

export function SubQuestions({ results }: { readonly results: readonly AnswerResult[] }) {
  return (
    <Panel title="Questions asked on the way">
      <Tree results={results} />
    </Panel>
  );
}

function Tree({ results }: { readonly results: readonly AnswerResult[] }) {
  return (
    <ul className="temporal-tree">
      {results.map((result) => (
        <li key={result.question}>
          <strong>{result.question}</strong> {result.answers[0]?.label ?? `no answer (${result.abstained?.code})`}
          {result.answers[0] && <p className="temporal-note">{result.answers[0].support[0]?.evidence.text}</p>}
          {result.sub.length > 0 && <Tree results={result.sub} />}
        </li>
      ))}
    </ul>
  );
}
