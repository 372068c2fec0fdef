/** Answers a question: frame → constraint (by sub-questions where an event sets the time) → candidates → hard
 *  pruning → ranking → answers with evidence, or an abstention that says why. */
import { eventSpan, impossibleDates, isoFromDay, parseDate, type Day, type Signal } from '../time/index.ts';
import type { Evidence, EvidenceStore, Source } from '../store/types.ts';
import { temporalError } from '../temporal-errors.ts';
import { candidatesFor, clauseOf, type Clause, type Scored } from '../retrieve/candidates.ts';
import { Linker } from '../retrieve/linker.ts';
import { nearInMeaning, type VectorConfig } from '../retrieve/vectors.ts';
import { frameOf, type Frame } from '../understand/frame.ts';
import { frameWithLlm, type LlmConfig } from '../understand/llm.ts';
import { nameKey, STOP_WORDS, stemOf, wordsOf } from '../understand/words.ts';
import { anchored } from './anchored.ts';
import { withCountries, withoutSoftWords, withoutType } from './clause-names.ts';
import { compare, compareYesNo } from './compare.ts';
import { countOf, datesOf, durationOf } from './computed.ts';
import { graphOf, type EvidenceGraph, type RankInput } from './evidence-graph.ts';
import { conflictsOf } from './conflicts.ts';
import { eventsOf } from './events.ts';
import { funnelOf } from './funnel.ts';
import { gapBetween } from './gap.ts';
import {
  unnamedEvent,
  unsureIf,
  type Asker,
  type Outcome,
  type Refusal,
  type Resolved,
  type Trace,
} from './outcome.ts';
import { thatSay, weighedByWords } from './must-say.ts';
import { pickOrdinal } from './pick-ordinal.ts';
import { prune } from './prune.ts';
import { rankAnswers } from './rank.ts';
import { POSSESSIVE, PRONOUN, resolveClause } from './resolve-clause.ts';
import { asksFromToday, bestCoverage, dayOf, nearestReason } from './scope.ts';
import type { AnswerResult, Mode } from './types.ts';
import { PERSON_TYPES } from './slots.ts';
import { statedNumber } from './stated-number.ts';
import { yesNo } from './yes-no.ts';

export interface AskOptions {
  readonly mode?: Mode;
  /** Today, for "current" and "last year", ISO. */
  readonly refDate?: string;
  /** Answers as of this date where the question names none, ISO. */
  readonly asOf?: string;
  readonly sources?: readonly Source[];
  /** Answers kept, default 10. */
  readonly limit?: number;
  /** Least share of the question's information that evidence must hold, 0..1. */
  readonly minCoverage?: number;
  /** Vectors for evidence in other words. */
  readonly vectors?: VectorConfig;
  /** A language model that may cut the question; it never filters and never answers. */
  readonly llm?: LlmConfig;
  /** Scores the candidates instead of the log-linear model. */
  readonly ranker?: Ranker;
  /** Sees what is ranked: for training. */
  readonly onGraph?: (graph: EvidenceGraph, input: RankInput, depth: number) => void;
}

export interface Ranker {
  /** @returns one score a candidate; undefined leaves the order to the log-linear model */
  score(graph: EvidenceGraph, input: RankInput): Promise<ArrayLike<number> | undefined>;
}

export interface QaContext {
  readonly store: EvidenceStore;
  readonly linker: Linker;
  readonly numEvidence: number;
  readonly clock: { nowMs(): number };
  /** Reference date where a question gives none: the snapshot of the sources. */
  readonly snapshot: string | undefined;
}

const MAX_QUESTION_LENGTH = 2000;
const MAX_DEPTH = 3;
const MAX_SUB_QUESTIONS = 12;
const DEFAULT_MIN_COVERAGE = 0.55;
/** Evidence within this share of the best coverage is about the same thing. */
const RELEVANT_SHARE = 0.82;
const MAX_PRUNED_SHOWN = 50;

export async function openQa(store: EvidenceStore, clock: { nowMs(): number }): Promise<QaContext> {
  const numEvidence = await store.count();
  if (numEvidence === 0)
    throw temporalError('TF-TEMPORAL-005', {
      subject: 'openQa',
      expected: 'at least one piece of evidence',
      actual: 'none',
      hints: ['Fill the file with `tenfold temporal-qa ingest <files>`.'],
    });
  const linker = new Linker(await store.names());
  return { store, linker, numEvidence, clock, snapshot: await store.meta('snapshot') };
}

