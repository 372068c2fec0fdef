/** Checks a finished answer without the machinery that made it: the cited text is parsed again (stored intervals are
 *  not trusted), the relation to the constraint is computed again, the answer must stand in the text, and where a
 *  store is at hand the text must be what the source holds. Imports only time/. */
import { statedSpans, verdictOf, type Signal, type TimeSpan } from '../time/index.ts';

/** "… — began 21 May 1981": the moment beside the text of an event is checked as its time. */
const CHANGE = / — (?:began|ended|from) .*$/;

/** The parts of an answer that are checked; any JSON with these fields will do. */
export interface CheckableAnswer {
  readonly question: string;
  readonly frame: { readonly kind: string };
  readonly signal: Signal;
  readonly constraint: readonly TimeSpan[];
  readonly mode: string;
  readonly answers: readonly {
    readonly label: string;
    readonly span?: TimeSpan;
    readonly support: readonly {
      readonly evidence: { readonly id: number; readonly text: string; readonly subject?: string };
      readonly spans: readonly TimeSpan[];
    }[];
  }[];
  readonly sub: readonly CheckableAnswer[];
}

export interface Finding {
  readonly question: string;
  readonly answer: string;
  readonly fault: string;
}

export interface VerifyResult {
  readonly numAnswers: number;
  readonly numFaithful: number;
  readonly findings: readonly Finding[];
}

/** @param textOf  text of evidence by id in the source, if the store is at hand
 *  @param options.onlyFirst  check the first answer alone (and the sub-questions) */
export function verifyAnswer(
  result: CheckableAnswer,
  textOf?: (id: number) => string | undefined,
  { onlyFirst = false }: { readonly onlyFirst?: boolean } = {},
): VerifyResult {
  const findings: Finding[] = [];
  let numAnswers = 0;
  let numFaithful = 0;
  for (const answer of onlyFirst ? result.answers.slice(0, 1) : result.answers) {
    numAnswers++;
    const faults = faultsOf(result, answer, textOf);
    if (faults.length === 0) numFaithful++;
    for (const fault of faults) findings.push({ question: result.question, answer: answer.label, fault });
  }
  for (const sub of result.sub) {
    const inner = verifyAnswer(sub, textOf, { onlyFirst: true });
    numAnswers += inner.numAnswers;
    numFaithful += inner.numFaithful;
    findings.push(...inner.findings);
  }
  return { numAnswers, numFaithful, findings };
}

function faultsOf(
  result: CheckableAnswer,
  answer: CheckableAnswer['answers'][number],
  textOf: ((id: number) => string | undefined) | undefined,
): string[] {
  const [first] = answer.support;
  if (!first) return ['cites no evidence'];
  const faults: string[] = [];
  for (const { evidence, spans } of answer.support) {
    const source = textOf?.(evidence.id);
    if (textOf && source !== evidence.text) faults.push(`evidence ${evidence.id} is not what the source holds`);
    if (spans.length > 0 && statedSpans(evidence.text, evidence.subject).length === 0)
      faults.push(`the text of evidence ${evidence.id} states no time`);
  }
  const stated = answer.support.flatMap((item) => statedSpans(item.evidence.text, item.evidence.subject));
  for (const span of first.spans)
    if (!stated.some((other) => touchesEnds(span, other)))
      faults.push(`the cited interval is not stated by the text of evidence ${first.evidence.id}`);
  const isComputed = ['yes-no', 'compare', 'duration', 'count'].includes(result.frame.kind);
  if (!isComputed && result.frame.kind !== 'date' && !holds(first.evidence.text, answer.label.replace(CHANGE, '')))
    faults.push('the answer does not stand in its evidence');
  if (
    result.constraint.length > 0 &&
    result.mode !== 'off' &&
    result.mode !== 'lenient' &&
    answer.label !== 'no' &&
    result.frame.kind !== 'compare'
  ) {
    const own = statedSpans(first.evidence.text, first.evidence.subject);
    const fits = own.some((span) =>
      result.constraint.some((window) => verdictOf(result.signal, span, window) !== 'impossible'),
    );
    if (!fits) faults.push('the time that the text states does not fit the condition');
  }
  return faults;
}

/** Each end of the cited interval is an end of a stated one. */
function touchesEnds(cited: TimeSpan, stated: TimeSpan): boolean {
  const sameStart = cited.openStart === true || cited.s0 === stated.s0 || cited.s0 === stated.e0;
  const sameEnd = cited.openEnd === true || cited.e1 === stated.e1 || cited.e1 === stated.s1;
  return sameStart || sameEnd;
}

function holds(text: string, label: string): boolean {
  const fold = (value: string) =>
    value
      .normalize('NFD')
      .replace(/[\u0300-\u036f]/g, '')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.join(' ') ?? '';
  return ` ${fold(text)} `.includes(` ${fold(label)} `);
}
