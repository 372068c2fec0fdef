/** What a step of answering ends in, and what it leaves in the trace. */
import type { Clause, Scored } from '../retrieve/candidates.ts';
import type { Evidence } from '../store/types.ts';
import type { Day, Signal, TimeSpan, Verdict } from '../time/index.ts';
import type { Frame } from '../understand/frame.ts';
import type { AbstentionCode, Answer, AnswerResult, Pruned } from './types.ts';

export type Outcome =
  | { readonly answers: readonly Answer[] }
  | { readonly code: AbstentionCode; readonly message: string };

export interface Trace {
  readonly sub: AnswerResult[];
  readonly pruned: Pruned[];
  readonly funnel: AnswerResult['funnel'][number][];
  readonly notes: string[];
  constraint: readonly TimeSpan[];
  signal: Signal;
  /** A time that the answer rests on is only possible. */
  isUnsure: boolean;
}

/** Time that a condition stands for. */
export interface Resolved {
  readonly spans: readonly TimeSpan[];
  /** Evidence of the constraint: it proves the time and is no answer. */
  readonly evidenceIds: ReadonlySet<number>;
  /** Subject of the facts that gave the time, if it is one: "the president after Macron" is one of France. */
  readonly subject?: string | undefined;
}

export interface Refusal {
  readonly code: AbstentionCode;
  readonly message: string;
}

/** Answers that rest on what is only possible, or on evidence that may tell of another matter, are not certain. */
export function unsureIf(isUnsure: boolean, outcome: Outcome): Outcome {
  if (!isUnsure) return outcome;
  if ('code' in outcome)
    return outcome.code === 'E_NONE_IN_TIME'
      ? { ...outcome, message: `${outcome.message} That time itself is only possible.` }
      : outcome;
  const unsure = <T extends { readonly verdict: Verdict }>(one: T): T =>
    one.verdict === 'certain' ? { ...one, verdict: 'possible' } : one;
  return { answers: outcome.answers.map((answer) => ({ ...unsure(answer), support: answer.support.map(unsure) })) };
}

/** The steps that answers of every kind share. */
export interface Asker {
  /** The day as of which the sources hold, if it is known. */
  readonly snapshot: Day | undefined;
  /** The day that "today" means, if it is known. */
  readonly today: Day | undefined;
  /** The first known name of a text, as the sources write it. */
  nameIn(text: string): string | undefined;
  isPerson(name: string): boolean;
  run(question: string, depth: number): Promise<AnswerResult>;
  clause(text: string): Promise<Clause>;
  candidates(clause: Clause): Promise<Scored[]>;
  /** Evidence of the asked kinds whose time may overlap the days. */
  inTime(lo: Day, hi: Day, limit: number): Promise<Evidence[]>;
  nothingFound(clause: Clause): Refusal;
  constraintOf(
    frame: Frame,
    main: string,
    relevant: readonly Scored[],
    depth: number,
    trace: Trace,
  ): Promise<(Resolved & { readonly signal: Signal }) | Refusal>;
}

/** Refusal of a condition that the wording suggests and no clause names. */
export function unnamedEvent(signal: Signal): Refusal {
  return {
    code: 'E_SUBQUESTION',
    message: `The wording suggests ${signal}, but no clause names the event, so nothing is certain.`,
  };
}
