/** One answer: what it is, why its time fits, what was removed, what was asked on the way. */
import { Badge, Button, DataTable, Panel, Stack, type RoomPageProps } from '@tenfold/ui';
import type { Answer, AnswerResult, TimeSpan } from '../src/types.ts';
import { dayFromCivil } from '../src/time/day-number.ts';
import { spanText } from './days.ts';
import { EvidenceCards } from './evidence-cards.tsx';
import { Funnel } from './funnel.tsx';
import { SubQuestions } from './sub-questions.tsx';
import { TimeBar, type TimeRow } from './time-bar.tsx';

const MAX_ANSWERS = 5;
/** Events are a list, not rivals. */
const MAX_EVENTS = 10;
const MAX_REMOVED_BARS = 4;
const RELATIONS: Readonly<Record<string, string>> = {
  BEFORE: 'before',
  AFTER: 'after',
  OVERLAP: 'in',
  START: 'starting in',
  FINISH: 'ending in',
};

export function AnswerView({
  page,
  result,
  db,
  onMode,
}: {
  readonly page: RoomPageProps;
  readonly result: AnswerResult;
  readonly db: string;
  readonly onMode: (mode: 'lenient' | 'off') => void;
}) {
  const [top, ...others] = result.answers;
  const rows = rowsOf(result);
  const isList = result.frame.kind === 'events';
  return (
    <Stack>
      <section className="temporal-result" aria-live="polite">
        <h2>{result.question}</h2>
        {top ? (
          <p className={isList ? 'temporal-answer is-text' : 'temporal-answer'}>
            <span>{top.label}</span> <VerdictBadge answer={top} />
          </p>
        ) : (
          <>
            <p className="temporal-answer is-none">No answer</p>
            <p>{result.abstained?.message}</p>
            {result.mode !== 'off' && result.abstained?.code === 'E_NONE_IN_TIME' && (
              <p>
                <Button size="s" onClick={() => onMode('off')}>
                  Show what would be said without the condition
                </Button>
              </p>
            )}
          </>
        )}
        <p className="temporal-note">
          {conditionOf(result)}
          {result.notes.map((note) => (
            <span key={note}>{note}</span>
          ))}
        </p>
        <TimeBar rows={rows} condition={result.constraint} refDay={refDayOf(result)} label="Time" />
      </section>
      {top && (
        <Panel
          title="Evidence"
          actions={
            <a
              className="temporal-link"
              download="answer.json"
              href={`data:application/json,${encodeURIComponent(JSON.stringify(result))}`}
            >
              Save as JSON
            </a>
          }
        >
          <EvidenceCards page={page} answer={top} db={db} />
        </Panel>
      )}
      {result.sub.length > 0 && (
        <Panel title="Asked on the way">
          <SubQuestions results={result.sub} />
        </Panel>
      )}
      {others.length > 0 && (
        <Panel title={isList ? 'The others' : 'Other answers'}>
          <ol className="temporal-others" start={2}>
            {others.slice(0, (isList ? MAX_EVENTS : MAX_ANSWERS) - 1).map((answer) => (
              <li key={answer.id}>
                {answer.label} <VerdictBadge answer={answer} />
                <span className="temporal-note"> {answer.support[0]!.why}</span>
              </li>
            ))}
          </ol>
        </Panel>
      )}
      {result.funnel.length > 0 && (
        <Panel title="From all evidence to the cited">
          <Funnel stages={result.funnel} />
        </Panel>
      )}
      {result.pruned.length > 0 && (
        <details className="temporal-removed" open={!top}>
          <summary>Removed because of its time ({result.pruned.length})</summary>
          <DataTable
            columns={[
              { key: 'reason', label: 'reason' },
              { key: 'evidence', label: 'evidence' },
              { key: 'source', label: 'source' },
            ]}
            rows={result.pruned.map(({ evidence, reason }) => ({
              reason,
              evidence: evidence.text,
              source: `${evidence.doc.replace(/^.*\//, '')}, ${evidence.locator}`,
            }))}
          />
        </details>
      )}
    </Stack>
  );
}

function VerdictBadge({ answer }: { readonly answer: Answer }) {
  return <Badge tone={answer.verdict === 'certain' ? 'good' : 'warn'}>{answer.verdict}</Badge>;
}

function conditionOf({ constraint, signal, frame }: AnswerResult): string {
  if (constraint.length === 0) return frame.kind === 'date' ? 'asked for a date' : 'no condition on time';
  return `time asked for: ${RELATIONS[signal] ?? 'in'} ${constraint.slice(0, 2).map(spanText).join(' or ')}`;
}

/** Day number of an ISO date. */
function refDayOf({ refDate }: AnswerResult): number | undefined {
  const [, year, month, day] = /^(-?\d+)-(\d+)-(\d+)$/.exec(refDate) ?? [];
  return day === undefined ? undefined : dayFromCivil(Number(year), Number(month), Number(day));
}

/** Answers first, then the nearest of what was removed, so that the picture shows why. */
function rowsOf(result: AnswerResult): TimeRow[] {
  const numShown = result.frame.kind === 'events' ? MAX_EVENTS : MAX_ANSWERS;
  const kept = result.answers.slice(0, numShown).flatMap((answer): TimeRow[] => {
    const spans = answer.span ? [answer.span] : answer.support[0]!.spans;
    if (spans.length === 0) return [];
    const tone = answer.verdict === 'certain' ? 'certain' : 'possible';
    return [{ id: `a${answer.id}`, label: answer.label, spans, tone, note: answer.support[0]!.why }];
  });
  const distance = ({ evidence }: AnswerResult['pruned'][number]) =>
    Math.min(...evidence.spans.flatMap((span) => result.constraint.map((window) => daysBetween(span, window))));
  const removed = result.pruned
    .filter(({ evidence }) => evidence.spans.length > 0)
    .toSorted((a, b) => distance(a) - distance(b))
    .slice(0, MAX_REMOVED_BARS)
    .map(({ evidence, reason }): TimeRow => ({
      id: `r${evidence.id}`,
      label: evidence.object ?? evidence.fields?.[1]?.value ?? evidence.text.replace(/^[^,]*, /, ''),
      spans: evidence.spans,
      tone: 'removed',
      note: reason,
    }));
  return [...kept, ...removed];
}

function daysBetween(a: TimeSpan, b: TimeSpan): number {
  return Math.max(0, a.s0 - b.e1, b.s0 - a.e1);
}
