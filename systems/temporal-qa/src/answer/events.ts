/** What happened in a time: the evidence of events that lie in it, and of states that began or ended in it. What held
 *  all the while did not happen then; it is counted, not listed. */
import {
  bestVerdict,
  boundsText,
  DAY_MAX,
  DAY_MIN,
  eventSpan,
  type Signal,
  type TimeSpan,
  type Verdict,
} from '../time/index.ts';
import type { Scored } from '../retrieve/candidates.ts';
import type { Evidence } from '../store/types.ts';
import type { Frame } from '../understand/frame.ts';
import { wordsOf } from '../understand/words.ts';
import { funnelOf } from './funnel.ts';
import type { Asker, Outcome, Trace } from './outcome.ts';
import { reasonOf } from './prune.ts';
import type { Answer, Mode } from './types.ts';

/** Evidence of one time that is looked at. */
const MAX_IN_TIME = 5000;
/** Least share of the names' information that evidence must hold. */
const NAME_COVERAGE = 0.75;
/** Time in the text of a fact, which stands beside the label. */
const FACT_TIME = /, (?:point in time|start time|end time), .*$/;

/** One moment of a piece of evidence. */
interface Happening {
  readonly evidence: Evidence;
  readonly moment: TimeSpan;
  /** `lasted`: it began and ended in the time that is asked for. */
  readonly change: '' | 'began' | 'ended' | 'lasted';
  readonly verdict: Verdict;
}

export async function eventsOf(asker: Asker, frame: Frame, depth: number, trace: Trace, mode: Mode): Promise<Outcome> {
  const hasTime = frame.windows.length > 0 || frame.clause !== undefined || frame.anchor !== undefined;
  const hasName = wordsOf(frame.main).length > 0;
  if (!hasTime && !hasName)
    return { code: 'E_UNDECIDED', message: 'The question names neither a time with its year nor a thing.' };
  const constraint = hasTime ? await asker.constraintOf(frame, frame.main, [], depth, trace) : undefined;
  if (constraint && 'code' in constraint) return constraint;
  const signal: Signal = constraint === undefined ? 'NONE' : constraint.signal;
  const windows = constraint?.spans ?? [];
  trace.constraint = windows;
  trace.signal = signal;
  let found: readonly Scored[] | readonly { readonly evidence: Evidence }[];
  if (hasName) {
    const clause = await asker.clause(frame.main);
    const scored = await asker.candidates(clause);
    found = scored.filter((item) => item.coverage >= NAME_COVERAGE);
    if (found.length === 0) return asker.nothingFound(clause);
  } else {
    const [lo, hi] = reachOf(signal, windows);
    found = (await asker.inTime(lo, hi, MAX_IN_TIME)).map((evidence) => ({ evidence }));
    if (found.length === MAX_IN_TIME)
      trace.notes.push(`More is dated so than is looked at; the latest ${MAX_IN_TIME} pieces of evidence were.`);
  }
  trace.funnel.push(funnelOf('found', found));
  const proof = constraint?.evidenceIds ?? new Set<number>();
  const happenings = found
    .filter(({ evidence }) => !proof.has(evidence.id))
    .flatMap(({ evidence }) => happeningsOf(evidence, signal, windows, mode));
  trace.funnel.push(funnelOf('in time', happenings));
  if (happenings.length === 0)
    return found.some(({ evidence }) => evidence.spans.length > 0)
      ? { code: 'E_NONE_IN_TIME', message: noneText(found.length, hasName) }
      : { code: 'E_NONE_IN_TIME', message: 'No evidence has a time there.' };
  const answers = inOrder(happenings, signal).map(answerOf(signal, windows));
  const numHeld = new Set(found.map(({ evidence }) => evidence.id)).size - new Set(answers.map(({ id }) => id)).size;
  trace.notes.push(
    `${answers.length} ${answers.length === 1 ? 'event' : 'events'} in time${!hasName && numHeld > 0 ? `; ${piecesOf(numHeld, true)} of what held meanwhile` : ''}.`,
  );
  return { answers };
}