export async function ask(context: QaContext, question: string, options: AskOptions = {}): Promise<AnswerResult> {
  const length = question.trim().length;
  if (length === 0 || length > MAX_QUESTION_LENGTH)
    throw temporalError('TF-TEMPORAL-002', {
      subject: 'ask',
      expected: `a question of 1 to ${MAX_QUESTION_LENGTH} characters`,
      actual: `${length}`,
    });
  return new Asking(context, options).run(question, 0);
}

class Asking implements Asker {
  readonly #context: QaContext;
  readonly #options: AskOptions;
  readonly #mode: Mode;
  /** Today; undefined where nobody said what today is. */
  readonly #ref: Day | undefined;
  readonly snapshot: Day | undefined;
  readonly #visited = new Set<string>();
  #numSubQuestions = 0;

  constructor(context: QaContext, options: AskOptions) {
    this.#context = context;
    this.#options = options;
    this.#mode = options.mode ?? 'strict';
    const today = options.refDate ?? context.snapshot;
    this.#ref = today === undefined ? undefined : dayOf(today, 'reference');
    this.snapshot = context.snapshot === undefined ? undefined : dayOf(context.snapshot, 'reference');
    if (options.asOf !== undefined) dayOf(options.asOf, 'as-of');
  }

  async run(question: string, depth: number): Promise<AnswerResult> {
    const started = this.#context.clock.nowMs();
    const { llm } = this.#options;
    const frame = llm && depth === 0 ? await frameWithLlm(question, this.#ref, llm) : frameOf(question, this.#ref);
    const trace: Trace = {
      sub: [],
      pruned: [],
      funnel: [],
      notes: [...frame.issues],
      constraint: [],
      signal: frame.signal,
      isUnsure: false,
    };
    const found = await this.#answer(frame, depth, trace);
    const outcome = unsureIf(trace.isUnsure, found);
    return {
      question,
      frame,
      constraint: trace.constraint,
      signal: trace.signal,
      answers: 'code' in outcome ? [] : outcome.answers.slice(0, this.#options.limit ?? 10),
      sub: trace.sub,
      pruned: trace.pruned.slice(0, MAX_PRUNED_SHOWN),
      funnel: trace.funnel,
      ...('code' in outcome ? { abstained: { code: outcome.code, message: outcome.message } } : {}),
      notes: trace.notes,
      mode: this.#mode,
      refDate: this.#ref === undefined ? '' : isoFromDay(this.#ref),
      ms: this.#context.clock.nowMs() - started,
    };
  }

  async #answer(frame: Frame, depth: number, trace: Trace): Promise<Outcome> {
    const [impossible] = impossibleDates(frame.question);
    if (impossible !== undefined)
      return { code: 'E_BAD_DATE', message: `“${impossible}” is no day of the calendar, so nothing can lie in it.` };
    if (this.#ref === undefined && asksFromToday(frame, this.#options.asOf))
      return {
        code: 'E_UNDECIDED',
        message:
          'The question is asked from today, and nothing says which day that is. Give --ref-date, or --snapshot to ingest.',
      };
    if (frame.kind === 'count' && /\bhow (?:many times|often)\b/i.test(frame.question))
      return { code: 'E_UNDECIDED', message: 'How often something happened is not counted; ask for the dates.' };
    if (frame.kind === 'compare') return compare(this, frame, depth, trace);
    if (frame.gap) return gapBetween(this, frame, depth, trace);
    if (frame.options) return compareYesNo(this, frame, depth, trace);
    if (frame.kind === 'yes-no') return yesNo(this, frame, depth, trace);
    if (frame.kind === 'events') return eventsOf(this, frame, depth, trace, this.#mode);
    const main = this.#withNames(frame);
    const minCoverage = this.#options.minCoverage ?? DEFAULT_MIN_COVERAGE;
    let clause = await this.clause(withoutType(main, frame));
    let scored = await this.candidates(clause);
    if (bestCoverage(scored) < minCoverage) {
      const soft = withoutSoftWords(clause.text);
      if (soft !== undefined) {
        clause = await this.clause(soft);
        scored = await this.candidates(clause);
      }
    }
    trace.funnel.push(funnelOf('found', scored));
    if (bestCoverage(scored) < minCoverage && this.#options.vectors)
      scored = await this.#byMeaning(clause, scored, this.#options.vectors, trace);
    const best = bestCoverage(scored);
    if (best < minCoverage) return this.nothingFound(clause);
    const near = scored.filter((item) => item.coverage >= Math.max(minCoverage, best * RELEVANT_SHARE));
    const saying = thatSay(clause, frame.kind, near);
    if ('code' in saying) return saying;
    const { items: relevant, unsaid } = saying;
    if (unsaid.length > 0) {
      const note = `The evidence names this, but none of it says “${unsaid.join(' … ')}”`;
      if (this.#mode === 'certain-only') return { code: 'E_NO_EVIDENCE', message: `${note}, so nothing is certain.` };
      trace.notes.push(`${note}: it may tell of another matter.`);
    }
    trace.funnel.push(funnelOf('about the question', relevant));

    const constraint = await this.constraintOf(frame, main, relevant, depth, trace);
    if ('code' in constraint) return constraint;
    trace.constraint = constraint.spans;
    let { signal } = constraint;
    trace.signal = signal;
    const isOther = ({ evidence }: Scored) =>
      constraint.subject !== undefined && evidence.source === 'kb' && evidence.subject !== constraint.subject;
    const free = relevant.filter(
      (item) => (!constraint.evidenceIds.has(item.evidence.id) || frame.kind === 'date') && !isOther(item),
    );
    const first = prune(free, signal, constraint.spans, this.#mode);
    // a date beside the clause is a condition of its own
    const second = prune(first.kept, frame.also?.signal ?? 'NONE', frame.also?.windows ?? [], this.#mode);
    const kept = frame.also ? second.kept : first.kept;
    const pruned = frame.also ? [...first.pruned, ...second.pruned] : first.pruned;
    trace.pruned.push(...pruned);
    trace.funnel.push(funnelOf('in time', kept));
    if (kept.length === 0)
      return {
        code: 'E_NONE_IN_TIME',
        message: `Evidence about this exists (${free.length}), but none of it fits the time. Nearest: ${nearestReason(free, pruned, constraint.spans)}.`,
      };
    if (frame.kind === 'date') {
      const dates = datesOf(kept, frame, clause, pruned);
      if ('code' in dates) return dates;
      return unsaid.length > 0
        ? unsureIf(true, dates)
        : weighedByWords(dates.answers, clause, { frame, mode: this.#mode, trace });
    }
    if (frame.kind === 'duration') return unsureIf(unsaid.length > 0, durationOf(kept, frame));
    const stated = frame.kind === 'count' ? statedNumber(kept, frame) : undefined;
    if (stated) return { answers: [stated] };
    const questionStems = new Set(
      wordsOf(frame.question)
        .filter((word) => !STOP_WORDS.has(word))
        .map(stemOf),
    );
    if (frame.ordinal !== undefined) {
      const picked = pickOrdinal(kept, frame, questionStems, this.#context.linker);
      if (picked.kind === 'none') return { code: 'E_ORDINAL', message: picked.message };
      trace.notes.push(picked.note);
      return { answers: [picked.answer] };
    }
    if (signal === 'NONE' || signal === 'ORDINAL') signal = 'OVERLAP';
    const input = { frame, signal, constraint: constraint.spans, questionStems, linker: this.#context.linker };
    const graph = graphOf(kept, input);
    this.#options.onGraph?.(graph, input, depth);
    const ranked = rankAnswers(graph, input, await this.#options.ranker?.score(graph, input));
    if (ranked.length === 0)
      return {
        code: 'E_NO_EVIDENCE',
        message: 'The evidence in time names nothing that the question does not name itself.',
      };
    const said = weighedByWords(ranked, clause, { frame, mode: this.#mode, trace });
    if ('code' in said) return said;
    const { answers } = said;
    trace.notes.push(...conflictsOf(answers[0]!));
    trace.funnel.push(
      funnelOf(
        'cited',
        answers[0]!.support.map((item) => ({ evidence: item.evidence })),
      ),
    );
    if (frame.kind === 'count') return countOf(answers, kept);
    return { answers };
  }

  get today(): Day | undefined {
    return this.#ref;
  }

  nameIn(text: string): string | undefined {
    return this.#context.linker.mentionsIn(text)[0]?.labels[0];
  }

  isPerson(name: string): boolean {
    return PERSON_TYPES.test(this.#context.linker.typeOf(name) ?? '');
  }

  clause(text: string): Promise<Clause> {
    return clauseOf(
      withCountries(text, this.#context.linker),
      this.#context.store,
      this.#context.linker,
      this.#context.numEvidence,
    );
  }

  candidates(clause: Clause): Promise<Scored[]> {
    return candidatesFor(clause, this.#context.store, { sources: this.#options.sources });
  }

  async inTime(lo: Day, hi: Day, limit: number): Promise<Evidence[]> {
    const { store } = this.#context;
    const all = await store.get(await store.withTime(lo, hi, limit));
    const { sources } = this.#options;
    return all.filter(({ source, rank }) => rank !== 'deprecated' && (sources?.includes(source) ?? true));
  }

  /** Candidates in other words; without a usable endpoint those that words found. */
  async #byMeaning(clause: Clause, scored: Scored[], vectors: VectorConfig, trace: Trace): Promise<Scored[]> {
    try {
      const near = await nearInMeaning(clause, scored, vectors);
      if (near.length > 0) trace.notes.push('Words did not match; vectors found evidence in other words.');
      return near.length > 0 ? near : scored;
    } catch (error) {
      trace.notes.push(error instanceof Error ? error.message : 'The vectors failed.');
      return scored;
    }
  }

  nothingFound(clause: Clause): Refusal {
    const near = this.#context.linker.nearest(clause.text);
    const hint = near.length > 0 ? ` Known names near it: ${near.join(', ')}.` : '';
    if (clause.unknown.length > 0 || clause.mentions.length === 0)
      return {
        code: 'E_NO_ENTITY',
        message: `${clause.unknown.length > 0 ? `Nothing is known of “${clause.unknown.join(' ')}”.` : 'The question names nothing that the sources know.'}${hint}`,
      };
    return { code: 'E_NO_EVIDENCE', message: `No evidence says enough of what is asked.${hint}` };
  }

  /** The main clause with pronouns replaced by the name in the constraint clause. */
  #withNames(frame: Frame): string {
    if (frame.clause === undefined || !(PRONOUN.test(frame.main) || POSSESSIVE.test(frame.main))) return frame.main;
    if (this.#context.linker.mentionsIn(frame.main).length > 0) return frame.main;
    const name = this.#context.linker.mentionsIn(frame.clause)[0]?.labels[0];
    return name ? frame.main.replace(PRONOUN, name).replace(POSSESSIVE, name) : frame.main;
  }

  async constraintOf(
    frame: Frame,
    main: string,
    relevant: readonly Scored[],
    depth: number,
    trace: Trace,
  ): Promise<(Resolved & { signal: Signal }) | Refusal> {
    const none = new Set<number>();
    if (frame.windows.length > 0) {
      const empty = frame.windows.find((window) => window.e1 < window.s0);
      if (empty)
        return { code: 'E_EMPTY_INTERVAL', message: 'The question asks for a time that ends before it begins.' };
      return { spans: frame.windows, evidenceIds: none, signal: frame.signal };
    }
    if (frame.anchor) {
      const ref = this.#options.asOf === undefined ? this.#ref! : dayOf(this.#options.asOf, 'as-of');
      return anchored(frame.anchor, ref, relevant, trace);
    }
    if (frame.clause !== undefined) {
      const resolved = await resolveClause(
        this,
        this.#context.linker,
        { text: frame.clause, main, kind: frame.kind, relevant },
        depth,
        trace,
        (question) => this.#mayAsk(question, depth, trace),
      );
      if (resolved) return { ...resolved, signal: frame.signal };
      const last = trace.sub.at(-1);
      if (this.#mode === 'strict' || this.#mode === 'certain-only' || this.#mode === 'faith-compat')
        return {
          code: last?.abstained?.code === 'E_DEPTH' ? 'E_DEPTH' : 'E_SUBQUESTION',
          message: `The time of “${frame.clause}” was not found, so nothing can be checked against it.`,
        };
      trace.notes.push(`The time of “${frame.clause}” was not found; nothing was removed.`);
      return { spans: [], evidenceIds: none, signal: 'NONE' };
    }
    const isUnnamed = frame.decidedBy === 'classifier';
    if (isUnnamed && this.#mode === 'certain-only') return unnamedEvent(frame.signal);
    if (this.#options.asOf !== undefined && frame.kind === 'entity' && frame.ordinal === undefined) {
      const day = parseDate(this.#options.asOf)!;
      return {
        spans: [{ ...eventSpan(day), s1: day.lo, e0: day.hi, kind: 'state' }],
        evidenceIds: none,
        signal: 'OVERLAP',
      };
    }
    // a condition without a clause leaves nothing to check against; the note says so
    const unbound = frame.ordinal === undefined ? 'NONE' : 'ORDINAL';
    return { spans: [], evidenceIds: none, signal: isUnnamed ? unbound : frame.signal };
  }

  #mayAsk(question: string, depth: number, trace: Trace): boolean {
    const key = nameKey(question);
    if (depth + 1 > MAX_DEPTH || this.#visited.has(key) || ++this.#numSubQuestions > MAX_SUB_QUESTIONS) {
      trace.notes.push(
        `“${question}” was not asked: the limit of ${MAX_DEPTH} levels or ${MAX_SUB_QUESTIONS} sub-questions is reached.`,
      );
      return false;
    }
    this.#visited.add(key);
    return true;
  }
}
