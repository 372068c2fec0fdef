/** Sources that disagree: pieces of evidence for one answer whose intervals overlap but cannot both be right. */
import { DAY_MAX, DAY_MIN, edtfFromSpan, verdictOf, type TimeSpan } from '../time/index.ts';
import type { Answer, Support } from './types.ts';

/** @returns a sentence for each disagreement about the time of the answer */
export function conflictsOf(answer: Answer): string[] {
  const found: string[] = [];
  answer.support.forEach((first, index) => {
    for (const second of answer.support.slice(index + 1)) {
      if (first.evidence.doc === second.evidence.doc && first.evidence.source === second.evidence.source) continue;
      const pair = first.spans
        .flatMap((a) => second.spans.map((b) => [a, b] as const))
        .find(([a, b]) => disagree(a, b));
      if (pair)
        found.push(
          `Sources disagree: ${placeOf(first)} says ${edtfFromSpan(pair[0])}, ${placeOf(second)} says ${edtfFromSpan(pair[1])}.`,
        );
    }
  });
  return found;
}

/** Two lasting facts of the same time whose starts or whose ends exclude each other. */
function disagree(a: TimeSpan, b: TimeSpan): boolean {
  if (a.kind !== 'state' || b.kind !== 'state' || verdictOf('OVERLAP', a, b) === 'impossible') return false;
  const apart = (lo1: number, hi1: number, lo2: number, hi2: number) =>
    lo1 > DAY_MIN && lo2 > DAY_MIN && hi1 < DAY_MAX && hi2 < DAY_MAX && (hi1 < lo2 || hi2 < lo1);
  return apart(a.s0, a.s1, b.s0, b.s1) || apart(a.e0, a.e1, b.e0, b.e1);
}

function placeOf({ evidence }: Support): string {
  return `${evidence.doc.replace(/^.*\//, '')} ${evidence.locator}`;
}
