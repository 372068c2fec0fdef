/** TIQ dev: is the signal read rightly, and is it seen that an event sets the time? Uses the held-out folds of the
 *  training script for the classifier; here the shipped weights and the rules are measured (in sample). */
import { readFileSync } from 'node:fs';
import { classifySignal, isImplicit } from '../understand/classifier.ts';
import { splitClauses } from '../understand/clauses.ts';

interface TiqRow {
  readonly Question: string;
  readonly 'Temporal signal': readonly string[];
}

export interface TiqResult {
  readonly total: number;
  readonly implicit: number;
  readonly signalByClassifier: number;
  readonly signalByRules: number;
  readonly implicitDecided: number;
  /** Implicit questions for which a clause to resolve was cut out. */
  readonly clauseFound: number;
}

export function evaluateTiq(file: string): TiqResult {
  const rows = JSON.parse(readFileSync(file, 'utf8')) as TiqRow[];
  let [implicit, signalByClassifier, signalByRules, implicitDecided, clauseFound] = [0, 0, 0, 0, 0];
  for (const row of rows) {
    const gold = row['Temporal signal'][0]!;
    const guess = classifySignal(row.Question);
    const isGoldImplicit = gold !== 'No signal';
    if (isImplicit(row.Question) === isGoldImplicit) implicitDecided++;
    if (!isGoldImplicit) continue;
    implicit++;
    if (guess.signal === gold) signalByClassifier++;
    const clauses = splitClauses(row.Question);
    if (clauses.signal === gold) signalByRules++;
    if (clauses.constraint !== undefined) clauseFound++;
  }
  return { total: rows.length, implicit, signalByClassifier, signalByRules, implicitDecided, clauseFound };
}
