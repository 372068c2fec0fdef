/** Trains both rankers: the log-linear one (gradient ascent on the conditional likelihood of the right answer, drawn
 *  towards the hand-set prior) and the graph network. Data: questions about made-up lands, and Time-Sensitive-QA pages
 *  at even places. Odd pages and other lands are held out; so are all shipped questions.
 *  Run: node scripts/train-rankers.ts <time-sensitive-qa-human-train.json>
 *  Writes src/answer/rank-weights.json, src/answer/graph-net.safetensors and the log. */
import { writeFileSync } from 'node:fs';
import { createRng } from '@tenfold/core/base';
import { writeSafetensors } from '@tenfold/core/data';
import { adamW, createTrainer, f32 } from '@tenfold/core/nn';
import { ask, openQa } from '../src/answer/ask.ts';
import { ITEM_FEATURES, type EvidenceGraph, type RankInput } from '../src/answer/evidence-graph.ts';
import {
  feedsOfRows,
  graphInputs,
  graphLoss,
  graphNet,
  MAX_GRAPH_CANDIDATES,
  MAX_GRAPH_ITEMS,
  rowOfGraph,
  type GraphRow,
} from '../src/answer/graph-net.ts';
import { linearScore, type RankFeature, type RankWeights } from '../src/answer/rank.ts';
import { answersOfPage, loadPages } from '../src/eval/time-sensitive-qa.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import { nameKey } from '../src/understand/words.ts';
import { makeLand } from './made-up-lands.ts';

const SEED = 5;
const NUM_LANDS = 90;
/** Hand-set: where training starts and what it is drawn to. */
const PRIOR: RankWeights = {
  evidence: 2,
  coverage: 0,
  focus: 0,
  kb: 0.15,
  table: 0.1,
  info: 0.1,
  certain: 0.3,
  impossible: -0.5,
  undated: -1,
  gap: -0.35,
  gapRank: 0,
  sameYear: -1.5,
  overlap: 1,
  openEnd: 0,
  conditionWords: 0,
  fit: 1.2,
  moreSupport: 0.03,
};
const NAMES = Object.keys(PRIOR) as RankFeature[];
const RATE = 0.05;
const PRIOR_STRENGTH = 0.02;
const NUM_EPOCHS = 60;
const BATCH = 16;
const PAGE_REPEATS = 3;
const NET_STEPS = 700;

interface Example {
  readonly graph: EvidenceGraph;
  readonly input: RankInput;
  /** Places of right candidates. */
  readonly right: readonly number[];
}
interface Split {
  readonly train: Example[];
  readonly held: Example[];
}

const clock = { nowMs: () => performance.now() };
const rng = createRng(SEED);
const lines: string[] = [];
const say = (line: string) => {
  lines.push(line);
  console.log(line);
};

const lands = await fromLands();
const pages = await fromPages(process.argv[2]!);
const splits: Readonly<Record<string, Split>> = { 'made-up lands': lands, 'Time-Sensitive-QA': pages };
for (const [name, { train, held }] of Object.entries(splits))
  say(`${name}: ${train.length} graphs to train on, ${held.length} held out (right answer among the candidates)`);
/** Real pages are few and weigh more. */
const training = [...lands.train, ...Array.from({ length: PAGE_REPEATS }, () => pages.train).flat()];

const weights = trainLinear(training);
report('log-linear, prior', (example) => linearTop(example, PRIOR));
report('log-linear, trained', (example) => linearTop(example, weights));
writeFileSync(
  new URL('../src/answer/rank-weights.json', import.meta.url),
  `${JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, Number(weights[name].toFixed(4))])), null, 2)}\n`,
);
await trainNet();
writeFileSync(new URL('train-rankers-log.txt', import.meta.url), `${lines.join('\n')}\n`);

function report(name: string, topOf: (example: Example) => number): void {
  for (const [set, { train, held }] of Object.entries(splits))
    say(`${name}, ${set}: P@1 ${share(train, topOf)} in training, ${share(held, topOf)} held out`);
}

function share(examples: readonly Example[], topOf: (example: Example) => number): string {
  const right = examples.filter((example) => example.right.includes(topOf(example))).length;
  return `${right}/${examples.length} = ${(right / examples.length).toFixed(3)}`;
}

function linearTop({ graph }: Example, given: RankWeights): number {
  const scores = graph.candidates.map((candidate) => linearScore(graph, candidate, given).score);
  return scores.indexOf(Math.max(...scores));
}

function vectorOf(graph: EvidenceGraph, index: number, given: RankWeights): Record<RankFeature, number> {
  const candidate = graph.candidates[index]!;
  const edge = candidate.edges[linearScore(graph, candidate, given).best]!;
  const features = graph.features[edge.item]!;
  return {
    ...(Object.fromEntries(ITEM_FEATURES.map((name, k) => [name, features[k]!])) as Record<RankFeature, number>),
    fit: edge.fit,
    moreSupport: Math.log(candidate.edges.length),
  };
}

function trainLinear(examples: readonly Example[]): RankWeights {
  const now: Record<RankFeature, number> = { ...PRIOR };
  const order = [...examples];
  for (let epoch = 0; epoch < NUM_EPOCHS; epoch++) {
    rng.shuffle(order);
    for (const { graph, right } of order) {
      const scores = graph.candidates.map((candidate) => linearScore(graph, candidate, now).score);
      const top = Math.max(...scores);
      const odds = scores.map((score) => Math.exp(score - top));
      const total = odds.reduce((a, b) => a + b);
      const rightTotal = right.reduce((sum, index) => sum + odds[index]!, 0);
      const rate = RATE / Math.sqrt(1 + epoch);
      const slope: Partial<Record<RankFeature, number>> = {};
      graph.candidates.forEach((_, index) => {
        const wanted = right.includes(index) ? odds[index]! / rightTotal : 0;
        const push = wanted - odds[index]! / total;
        if (Math.abs(push) < 1e-4) return;
        const vector = vectorOf(graph, index, now);
        for (const name of NAMES) slope[name] = (slope[name] ?? 0) + push * vector[name];
      });
      for (const name of NAMES) now[name] += rate * ((slope[name] ?? 0) - PRIOR_STRENGTH * (now[name] - PRIOR[name]));
    }
  }
  return now;
}

