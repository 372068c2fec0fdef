/** TIQ dev: is the signal read rightly, and is it seen that an event sets the time? What the frame decides, beside the
 *  rules and the classifier alone. The shipped weights are in sample here; the log of the training script holds the
 *  figures of held-out folds. */
import { readFileSync } from 'node:fs';
import { classifySignal } from '../understand/classifier.ts';
import { frameOf } from '../understand/frame.ts';

interface TiqRow {
  readonly Question: string;
  readonly 'Temporal signal': readonly string[];
}

export interface TiqResult {
  readonly total: number;
  readonly implicit: number;
  /** Signals of implicit questions that are right. */
  readonly signal: { readonly frame: number; readonly rules: number; readonly classifier: number };
  /** Questions of which it is decided rightly whether they are implicit. */
  readonly decided: { readonly frame: number; readonly rules: number; readonly classifier: number };
  /** Implicit questions for which a clause to resolve was cut out. */
  readonly clauseFound: number;
}

export function evaluateTiq(file: string): TiqResult {
  const rows = JSON.parse(readFileSync(file, 'utf8')) as TiqRow[];
  const signal = { frame: 0, rules: 0, classifier: 0 };
  const decided = { frame: 0, rules: 0, classifier: 0 };
  let [implicit, clauseFound] = [0, 0];
  for (const row of rows) {
    const gold = row['Temporal signal'][0]!;
    const isImplicit = gold !== 'No signal';
    const guess = classifySignal(row.Question);
    const frame = frameOf(row.Question);
    const rules = frameOf(row.Question, undefined, () => ({ signal: 'NONE', probability: 1 }));
    if ((frame.category === 'implicit') === isImplicit) decided.frame++;
    if ((rules.category === 'implicit') === isImplicit) decided.rules++;
    if ((guess.signal !== 'NONE') === isImplicit) decided.classifier++;
    if (!isImplicit) continue;
    implicit++;
    if (frame.signal === gold) signal.frame++;
    if (rules.signal === gold) signal.rules++;
    if (guess.signal === gold) signal.classifier++;
    if (frame.clause !== undefined) clauseFound++;
  }
  return { total: rows.length, implicit, signal, decided, clauseFound };
}
