/** Which of two came first: by asking for both times. */
import type { TimeSpan } from '../time/index.ts';
import type { Frame } from '../understand/frame.ts';
import type { Asker, Outcome, Trace } from './outcome.ts';
import type { Support } from './types.ts';

/** Which of two came first: both times are asked for, then compared. */
export async function compare(asker: Asker, frame: Frame, depth: number, trace: Trace): Promise<Outcome> {
  const found: { label: string; span: TimeSpan; support: readonly Support[] }[] = [];
  for (const option of frame.options!) {
    const sub = await asker.run(`When ${option} ${frame.main || 'happened'} start date?`, depth + 1);
    trace.sub.push(sub);
    const [top] = sub.answers;
    if (!top)
      return {
        code: 'E_SUBQUESTION',
        message: `The time of “${option}” was not found, so the two cannot be compared.`,
      };
    found.push({ label: option.replace(/^(?:the|a|an) /i, ''), span: top.span!, support: top.support });
  }
  const [a, b] = found as [(typeof found)[0], (typeof found)[0]];
  const isFirst = a.span.s1 < b.span.s0 ? true : b.span.s1 < a.span.s0 ? false : undefined;
  if (isFirst === undefined) return { code: 'E_UNDECIDED', message: 'The stated times do not say which came first.' };
  const winner = isFirst === (frame.wants === 'earlier') ? a : b;
  return {
    answers: [
      {
        label: winner.label,
        id: winner.label,
        score: 1,
        verdict: 'certain',
        support: [...winner.support, ...(winner === a ? b : a).support],
      },
    ],
  };
}
