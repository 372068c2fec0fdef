/** What a question gets: answers with evidence and verdicts, what was removed and why, the sub-questions. */
import type { Evidence, Source } from '../store/types.ts';
import type { Signal, TimeSpan, Verdict } from '../time/index.ts';
import type { Frame } from '../understand/frame.ts';

/** strict: certain or possible; certain-only; lenient: undated kept below the dated; off: nothing removed;
 *  faith-compat: the original's integer rules. */
export type Mode = 'strict' | 'certain-only' | 'lenient' | 'off' | 'faith-compat';
export const MODES: readonly Mode[] = ['strict', 'certain-only', 'lenient', 'off', 'faith-compat'];

export interface Support {
  readonly evidence: Evidence;
  readonly spans: readonly TimeSpan[];
  readonly verdict: Verdict;
  readonly why: string;
}

export interface Answer {
  readonly label: string;
  /** Of dates: the timestamp of the first day. */
  readonly id: string;
  readonly score: number;
  readonly verdict: Verdict;
  readonly support: readonly Support[];
  /** Answers of dates. */
  readonly span?: TimeSpan;
}

export type AbstentionCode =
  | 'E_NO_ENTITY'
  | 'E_NO_EVIDENCE'
  | 'E_NONE_IN_TIME'
  | 'E_SUBQUESTION'
  | 'E_EMPTY_INTERVAL'
  | 'E_DEPTH'
  | 'E_UNDECIDED'
  | 'E_ORDINAL'
  | 'E_BAD_DATE';

export interface Pruned {
  readonly evidence: Evidence;
  readonly reason: string;
}

export interface AnswerResult {
  readonly question: string;
  readonly frame: Frame;
  /** Time that the answer must fit, after sub-questions. */
  readonly constraint: readonly TimeSpan[];
  /** Relation that the answer's evidence has to the constraint. */
  readonly signal: Signal;
  readonly answers: readonly Answer[];
  readonly sub: readonly AnswerResult[];
  readonly pruned: readonly Pruned[];
  readonly funnel: readonly { readonly stage: string; readonly bySource: Readonly<Record<Source, number>> }[];
  readonly abstained?: { readonly code: AbstentionCode; readonly message: string };
  readonly notes: readonly string[];
  readonly mode: Mode;
  readonly refDate: string;
  readonly ms: number;
}