async function trainNet(): Promise<void> {
  const rowOf = new Map<Example, GraphRow>();
  for (const { train, held } of Object.values(splits))
    for (const example of [...train, ...held]) rowOf.set(example, rowOfGraph(example.graph, example.input, weights));
  const usable = training.filter((example) =>
    example.right.some((index) => rowOf.get(example)!.candidateAt.includes(index)),
  );
  await using trainer = await createTrainer({
    model: graphNet,
    inputs: {
      ...graphInputs(BATCH),
      rightCandidates: f32(BATCH, MAX_GRAPH_CANDIDATES),
      rightItems: f32(BATCH, MAX_GRAPH_ITEMS),
    },
    loss: graphLoss,
    optimizer: adamW({ learningRate: (step) => 0.003 * (1 - step / NET_STEPS), weightDecay: 0.01 }),
    clipNorm: 1,
    emaDecay: 0.995,
    seed: SEED,
  });
  let loss = 0;
  for (let step = 0; step < NET_STEPS; step++) {
    const batch = Array.from({ length: BATCH }, () => usable[rng.integer(usable.length)]!);
    const result = await trainer.step({
      ...feedsOfRows(batch.map((example) => rowOf.get(example)!)),
      rightCandidates: targets(batch, MAX_GRAPH_CANDIDATES, (example, row) =>
        row.candidateAt.map((index) => Number(example.right.includes(index))),
      ),
      rightItems: targets(batch, MAX_GRAPH_ITEMS, (example, row) =>
        row.itemAt.map((item) =>
          Number(
            example.right.some((index) => example.graph.candidates[index]!.edges.some((edge) => edge.item === item)),
          ),
        ),
      ),
    });
    loss += (result.loss - loss) * (step < 20 ? 1 / (step + 1) : 0.02);
    if (step % 100 === 99) say(`graph network, step ${step + 1}: loss ${loss.toFixed(4)}`);
  }
  say(`graph network: ${trainer.parameterCount} parameters, ${NET_STEPS} steps of ${BATCH} graphs`);
  const answer = new Map<Example, number>();
  for (const { train, held } of Object.values(splits))
    for (const example of [...train, ...held]) {
      const row = rowOf.get(example)!;
      const { answers } = await trainer.predict(feedsOfRows([row]), { outputs: ['answers'], ema: true });
      let best = 0;
      row.candidateAt.forEach((_, place) => {
        if (Number(answers!.data[place]) > Number(answers!.data[best])) best = place;
      });
      answer.set(example, row.candidateAt[best]!);
    }
  report('graph network', (example) => answer.get(example)!);
  const file = new URL('../src/answer/graph-net.safetensors', import.meta.url);
  await writeSafetensors(file.pathname, Object.entries(await trainer.parameters({ ema: true })), { force: true });

  function targets(
    batch: readonly Example[],
    width: number,
    of: (example: Example, row: GraphRow) => readonly number[],
  ) {
    const data = new Float32Array(batch.length * width);
    batch.forEach((example, index) => {
      const values = of(example, rowOf.get(example)!);
      const total = values.reduce((a, b) => a + b, 0) || 1;
      values.forEach((value, place) => (data[index * width + place] = value / total));
    });
    return { dtype: 'float32' as const, shape: [batch.length, width], data };
  }
}

async function fromLands(): Promise<Split> {
  const store = openEvidenceStore({ file: ':memory:' });
  const made = Array.from({ length: NUM_LANDS }, (_, place) => makeLand(rng, place));
  for (const land of made) {
    await store.add(land.evidence);
    await store.addEntities(land.labels.map((label) => ({ label })));
  }
  await store.finishLoad();
  const qa = await openQa(store, clock);
  const split: Split = { train: [], held: [] };
  for (const [place, land] of made.entries())
    for (const { question, answers } of land.questions)
      await collect(place % 3 === 0 ? split.held : split.train, answers, (onGraph) => ask(qa, question, { onGraph }));
  await store.close();
  return split;
}

async function fromPages(file: string): Promise<Split> {
  const store = openEvidenceStore({ file: ':memory:' });
  const all = await loadPages(store, file);
  const qa = await openQa(store, clock);
  const split: Split = { train: [], held: [] };
  for (const [place, page] of all.entries())
    for (const { question, answers } of answersOfPage(page))
      await collect(place % 2 === 0 ? split.train : split.held, answers, (onGraph) =>
        ask(qa, question, { minCoverage: 0.4, onGraph }),
      );
  await store.close();
  return split;
}

/** Keeps the graph of the question itself where one of the answers is among its candidates. */
async function collect(
  into: Example[],
  answers: readonly string[],
  run: (onGraph: (graph: EvidenceGraph, input: RankInput, depth: number) => void) => Promise<unknown>,
): Promise<void> {
  const keys = new Set(answers.map(nameKey));
  let found: { graph: EvidenceGraph; input: RankInput } | undefined;
  await run((graph, input, depth) => {
    if (depth === 0) found = { graph, input };
  });
  if (!found || found.graph.candidates.length < 2) return;
  const right = found.graph.candidates.flatMap((candidate, index) => (keys.has(candidate.key) ? [index] : []));
  if (right.length > 0) into.push({ ...found, right });
}
