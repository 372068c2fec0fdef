/** Linear classifier of the signal (NONE: no event sets the time) over words, word pairs, first words, length and the
 *  rules' opinion; `frame.ts` asks it where the rules are silent.
 *  The weights are trained by scripts/train-classifiers.ts; the log of the training is beside them. */
import { readFileSync } from 'node:fs';
import { splitClauses } from './clauses.ts';
import { findOrdinal } from './ordinals.ts';
import { foldText } from './words.ts';

export type SignalClass = 'BEFORE' | 'AFTER' | 'OVERLAP' | 'NONE';
export const SIGNAL_CLASSES: readonly SignalClass[] = ['BEFORE', 'AFTER', 'OVERLAP', 'NONE'];
/** The last class. */
const NONE = 3;

export type Weights = Readonly<Record<string, readonly number[]>>;

let shipped: Weights | undefined;

/** Trained on TIQ dev (zhenjia2017/FAITH, MIT) and on
 *  questions in which no event sets the time: made-up ones and some of Time-Sensitive-QA (BSD-3). */
function shippedWeights(): Weights {
  shipped ??= JSON.parse(readFileSync(new URL('signal-weights.json', import.meta.url), 'utf8')) as Weights;
  return shipped;
}

/** Features of a question: named, present or absent. */
export function featuresOf(question: string): string[] {
  const words = foldText(question).match(/[\p{L}]+|\d+|,/gu) ?? [];
  const features = ['bias'];
  const seen = new Set<string>();
  for (let i = 0; i < words.length; i++) {
    const word = /^\d+$/.test(words[i]!) ? '#' : words[i]!;
    seen.add(`w:${word}`);
    if (i > 0) seen.add(`b:${/^\d+$/.test(words[i - 1]!) ? '#' : words[i - 1]} ${word}`);
  }
  features.push(...seen, `f:${words[0]}`, `g:${words[0]} ${words[1]}`);
  const clauses = splitClauses(question);
  features.push(
    `rule:${clauses.signal ?? 'NONE'}`,
    `front:${clauses.fronted === true}`,
    `con:${clauses.connector ?? ''}`,
  );
  if (findOrdinal(question)) features.push('ordinal');
  features.push(`long:${Math.min(6, words.length >> 2)}`);
  return features;
}

/** Class scores of a weight table (natural-log odds before normalisation). */
export function scoresOf(weights: Weights, features: readonly string[], numClasses: number): Float64Array {
  const scores = new Float64Array(numClasses);
  for (const feature of features) {
    const row = weights[feature];
    if (row) for (let k = 0; k < numClasses; k++) scores[k]! += row[k]!;
  }
  return scores;
}

export interface SignalGuess {
  readonly signal: SignalClass;
  readonly probability: number;
}

/** Least probability that an event sets the time (any signal but NONE) at which a signal is named. */
export const NAMES_FROM = 0.4;

export function classifySignal(question: string, weights: Weights = shippedWeights()): SignalGuess {
  const scores = scoresOf(weights, featuresOf(question), SIGNAL_CLASSES.length);
  const top = Math.max(...scores);
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - top);
  let best = 0;
  for (let k = 1; k < NONE; k++) if (scores[k]! > scores[best]!) best = k;
  const none = Math.exp(scores[NONE]! - top) / sum;
  if (1 - none < NAMES_FROM) return { signal: 'NONE', probability: none };
  return { signal: SIGNAL_CLASSES[best]!, probability: Math.exp(scores[best]! - top) / sum };
}
