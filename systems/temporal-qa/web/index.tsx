/** The room's page: a talk on the left, controls beside it; every control asks again. */
import {
  Badge,
  BlockView,
  Button,
  DataTable,
  FigureRow,
  Panel,
  RunResult,
  SampleRunButton,
  SelectField,
  Stack,
  TextField,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { useState, type FormEvent } from 'react';
import type { AnswerResult, Mode } from '../src/types.ts';
import { EvidenceCards } from './evidence-cards.tsx';
import './page.css';
import { SubQuestions } from './sub-questions.tsx';

const EXAMPLES = [
  'Who was president of France when Apollo 11 landed on the Moon?',
  'Which club did Zinedine Zidane play for before Juventus?',
  'Who was the third chancellor of Germany?',
  'Was Bonn the capital of Germany in 2005?',
  'Who was president of France in 1850?',
];
const MODES: readonly { readonly value: Mode; readonly label: string }[] = [
  { value: 'strict', label: 'strict: certain or possible' },
  { value: 'certain-only', label: 'certain only' },
  { value: 'lenient', label: 'lenient: undated kept below' },
  { value: 'off', label: 'off: nothing removed' },
  { value: 'faith-compat', label: 'as the paper’s code' },
];

export default function TemporalQaPage(page: RoomPageProps) {
  const [question, setQuestion] = useAddressState<string>('q', EXAMPLES[0]!);
  const [mode, setMode] = useAddressState<Mode>('mode', 'strict');
  const [asOf, setAsOf] = useAddressState<string>('asOf', '');
  const [sources, setSources] = useAddressState<string>('sources', '');
  const [db, setDb] = useAddressState<string>('db', '');
  const [turns, setTurns] = useState<readonly string[]>([]);
  const run = useVerbRun<AnswerResult>(page, 'ask');
  const tour = useVerbRun(page, 'tour', { addressKey: 'tour' });

  const askWith = (changed: Partial<Record<'question' | 'mode' | 'asOf' | 'sources' | 'db' | 'after', string>>) =>
    void run.start({ question, mode, asOf, sources, db, ...changed });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const answer = run.run?.result?.answers[0]?.label;
    const asked = run.run?.result?.question;
    const history = asked && asked !== question ? [...turns, asked, ...(answer ? [answer] : [])] : turns;
    setTurns(history);
    askWith({ after: /^(?:and|what about|how about)\b/i.test(question) ? history.join('|') : '' });
  };

  return (
    <WithControls
      controls={
        <form className="temporal-ask" onSubmit={submit}>
          <TextField
            label="Question"
            value={question}
            onChange={setQuestion}
            help="A follow-up like “And before him?” goes on from the last answer."
          />
          <Button variant="primary" type="submit" busy={run.isActive}>
            Ask
          </Button>
          <SelectField
            label="Strictness"
            value={mode}
            options={MODES}
            onChange={(value) => {
              setMode(value);
              askWith({ mode: value });
            }}
          />
          <SelectField
            label="Sources"
            value={sources}
            options={[
              { value: '', label: 'all' },
              { value: 'kb', label: 'facts' },
              { value: 'text', label: 'text' },
              { value: 'table', label: 'tables' },
              { value: 'info', label: 'infoboxes' },
            ]}
            onChange={(value) => {
              setSources(value);
              askWith({ sources: value });
            }}
          />
          <TextField
            label="As of"
            value={asOf}
            onChange={setAsOf}
            help="Like 1990-01-01; for questions that name no time."
          />
          <TextField
            label="Evidence file"
            value={db}
            onChange={setDb}
            help="Empty: the shipped corpus. Fill one with the verb “ingest”."
          />
          <div>
            <p className="temporal-label">Examples</p>
            <ul className="temporal-examples">
              {EXAMPLES.map((example) => (
                <li key={example}>
                  <button
                    type="button"
                    onClick={() => {
                      setQuestion(example);
                      askWith({ question: example, after: '' });
                    }}
                  >
                    {example}
                  </button>
                </li>
              ))}
            </ul>
          </div>
          <SampleRunButton run={tour} params={{}}>
            Answer all shipped questions
          </SampleRunButton>
        </form>
      }
    >
      <Stack>
        <RunResult page={page} run={run} empty="Press Ask; the answer, its evidence and what was removed appear here.">
          {(done) => <AnswerView result={done.result!} blocks={done.report?.blocks ?? []} />}
        </RunResult>
        {tour.run && (
          <Panel title="Shipped questions">
            <RunResult page={page} run={tour} empty="" />
          </Panel>
        )}
      </Stack>
    </WithControls>
  );
}

function AnswerView({
  result,
  blocks,
}: {
  readonly result: AnswerResult;
  readonly blocks: readonly Parameters<typeof BlockView>[0]['block'][];
}) {
  const [top] = result.answers;
  const timeline = blocks.find((block) => block.kind === 'timeline');
  const last = result.funnel.at(-1);
  const count = (stage: AnswerResult['funnel'][number] | undefined) =>
    stage ? Object.values(stage.bySource).reduce((a, b) => a + b, 0) : 0;
  return (
    <Stack>
      <Panel title={result.question}>
        {top ? (
          <p className="temporal-answer">
            {top.label} <Badge tone={top.verdict === 'certain' ? 'good' : 'warn'}>{top.verdict}</Badge>
          </p>
        ) : (
          <p className="temporal-answer">
            No answer <Badge tone="warn">{result.abstained?.code}</Badge>
            <span className="temporal-reason">{result.abstained?.message}</span>
          </p>
        )}
        {result.notes.map((note) => (
          <p key={note} className="temporal-note">
            {note}
          </p>
        ))}
      </Panel>
      <FigureRow
        figures={[
          { label: 'found', value: count(result.funnel[0]), format: 'count' },
          { label: 'about the question', value: count(result.funnel[1]), format: 'count' },
          { label: 'removed for their time', value: result.pruned.length, format: 'count' },
          { label: last?.stage ?? 'cited', value: count(last), format: 'count' },
        ]}
      />
      {timeline && <BlockView block={timeline} />}
      {top && <EvidenceCards answer={top} />}
      {result.sub.length > 0 && <SubQuestions results={result.sub} />}
      <details className="temporal-removed">
        <summary>Removed evidence ({result.pruned.length})</summary>
        <DataTable
          columns={[
            { key: 'reason', label: 'reason' },
            { key: 'evidence', label: 'evidence' },
            { key: 'source', label: 'source' },
          ]}
          rows={result.pruned.map(({ evidence, reason }) => ({
            reason,
            evidence: evidence.text,
            source: `${evidence.doc.replace(/^.*\//, '')} ${evidence.locator}`,
          }))}
        />
      </details>
    </Stack>
  );
}
