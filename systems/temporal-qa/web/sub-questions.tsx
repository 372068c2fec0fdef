/** The tree of questions that were asked on the way, each with its answer and evidence. */
import type { AnswerResult } from '../src/types.ts';

export function SubQuestions({ results }: { readonly results: readonly AnswerResult[] }) {
  return (
    <ul className="temporal-tree">
      {results.map((result) => (
        <li key={result.question}>
          <p>
            {result.question} <strong>{result.answers[0]?.label ?? `no answer (${result.abstained?.code})`}</strong>
          </p>
          <p className="temporal-note">{result.answers[0]?.support[0]?.evidence.text ?? result.abstained?.message}</p>
          {result.sub.length > 0 && <SubQuestions results={result.sub} />}
        </li>
      ))}
    </ul>
  );
}
