/** Yes or no, decided from the times of the evidence that states the sentence. */
import { isoFromDay, type Signal, type TimeSpan } from '../time/index.ts';
import type { Clause, Scored } from '../retrieve/candidates.ts';
import type { Frame } from '../understand/frame.ts';
import { stemOf } from '../understand/words.ts';
import { withoutSoftWords } from './clause-names.ts';
import { funnelOf } from './funnel.ts';
import { momentOf } from './moment.ts';
import type { Asker, Outcome, Trace } from './outcome.ts';
import { prune, reasonOf, type Judged } from './prune.ts';
import { supportOf } from './rank.ts';
import type { Answer, Support } from './types.ts';

/** Least share of the statement's information that evidence must hold. */
const STATEMENT_COVERAGE = 0.82;

export async function yesNo(asker: Asker, frame: Frame, depth: number, trace: Trace): Promise<Outcome> {
  const statement = frame.main.replace(/^(?:is|are|was|were|did|does|do|has|have|had)\b\s*/i, '');
  let clause = await asker.clause(statement);
  let scored = await asker.candidates(clause);
  if (!scored.some((item) => item.coverage >= STATEMENT_COVERAGE)) {
    const soft = withoutSoftWords(clause.text);
    if (soft !== undefined) {
      clause = await asker.clause(soft);
      scored = await asker.candidates(clause);
    }
  }
  trace.funnel.push(funnelOf('found', scored));
  const stating = scored.filter((item) => item.coverage >= STATEMENT_COVERAGE);
  if (stating.length === 0) {
    if (frame.windows.length > 0) {
      const other = otherHolder(clause, scored, frame, trace);
      if (other) return other;
    }
    return asker.nothingFound(clause);
  }
  const relevant = stating.filter((item) => item.coverage >= stating[0]!.coverage * 0.95);
  if (frame.windows.length === 0 && frame.clause === undefined && !frame.anchor)
    return {
      answers: [
        yesOrNo(
          true,
          relevant
            .slice(0, 5)
            .map((item) => supportOf({ ...item, verdict: item.spans.length > 0 ? 'certain' : 'undated' })),
          'certain',
        ),
      ],
    };
  const constraint = await asker.constraintOf(frame, statement, relevant, depth, trace);
  if ('code' in constraint) return constraint;
  trace.constraint = constraint.spans;
  const { signal } = constraint;
  trace.signal = signal;
  const dated = relevant.filter(
    (item) => item.spans.length > 0 && (!constraint.evidenceIds.has(item.evidence.id) || frame.clause === undefined),
  );
  if (dated.length === 0) return { code: 'E_UNDECIDED', message: 'The evidence for the statement states no time.' };
  const moments = dated.map((item) => ({
    item,
    spans: signal === 'OVERLAP' ? item.spans : item.spans.map((span) => momentOf(span, statement)),
  }));
  const verdicts = moments.map(({ item, spans }) => {
    const { kept } = prune([{ ...item, spans }], signal, constraint.spans, 'off');
    return kept[0]!;
  });
  const yes =
    verdicts.find((item) => item.verdict === 'certain') ??
    verdicts.find((item) => item.verdict === 'possible' && signal === 'OVERLAP');
  if (yes) return { answers: [yesOrNo(true, [support(yes, signal, constraint.spans)], yes.verdict)] };
  const until = asker.snapshot;
  if (until !== undefined && constraint.spans.some((window) => window.s0 > until))
    return {
      code: 'E_UNDECIDED',
      message: `The sources hold as of ${isoFromDay(until)}; what came later is not in them.`,
    };
  if (verdicts.every((item) => item.verdict === 'impossible'))
    return {
      answers: [
        yesOrNo(
          false,
          verdicts.slice(0, 5).map((item) => support(item, signal, constraint.spans)),
          'certain',
        ),
      ],
    };
  return { code: 'E_UNDECIDED', message: 'The stated times leave it open.' };
}

/** "Was X president in D?" where another held the office for all of D: no. */
function otherHolder(clause: Clause, scored: readonly Scored[], frame: Frame, trace: Trace): Outcome | undefined {
  for (const mention of clause.mentions) {
    const own = new Set(mention.text.split(' ').map(stemOf));
    let rest = 0;
    clause.stems.forEach((stem, index) => (rest += own.has(stem) ? 0 : clause.weights[index]!));
    const others = scored.filter((item) => {
      let covered = 0;
      clause.stems.forEach(
        (stem, index) => (covered += !own.has(stem) && item.stems.has(stem) ? clause.weights[index]! : 0),
      );
      return (
        item.evidence.source !== 'text' &&
        rest > 0 &&
        covered / rest >= 0.95 &&
        ![...own].some((stem) => item.stems.has(stem))
      );
    });
    const { kept } = prune(others, frame.signal, frame.windows, 'certain-only');
    if (kept.length > 0 && kept[0]!.spans.some((span) => span.kind === 'state')) {
      trace.constraint = frame.windows;
      trace.notes.push(`“${mention.text}” is not named; another is, for all of that time.`);
      return { answers: [yesOrNo(false, kept.slice(0, 5).map(supportOf), 'possible')] };
    }
  }
  return undefined;
}
function support(item: Judged, signal: Signal, constraint: readonly TimeSpan[]): Support {
  return {
    evidence: item.evidence,
    spans: item.spans,
    verdict: item.verdict,
    why: reasonOf(item.spans, item.verdict, signal, constraint),
  };
}

function yesOrNo(isYes: boolean, support: readonly Support[], verdict: Answer['verdict']): Answer {
  return { label: isYes ? 'yes' : 'no', id: isYes ? 'yes' : 'no', score: 1, verdict, support };
}
