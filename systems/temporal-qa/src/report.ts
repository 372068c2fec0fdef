/** Answers and scores as report blocks. */
import type { Block, Report, TimelineBlock } from '@tenfold/core/report';
import { DAY_MAX, DAY_MIN, isoFromDay, type TimeSpan } from './time/index.ts';
import type { AnswerResult } from './answer/types.ts';
import { boundText, timeText } from './answer/prune.ts';
import type { ScoreResult } from './eval/score.ts';

const MS_PER_DAY = 86_400_000;
const SHOWN_ANSWERS = 5;
const SHOWN_PRUNED = 12;
/** Open ends are drawn this many days past the last stated date. */
const OPEN_DAYS = 1500;

export function reportAnswer(result: AnswerResult): Report {
  const [top] = result.answers;
  const blocks: Block[] = [];
  if (result.abstained)
    blocks.push({
      kind: 'callout',
      tone: 'warn',
      title: `No answer (${result.abstained.code})`,
      text: result.abstained.message,
    });
  if (top) {
    blocks.push({
      kind: 'table',
      caption: 'Answers',
      columns: [
        { key: 'answer', label: 'answer' },
        { key: 'verdict', label: 'time' },
        { key: 'why', label: 'why' },
        { key: 'evidence', label: 'evidence' },
        { key: 'source', label: 'source' },
      ],
      rows: result.answers.slice(0, SHOWN_ANSWERS).map((answer) => ({
        answer: answer.label,
        verdict: answer.verdict,
        why: answer.support[0]!.why,
        evidence: answer.support[0]!.evidence.text,
        source: `${answer.support[0]!.evidence.source}, ${answer.support[0]!.evidence.doc.replace(/^.*\//, '')} ${answer.support[0]!.evidence.locator}`,
      })),
    });
  }
  const bar = timeBar(result);
  if (bar) blocks.push(bar);
  if (result.pruned.length > 0)
    blocks.push({
      kind: 'table',
      caption: `Removed because of its time (${result.pruned.length})`,
      columns: [
        { key: 'reason', label: 'reason' },
        { key: 'evidence', label: 'evidence' },
      ],
      rows: result.pruned.slice(0, SHOWN_PRUNED).map((item) => ({ reason: item.reason, evidence: item.evidence.text })),
    });
  if (result.sub.length > 0)
    blocks.push({
      kind: 'table',
      caption: 'Questions asked on the way',
      columns: [
        { key: 'question', label: 'question' },
        { key: 'answer', label: 'answer' },
        { key: 'evidence', label: 'evidence' },
      ],
      rows: subQuestions(result, 0).map(({ depth, sub }) => ({
        question: `${'– '.repeat(depth)}${sub.question}`,
        answer: sub.answers[0]?.label ?? sub.abstained?.code ?? '',
        evidence: sub.answers[0]?.support[0]?.evidence.text ?? '',
      })),
    });
  if (result.funnel.length > 0)
    blocks.push({
      kind: 'table',
      caption: 'Evidence at each stage',
      columns: [
        { key: 'stage', label: 'stage' },
        ...(['kb', 'text', 'table', 'info'] as const).map((key) => ({ key, label: key, format: 'count' as const })),
      ],
      rows: result.funnel.map(({ stage, bySource }) => ({ stage, ...bySource })),
    });
  const details = [
    `signal ${result.signal}`,
    `category ${result.frame.category}${result.frame.decidedBy ? ' (by the classifier)' : ''}`,
    `asked for ${result.frame.answerType}`,
    ...(result.constraint.length > 0 ? [`condition ${result.constraint.map(boundText).join(', ')}`] : []),
    `mode ${result.mode}`,
    ...result.notes,
  ];
  blocks.push({ kind: 'text', text: details.join(' · ') });
  return {
    title: result.question,
    verdict: top
      ? {
          tone: top.verdict === 'certain' ? 'good' : 'warn',
          text: `${top.label}${top.verdict === 'certain' ? '' : ` (${top.verdict})`}: ${top.support[0]!.why}.`,
        }
      : { tone: 'warn', text: `No answer: ${result.abstained?.message ?? 'nothing found'}` },
    blocks,
  };
}