function noneText(numFound: number, hasName: boolean): string {
  return hasName
    ? `Evidence about this exists (${numFound}), but none of it tells of an event in that time.`
    : `Nothing is known to have happened, begun or ended in that time; ${piecesOf(numFound)} of what held.`;
}

function piecesOf(count: number, isMore = false): string {
  return `${count}${isMore ? ' more' : ''} ${count === 1 ? 'piece of evidence speaks' : 'pieces of evidence speak'}`;
}

/** Days that may hold an answer. */
function reachOf(signal: Signal, windows: readonly TimeSpan[]): readonly [number, number] {
  const lo = Math.min(...windows.map((window) => window.s0));
  const hi = Math.max(...windows.map((window) => window.e1));
  if (signal === 'BEFORE') return [DAY_MIN, hi];
  return signal === 'AFTER' ? [lo, DAY_MAX] : [lo, hi];
}

function happeningsOf(evidence: Evidence, signal: Signal, windows: readonly TimeSpan[], mode: Mode): Happening[] {
  return evidence.spans.flatMap((span) => {
    const kept = momentsOf(span).flatMap(({ moment, change }): Happening[] => {
      const verdict = windows.length === 0 ? 'certain' : bestVerdict(signal, [moment], windows);
      const isKept = verdict === 'certain' || (verdict === 'possible' && mode !== 'certain-only');
      return isKept ? [{ evidence, moment, change, verdict }] : [];
    });
    const [begin, end] = kept;
    const isWhole = begin !== undefined && end !== undefined && begin.verdict === end.verdict;
    return isWhole ? [{ ...begin, moment: span, change: 'lasted' }] : kept;
  });
}

function momentsOf(span: TimeSpan): readonly { readonly moment: TimeSpan; readonly change: Happening['change'] }[] {
  // "before 2010" is no time that something happened in
  if (span.kind === 'event') return span.openStart || span.openEnd ? [] : [{ moment: span, change: '' }];
  return [
    ...(span.openStart || span.s0 <= DAY_MIN
      ? []
      : [{ moment: eventSpan({ lo: span.s0, hi: span.s1, gran: span.gran }), change: 'began' as const }]),
    ...(span.openEnd || span.e1 >= DAY_MAX
      ? []
      : [{ moment: eventSpan({ lo: span.e0, hi: span.e1, gran: span.gran }), change: 'ended' as const }]),
  ];
}

/** What surely lies in time first; then by time, backwards from a "before"; the more exact first. */
function inOrder(happenings: readonly Happening[], signal: Signal): Happening[] {
  const direction = signal === 'BEFORE' ? -1 : 1;
  const width = ({ moment }: Happening) => moment.e1 - moment.s0;
  return happenings.toSorted(
    (a, b) =>
      Number(b.verdict === 'certain') - Number(a.verdict === 'certain') ||
      direction * (a.moment.s0 - b.moment.s0) ||
      width(a) - width(b) ||
      a.evidence.id - b.evidence.id,
  );
}

function answerOf(signal: Signal, windows: readonly TimeSpan[]) {
  return ({ evidence, moment, change, verdict }: Happening): Answer => {
    const text = evidence.source === 'kb' ? evidence.text.replace(FACT_TIME, '') : evidence.text;
    return {
      label: change === '' ? text : `${text} — ${changeText(change, moment)}`,
      id: `${evidence.id}${change}`,
      score: 1,
      verdict,
      support: [
        {
          evidence,
          spans: evidence.spans,
          verdict,
          why: reasonOf([moment], verdict, signal, windows),
        },
      ],
      span: moment,
    };
  };
}

function changeText(change: 'began' | 'ended' | 'lasted', moment: TimeSpan): string {
  if (change !== 'lasted') return `${change} ${boundsText(moment.s0, moment.e1)}`;
  return `from ${boundsText(moment.s0, moment.s1)} to ${boundsText(moment.e0, moment.e1)}`;
}
