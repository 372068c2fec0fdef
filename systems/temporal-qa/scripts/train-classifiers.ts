/** Trains the signal classifier on TIQ dev (2,000 implicit questions with BEFORE, AFTER, OVERLAP) and on the date
 *  questions of the same file (no signal), by averaged stochastic gradient descent on the log-loss.
 *  Prints five-fold figures of the rules and of the classifier; writes src/understand/signal-weights.json and the log.
 *  Run: node scripts/train-classifiers.ts <tiq-dev.json> */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRng } from '@tenfold/core/base';
import { featuresOf, scoresOf, SIGNAL_CLASSES, type SignalClass } from '../src/understand/classifier.ts';
import { splitClauses } from '../src/understand/clauses.ts';

interface Row {
  readonly Question: string;
  readonly 'Temporal signal': readonly string[];
}
const NUM_FOLDS = 5;
const NUM_EPOCHS = 12;
const RATE = 0.15;
const DECAY = 1e-5;
const MIN_WEIGHT = 0.12;
const NONE = SIGNAL_CLASSES.indexOf('NONE');
/** Probability above which the classifier overrules the rules in the comparison. */
const SURE = 0.9;

const rows = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Row[];
const data = rows.map((row) => ({
  question: row.Question,
  features: featuresOf(row.Question),
  label: SIGNAL_CLASSES.indexOf(
    (row['Temporal signal'][0] === 'No signal' ? 'NONE' : row['Temporal signal'][0]) as SignalClass,
  ),
}));
const rng = createRng(7);
const order = data.map((_, index) => index);
rng.shuffle(order);

function train(indices: readonly number[]): Record<string, number[]> {
  const weights: Record<string, number[]> = {};
  const sums: Record<string, number[]> = {};
  let step = 0;
  for (let epoch = 0; epoch < NUM_EPOCHS; epoch++) {
    for (const index of indices) {
      step++;
      const { features, label } = data[index]!;
      const scores = scoresOf(weights, features, SIGNAL_CLASSES.length);
      const top = Math.max(...scores);
      const odds = scores.map((score) => Math.exp(score - top));
      const total = odds.reduce((a, b) => a + b);
      for (let k = 0; k < SIGNAL_CLASSES.length; k++) {
        const slope = (k === label ? 1 : 0) - odds[k]! / total;
        if (Math.abs(slope) < 1e-4) continue;
        for (const feature of features) {
          const row = (weights[feature] ??= SIGNAL_CLASSES.map(() => 0));
          row[k]! += RATE * slope - DECAY * row[k]!;
          (sums[feature] ??= SIGNAL_CLASSES.map(() => 0))[k]! += RATE * slope * step;
        }
      }
    }
  }
  // averaged weights: w − Σ step·update / steps
  for (const [feature, row] of Object.entries(weights))
    for (let k = 0; k < row.length; k++) row[k]! -= sums[feature]![k]! / step;
  return weights;
}

function accuracy(
  indices: readonly number[],
  decide: (index: number) => number,
  of: (label: number) => boolean,
): [number, number] {
  let right = 0;
  let total = 0;
  for (const index of indices) {
    if (!of(data[index]!.label)) continue;
    total++;
    if (decide(index) === data[index]!.label) right++;
  }
  return [right, total];
}

const lines: string[] = [];
const tally: Record<string, [number, number]> = {};
const add = (name: string, [right, total]: [number, number]) => {
  tally[name] ??= [0, 0];
  tally[name][0] += right;
  tally[name][1] += total;
};
for (let fold = 0; fold < NUM_FOLDS; fold++) {
  const held = order.filter((_, position) => position % NUM_FOLDS === fold);
  const weights = train(order.filter((_, position) => position % NUM_FOLDS !== fold));
  const byModel = (index: number) => {
    const scores = scoresOf(weights, data[index]!.features, SIGNAL_CLASSES.length);
    return scores.indexOf(Math.max(...scores));
  };
  const sureOf = (index: number): number => {
    const scores = scoresOf(weights, data[index]!.features, SIGNAL_CLASSES.length);
    const top = Math.max(...scores);
    return 1 / scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  };
  const byRules = (index: number) => {
    const { question } = data[index]!;
    const isDate = /^when\b/i.test(question) && !splitClauses(question).fronted;
    return SIGNAL_CLASSES.indexOf(isDate ? 'NONE' : (splitClauses(question).signal ?? 'NONE'));
  };
  add(
    'signal of TIQ questions, rules',
    accuracy(held, byRules, (label) => label !== 3),
  );
  add(
    'signal of TIQ questions, classifier',
    accuracy(held, byModel, (label) => label !== 3),
  );
  /** The rules where they name a signal, else the classifier. */
  const whereSilent = (index: number) => {
    const rule = byRules(index);
    return rule === NONE ? byModel(index) : rule;
  };
  const whereSure = (index: number) => (sureOf(index) > SURE ? byModel(index) : byRules(index));
  for (const [name, decide] of [
    ['rules, the classifier where they are silent', whereSilent],
    [`rules, overruled where the classifier is ${SURE} sure`, whereSure],
  ] as const) {
    add(
      `signal of TIQ questions, ${name}`,
      accuracy(held, decide, (label) => label !== NONE),
    );
    add(`implicit or not, ${name}`, accuracyImplicit(held, decide));
  }
  add('implicit or not, rules', accuracyImplicit(held, byRules));
  add('implicit or not, classifier', accuracyImplicit(held, byModel));
}
function accuracyImplicit(indices: readonly number[], decide: (index: number) => number): [number, number] {
  let right = 0;
  for (const index of indices) if ((decide(index) === 3) === (data[index]!.label === 3)) right++;
  return [right, indices.length];
}
for (const [name, [right, total]] of Object.entries(tally))
  lines.push(`${name}: ${right}/${total} = ${(right / total).toFixed(4)} (five folds, held out)`);
const final = train(order);
const kept = Object.entries(final)
  .filter(([, row]) => row.some((weight) => Math.abs(weight) >= MIN_WEIGHT))
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(
    ([feature, row]) => `${JSON.stringify(feature)}: [${row.map((weight) => Number(weight.toFixed(2))).join(', ')}]`,
  );
lines.push(`features: ${Object.keys(final).length} seen, ${kept.length} kept (some weight of at least ${MIN_WEIGHT})`);
lines.push(`epochs ${NUM_EPOCHS}, rate ${RATE}, seed 7, questions ${data.length}`);
writeFileSync(new URL('../src/understand/signal-weights.json', import.meta.url), `{\n${kept.join(',\n')}\n}\n`);
writeFileSync(new URL('train-classifiers-log.txt', import.meta.url), `${lines.join('\n')}\n`);
console.log(lines.join('\n'));