function subQuestions(result: AnswerResult, depth: number): { depth: number; sub: AnswerResult }[] {
  return result.sub.flatMap((sub) => [{ depth, sub }, ...subQuestions(sub, depth + 1)]);
}

/** Condition, evidence and reference date on one axis; ms from the earliest day. */
function timeBar(result: AnswerResult): TimelineBlock | undefined {
  const rows: { id: string; label: string; span: TimeSpan; category: string }[] = [];
  result.constraint
    .slice(0, 2)
    .forEach((span, index) => rows.push({ id: `c${index}`, label: 'condition', span, category: 'condition' }));
  result.answers.slice(0, SHOWN_ANSWERS).forEach((answer, index) => {
    const span = answer.support[0]!.spans[0];
    if (span) rows.push({ id: `a${index}`, label: answer.label, span, category: answer.verdict });
  });
  const bounded = rows.flatMap(({ span }) => [span.s0, span.e1]).filter((day) => day > DAY_MIN && day < DAY_MAX);
  if (rows.length < 2 || bounded.length === 0) return undefined;
  const from = Math.min(...bounded);
  const to = Math.max(...bounded);
  const clip = (day: number) => Math.max(from, Math.min(day, to + OPEN_DAYS));
  return {
    kind: 'timeline',
    caption: `Time from ${isoFromDay(from)} to ${isoFromDay(to)}`,
    epochMs: from * MS_PER_DAY,
    lanes: rows.map(({ id, label }) => ({ id, label })),
    spans: rows.map(({ id, label, span, category }) => ({
      id: `${id}-span`,
      lane: id,
      name: `${label}: ${timeText(span)}`,
      startMs: (clip(span.s0) - from) * MS_PER_DAY,
      endMs: (clip(span.e1) - from + 1) * MS_PER_DAY - 1,
      category,
    })),
  };
}

export function reportScore(title: string, score: ScoreResult, more: readonly Block[] = []): Report {
  const precision = score.right / Math.max(1, score.answerable);
  const faithful = score.numFaithful / Math.max(1, score.numChecked);
  const isGood = precision >= 0.85 && faithful === 1;
  return {
    title,
    verdict: {
      tone: isGood ? 'good' : 'warn',
      text: `${score.right} of ${score.answerable} answerable questions right at rank 1; ${score.numFaithful} of ${score.numChecked} answers pass the independent check; ${score.abstainedRightly} of ${score.unanswerable} unanswerable ones refused.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          { label: 'P@1', value: precision, format: 'percent', digits: 1, tone: precision >= 0.85 ? 'good' : 'warn' },
          { label: 'mean reciprocal rank', value: score.reciprocalRank, format: 'number', digits: 3 },
          {
            label: 'faithful answers',
            value: faithful,
            format: 'percent',
            digits: 1,
            tone: faithful === 1 ? 'good' : 'bad',
          },
          {
            label: 'refused rightly',
            value: score.abstainedRightly / Math.max(1, score.unanswerable),
            format: 'percent',
            digits: 1,
          },
          { label: 'questions', value: score.results.length, format: 'count' },
        ],
      },
      {
        kind: 'table',
        caption: 'By class',
        columns: [
          { key: 'kind', label: 'class' },
          { key: 'total', label: 'questions', format: 'count' },
          { key: 'right', label: 'right', format: 'count' },
          { key: 'share', label: 'share', format: 'percent' },
        ],
        rows: score.classes.map(({ kind, total, right }) => ({ kind, total, right, share: right / total })),
      },
      ...(score.wrong.length > 0
        ? [
            {
              kind: 'table' as const,
              caption: 'Wrong ones',
              columns: [
                { key: 'question', label: 'question' },
                { key: 'wanted', label: 'right answer' },
                { key: 'got', label: 'given' },
              ],
              rows: score.wrong.map(({ question, wanted, got }) => ({
                question,
                wanted: wanted.join(' or ') || 'no answer',
                got,
              })),
            },
          ]
        : []),
      ...more,
    ],
  };
}
