/** Which of two came first, and whether one is older than the other: by asking for both times. */
import { edtfFromSpan, type TimeSpan } from '../time/index.ts';
import type { Frame } from '../understand/frame.ts';
import { BEGINNINGS } from '../understand/two-times.ts';
import type { Asker, Outcome, Refusal, Trace } from './outcome.ts';
import type { Support } from './types.ts';

interface Timed {
  readonly span: TimeSpan;
  readonly support: readonly Support[];
}

interface Option extends Timed {
  readonly label: string;
}

/** Which of two came first: both times are asked for, then compared. */
export async function compare(asker: Asker, frame: Frame, depth: number, trace: Trace): Promise<Outcome> {
  const found = await optionsOf(asker, frame, depth, trace);
  if ('code' in found) return found;
  const [a, b] = found;
  const isFirst = isEarlier(a, b);
  if (isFirst === undefined) return undecided(a, b);
  const winner = isFirst === (frame.wants === 'earlier') ? a : b;
  const support = [...winner.support, ...(winner === a ? b : a).support];
  return { answers: [{ label: winner.label, id: winner.label, score: 1, verdict: 'certain', support }] };
}

/** "Is A older than B?", "Did A happen before B?": yes or no from both times. */
export async function compareYesNo(asker: Asker, frame: Frame, depth: number, trace: Trace): Promise<Outcome> {
  const found = await optionsOf(asker, frame, depth, trace);
  if ('code' in found) return found;
  const [a, b] = found;
  const isFirst = isEarlier(a, b);
  if (isFirst === undefined) return undecided(a, b);
  const label = isFirst === (frame.wants === 'earlier') ? 'yes' : 'no';
  const why = `${edtfFromSpan(a.span)} is ${isFirst ? 'before' : 'after'} ${edtfFromSpan(b.span)}`;
  const support = [...a.support, ...b.support].map((one, index) => (index === 0 ? { ...one, why } : one));
  return { answers: [{ label, id: label, score: 1, verdict: 'certain', support }] };
}

/** When a person was born, or what is no person came into being. */
export async function bornTime(asker: Asker, name: string, depth: number, trace: Trace): Promise<Timed | undefined> {
  const ways = asker.isPerson(name) ? BEGINNINGS.slice(0, 1) : BEGINNINGS;
  for (const way of ways) {
    const sub = await asker.run(`When was ${name} ${way}?`, depth + 1);
    const top =
      sub.answers.find((answer) => answer.verdict === 'certain') ?? (way === ways.at(-1) ? sub.answers[0] : undefined);
    if (top || way === ways.at(-1)) trace.sub.push(sub);
    if (top?.verdict === 'possible') trace.isUnsure = true;
    if (top) return { span: top.span!, support: top.support };
  }
  return undefined;
}

async function optionsOf(
  asker: Asker,
  frame: Frame,
  depth: number,
  trace: Trace,
): Promise<readonly [Option, Option] | Refusal> {
  const found: Option[] = [];
  for (const option of frame.options!) {
    const time =
      frame.main === 'born'
        ? await bornTime(asker, option, depth, trace)
        : await timeOf(asker, `When ${option} ${frame.main || 'happened'} start date?`, depth, trace);
    if (!time)
      return {
        code: 'E_SUBQUESTION',
        message: `The time of “${frame.main === 'born' ? `${option} born` : option}” was not found, so the two cannot be compared.`,
      };
    found.push({ label: option.replace(/^(?:the|a|an) /i, ''), ...time });
  }
  return found as [Option, Option];
}

async function timeOf(asker: Asker, question: string, depth: number, trace: Trace): Promise<Timed | undefined> {
  const sub = await asker.run(question, depth + 1);
  trace.sub.push(sub);
  const [top] = sub.answers;
  if (top?.verdict === 'possible') trace.isUnsure = true;
  return top && { span: top.span!, support: top.support };
}

/** undefined where the bounds leave it open */
function isEarlier(a: Option, b: Option): boolean | undefined {
  return a.span.s1 < b.span.s0 ? true : b.span.s1 < a.span.s0 ? false : undefined;
}

function undecided(a: Option, b: Option): Refusal {
  return {
    code: 'E_UNDECIDED',
    message: `The stated times, ${edtfFromSpan(a.span)} and ${edtfFromSpan(b.span)}, do not say which came first.`,
  };
}
