/** The talk: questions and answers above each other; every switch asks the last question again. */
import {
  Button,
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
import { AnswerView } from './answer-view.tsx';

const EXAMPLES = [
  'Who was president of France when Apollo 11 landed on the Moon?',
  'Which club did Zinedine Zidane play for before Juventus?',
  'Who was the third chancellor of Germany?',
  'Was Bonn the capital of Germany in 2005?',
  'How long was it between the sinking of the Titanic and the fall of the Berlin Wall?',
  'What happened in July 1969?',
  'Which comet did the Hubble Space Telescope observe in 1950?',
];
const MODES: readonly { readonly value: Mode; readonly label: string }[] = [
  { value: 'strict', label: 'Strict: fits or may fit' },
  { value: 'certain-only', label: 'Certain: surely fits' },
  { value: 'lenient', label: 'Lenient: undated kept below' },
  { value: 'off', label: 'Off: nothing is removed' },
  { value: 'faith-compat', label: 'Integer rules of the paper' },
];

interface Turn {
  readonly question: string;
  readonly answer: string;
}

export function AskView({ page }: { readonly page: RoomPageProps }) {
  const [typed, setTyped] = useAddressState<string>('q', '');
  const [isTyped, setIsTyped] = useState(typed !== '');
  const [mode, setMode] = useAddressState<Mode>('mode', 'strict');
  const [asOf, setAsOf] = useAddressState<string>('asOf', '');
  const [sources, setSources] = useAddressState<string>('sources', '');
  const [db, setDb] = useAddressState<string>('db', '');
  const [ranker, setRanker] = useAddressState<string>('ranker', 'log-linear');
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const run = useVerbRun<AnswerResult>(page, 'ask');
  const tour = useVerbRun(page, 'tour', { addressKey: 'tour', showLatest: false });
  const shown = run.run?.result;
  // until something is typed, the box holds the question whose answer stands below: controls ask it again
  const question = isTyped ? typed : (shown?.question ?? EXAMPLES[0]!);
  const setQuestion = (next: string) => {
    setIsTyped(true);
    setTyped(next);
  };

  const askWith = (changed: Readonly<Record<string, string>>) =>
    void run.start({ question, mode, asOf, sources, db, ranker, ...changed });
  /** The shown answer becomes an earlier turn. */
  const keepShown = (next: string): readonly Turn[] => {
    const last = shown && shown.question !== next ? [turnOf(shown)] : [];
    const talk = [...turns.filter((turn) => turn.question !== shown?.question && turn.question !== next), ...last];
    setTurns(talk);
    return talk;
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const talk = keepShown(question);
    const isFollowUp = /^(?:and|what about|how about)\b|\b(?:he|she|they|him|her|his|it|its|their)\b/i.test(question);
    const after = talk.flatMap((turn) => [turn.question, turn.answer]).filter(Boolean);
    askWith({ after: isFollowUp ? after.join('|') : '' });
  };
  const ask = (next: string) => {
    keepShown(next);
    setQuestion(next);
    askWith({ question: next, after: '' });
  };

  return (
    <WithControls
      controls={
        <div className="temporal-controls temporal-settings">
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
            placeholder="1990-01-01"
            onChange={setAsOf}
            onBlur={() => shown && asOf !== '' && askWith({ asOf })}
            help="For questions that name no time."
          />
          <SelectField
            label="Ranking"
            value={ranker}
            options={[
              { value: 'log-linear', label: 'log-linear' },
              { value: 'graph-network', label: 'graph network' },
            ]}
            onChange={(value) => {
              setRanker(value);
              askWith({ ranker: value });
            }}
          />
          <TextField
            label="Evidence"
            value={db}
            placeholder="the shipped corpus"
            onChange={setDb}
            help="A file or postgres:// address; fill one under Sources."
          />
          <SampleRunButton run={tour} params={{}}>
            Answer all shipped questions
          </SampleRunButton>
        </div>
      }
    >
      <Stack>
        {turns.length > 0 && (
          <ol className="temporal-talk" aria-label="Earlier in this talk">
            {turns.map((turn) => (
              <li key={turn.question}>
                <button type="button" className="temporal-link" onClick={() => ask(turn.question)}>
                  {turn.question}
                </button>
                <span>{turn.answer || 'no answer'}</span>
              </li>
            ))}
          </ol>
        )}
        <form className="temporal-ask" onSubmit={submit}>
          <TextField
            label="Question"
            value={question}
            onChange={setQuestion}
            help="Go on with “And before him?” or “What about 1990?”."
          />
          <Button variant="primary" type="submit" busy={run.isActive}>
            Ask
          </Button>
        </form>
        <ul className="temporal-examples" aria-label="Examples">
          {EXAMPLES.map((example) => (
            <li key={example}>
              <button type="button" onClick={() => ask(example)}>
                {example}
              </button>
            </li>
          ))}
        </ul>
        <RunResult
          page={page}
          run={run}
          empty="Press Ask, or one of the examples: the answer, its evidence on a time bar and what was removed appear here."
        >
          {(done) => (
            <AnswerView
              page={page}
              result={done.result!}
              db={db}
              onMode={(value) => {
                setMode(value);
                askWith({ mode: value });
              }}
            />
          )}
        </RunResult>
        {tour.run && <RunResult page={page} run={tour} empty="" />}
      </Stack>
    </WithControls>
  );
}

function turnOf(result: AnswerResult): Turn {
  return { question: result.question, answer: result.answers[0]?.label ?? '' };
}
