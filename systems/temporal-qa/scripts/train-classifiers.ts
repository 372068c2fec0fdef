/** Trains the signal classifier by averaged stochastic gradient descent on the log-loss: on TIQ dev (2,000 implicit
 *  questions with BEFORE, AFTER, OVERLAP; the date questions of the same file have none), on made-up questions in
 *  which no event sets the time, and on such questions of every other page of Time-Sensitive-QA. Prints five-fold figures of the rules, of the classifier and of the frame that the
 *  pipeline uses, then what the final weights make of the shipped questions, none of which is trained on.
 *  Writes src/understand/signal-weights.json and the log. Run: node scripts/train-classifiers.ts <tiq-dev.json> <time-sensitive-qa-human-train.json> */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRng } from '@tenfold/core/base';
import { readQuestions } from '../src/corpus.ts';
import { classifySignal, featuresOf, NAMES_FROM, scoresOf, SIGNAL_CLASSES } from '../src/understand/classifier.ts';
import type { SignalClass, Weights } from '../src/understand/classifier.ts';
import { frameOf } from '../src/understand/frame.ts';
import { makePlainQuestions } from './plain-questions.ts';

interface PageRow {
  readonly questions: readonly (readonly [string, unknown])[];
}
interface Row {
  readonly Question: string;
  readonly 'Temporal signal': readonly string[];
}
interface Example {
  readonly question: string;
  readonly features: readonly string[];
  readonly label: SignalClass;
  readonly from: 'TIQ' | 'made-up' | 'pages';
}
const NUM_FOLDS = 5;
const NUM_EPOCHS = 12;
const RATE = 0.15;
const DECAY = 1e-5;
const MIN_WEIGHT = 0.12;
const NUM_PLAIN = 1500;
/** The time at the end of a question: "from Jan 1990 to 1995". */
const END_TIME =
  /,?\s+(?:(?:in|on|from|between|before|after|since|until|during|by|of|as of|around) )?(?:(?:the|early|mid|late) )*(?:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\p{L}* )?(?:\d{1,2},? )?\d{4}s?\b.*$/u;
/** What the rules alone decide: the classifier never speaks. */
const SILENT = () => ({ signal: 'NONE', probability: 1 }) as const;

const rows = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Row[];
const exampleOf = (question: string, signal: string, from: Example['from']): Example => ({
  question,
  features: featuresOf(question),
  label: (signal === 'No signal' ? 'NONE' : signal) as SignalClass,
  from,
});
/** Questions of the pages at odd or even places, without the condition at their end and with it; not those in which an
 *  event sets the time. */
const pages = JSON.parse(readFileSync(process.argv[3]!, 'utf8').replace(/^\uFEFF/, '')) as PageRow[];
const ofPages = (rest: number): string[] => {
  const questions = pages
    .filter((_, place) => place % 2 === rest)
    .flatMap((page) => page.questions.map(([text]) => text));
  return [...new Set(questions.flatMap((question) => [question, question.replace(END_TIME, '?')]))].filter(
    (question) => frameOf(question, 0, SILENT).clause === undefined,
  );
};
const data = [
  ...rows.map((row) => exampleOf(row.Question, row['Temporal signal'][0]!, 'TIQ')),
  ...makePlainQuestions(createRng(11), NUM_PLAIN).map((question) => exampleOf(question, 'NONE', 'made-up')),
  ...ofPages(0).map((question) => exampleOf(question, 'NONE', 'pages')),
];
createRng(7).shuffle(data);

