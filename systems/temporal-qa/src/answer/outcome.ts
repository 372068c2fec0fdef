/** What a step of answering ends in, and what it leaves in the trace. */
import type { Clause, Scored } from '../retrieve/candidates.ts';
import type { Day, Signal, TimeSpan } from '../time/index.ts';
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

/** The steps that answers of every kind share. */
export interface Asker {
  /** The day as of which the sources hold, if it is known. */
  readonly snapshot: Day | undefined;
  run(question: string, depth: number): Promise<AnswerResult>;
  clause(text: string): Promise<Clause>;
  candidates(clause: Clause): Promise<Scored[]>;
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
