/** The n-th or last of a sequence of dated facts: facts of one kind are grouped by answer and ordered by start. */
import { DAY_MIN } from '../time/index.ts';
import type { Linker } from '../retrieve/linker.ts';
import type { Frame } from '../understand/frame.ts';
import { nameKey, stemOf, wordsOf } from '../understand/words.ts';
import type { Judged } from './prune.ts';
import { supportOf } from './rank.ts';
import { slotAnswers } from './slots.ts';
import type { Answer } from './types.ts';

const ORDINAL_WORDS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];

export type OrdinalPick =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly note: string }
  | { readonly kind: 'none'; readonly message: string };

export function pickOrdinal(
  kept: readonly Judged[],
  frame: Frame,
  questionStems: ReadonlySet<string>,
  linker: Linker,
): OrdinalPick {
  const n = frame.ordinal!;
  const word = n > 0 ? ORDINAL_WORDS[n - 1] : n === -1 ? 'last' : 'oldest';
  const literal =
    word === undefined
      ? undefined
      : kept.find((item) => item.evidence.fields === undefined && wordsOf(item.evidence.text).includes(word));
  const dated = kept.filter((item) => item.evidence.fields && item.spans.some((span) => span.s0 > DAY_MIN));
  // a text that says "the first …" itself counts more than a sequence that covers less of the question
  if (literal && (dated.length === 0 || literal.coverage > dated[0]!.coverage + 1e-9)) {
    const [top] = slotAnswers(literal.evidence, frame, questionStems, linker);
    if (top)
      return {
        kind: 'answer',
        answer: {
          label: top.label,
          id: top.label,
          score: literal.score,
          verdict: literal.verdict,
          support: [supportOf(literal)],
        },
        note: `The source itself says “${word}”.`,
      };
  }
  if (dated.length === 0)
    return {
      kind: 'none',
      message: `No evidence says “${word ?? `number ${n}`}”, and none can be put in order.`,
    };
  const groupOf = (item: Judged) => {
    const { source, subject, relation, doc } = item.evidence;
    if (source === 'table') return `table ${doc} ${subject}`;
    const isNamed =
      subject !== undefined &&
      nameKey(subject)
        .split(' ')
        .some((part) => questionStems.has(stemOf(part)));
    return `${relation} ${isNamed ? subject : ''}`;
  };
  const group = groupOf(dated[0]!);
  const members = dated.filter((item) => groupOf(item) === group && item.coverage >= dated[0]!.coverage * 0.9);
  const byKey = new Map<string, { label: string; start: number; latest: number; item: Judged }>();
  for (const item of members) {
    const [top] = slotAnswers(item.evidence, frame, questionStems, linker);
    if (!top) continue;
    const start = Math.min(...item.spans.map((span) => span.s0));
    const key = nameKey(top.label);
    const known = byKey.get(key);
    if (!known) byKey.set(key, { label: top.label, start, latest: start, item });
    else {
      if (start < known.start) Object.assign(known, { start, ...(n > 0 ? { item } : {}) });
      if (start > known.latest) Object.assign(known, { latest: start, ...(n === -1 ? { item } : {}) });
    }
  }
  const order = [...byKey.values()].toSorted((a, b) => (n === -1 ? b.latest - a.latest : a.start - b.start));
  const index = n <= 0 ? 0 : n - 1;
  const picked = order[index];
  if (!picked) return { kind: 'none', message: `Only ${order.length} dated members are known, not ${n}.` };
  const tie = order.some(
    (other) => other !== picked && (n === -1 ? other.latest === picked.latest : other.start === picked.start),
  );
  return {
    kind: 'answer',
    answer: {
      label: picked.label,
      id: picked.label,
      score: picked.item.score,
      verdict: tie ? 'possible' : 'certain',
      support: [supportOf(picked.item)],
    },
    note: `Number ${index + 1} of ${order.length} ordered by start${n === -1 ? ', latest first' : ''}${tie ? '; others start on the same day' : ''}.`,
  };
}