function train(examples: readonly Example[]): Record<string, number[]> {
  const weights: Record<string, number[]> = {};
  const sums: Record<string, number[]> = {};
  let step = 0;
  for (let epoch = 0; epoch < NUM_EPOCHS; epoch++) {
    for (const { features, label } of examples) {
      step++;
      const scores = scoresOf(weights, features, SIGNAL_CLASSES.length);
      const top = Math.max(...scores);
      const odds = scores.map((score) => Math.exp(score - top));
      const total = odds.reduce((a, b) => a + b);
      for (let k = 0; k < SIGNAL_CLASSES.length; k++) {
        const slope = (SIGNAL_CLASSES[k] === label ? 1 : 0) - odds[k]! / total;
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

/** Weights as they are shipped: small rows dropped, two digits kept. */
function rounded(weights: Weights): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(weights)
      .filter(([, row]) => row.some((weight) => Math.abs(weight) >= MIN_WEIGHT))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([feature, row]) => [feature, row.map((weight) => Number(weight.toFixed(2)))]),
  );
}

const tally: Record<string, { right: number; total: number }> = {};
function count(name: string, isRight: boolean): void {
  const line = (tally[name] ??= { right: 0, total: 0 });
  line.total++;
  if (isRight) line.right++;
}

for (let fold = 0; fold < NUM_FOLDS; fold++) {
  const weights = rounded(train(data.filter((_, position) => position % NUM_FOLDS !== fold)));
  const classify = (text: string) => classifySignal(text, weights);
  for (const { question, label, from } of data.filter((_, position) => position % NUM_FOLDS === fold)) {
    const byModel = classify(question).signal;
    if (from !== 'TIQ') {
      count(`${from} questions called not implicit, classifier alone`, byModel === 'NONE');
      count(`${from} questions called not implicit, frame`, frameOf(question, 0, classify).category !== 'implicit');
      continue;
    }
    const decisions = [
      ['rules alone', frameOf(question, 0, SILENT)],
      ['frame (rules, classifier where they are silent)', frameOf(question, 0, classify)],
    ] as const;
    for (const [name, frame] of decisions) {
      if (label !== 'NONE') count(`signal of TIQ questions, ${name}`, frame.signal === label);
      count(`implicit or not, ${name}`, (frame.category === 'implicit') === (label !== 'NONE'));
      const hasCondition = frame.category === 'implicit' || frame.clause !== undefined;
      count(`implicit or not, date questions with a clause too, ${name}`, hasCondition === (label !== 'NONE'));
    }
    if (label !== 'NONE') count('signal of TIQ questions, classifier alone', byModel === label);
    count('implicit or not, classifier alone', (byModel === 'NONE') === (label === 'NONE'));
  }
}
const lines = Object.entries(tally).map(
  ([name, { right, total }]) => `${name}: ${right}/${total} = ${(right / total).toFixed(4)} (five folds, held out)`,
);

const final = train(data);
const kept = rounded(final);
const shipped = [...readQuestions(), ...readQuestions('held-out')].map(({ question }) => question);
const plain = shipped.filter((question) => {
  const frame = frameOf(question, 0, SILENT);
  return frame.category !== 'implicit' && frame.kind !== 'date';
});
const classifyKept = (text: string) => classifySignal(text, kept);
const odd = ofPages(1);
const numOdd = odd.filter((question) => classifyKept(question).signal !== 'NONE').length;
const numOddFrame = odd.filter((question) => frameOf(question, 0, classifyKept).category === 'implicit').length;
const calls = (decide: (question: string) => boolean) => plain.filter((question) => decide(question));
const byModel = calls((question) => classifyKept(question).signal !== 'NONE');
const byFrame = calls((question) => frameOf(question, 0, classifyKept).category === 'implicit');
lines.push(
  `shipped questions, not trained on, that name a date, an ordinal or no time: ${plain.length} of ${shipped.length}`,
  `of these called implicit by the classifier alone: ${byModel.length}`,
  ...byModel.map((question) => `  ${question}`),
  `of these called implicit in the frame: ${byFrame.length}`,
  ...byFrame.map((question) => `  ${question}`),
  `Time-Sensitive-QA questions of pages not trained on, with and without their time: ${odd.length}`,
  `of these called implicit by the classifier alone: ${numOdd}, in the frame: ${numOddFrame}`,
  `features: ${Object.keys(final).length} seen, ${Object.keys(kept).length} kept (some weight of at least ${MIN_WEIGHT})`,
  `epochs ${NUM_EPOCHS}, rate ${RATE}, seeds 7 and 11, TIQ ${rows.length}, made-up ${NUM_PLAIN}, pages ${data.length - rows.length - NUM_PLAIN}, signal named from ${NAMES_FROM}`,
);
const text = Object.entries(kept).map(([feature, row]) => `${JSON.stringify(feature)}: [${row.join(', ')}]`);
writeFileSync(new URL('../src/understand/signal-weights.json', import.meta.url), `{\n${text.join(',\n')}\n}\n`);
writeFileSync(new URL('train-classifiers-log.txt', import.meta.url), `${lines.join('\n')}\n`);
console.log(lines.join('\n'));
