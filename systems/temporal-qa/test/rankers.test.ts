import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { ask, openQa, type AskOptions } from '../src/answer/ask.ts';
import { ITEM_FEATURES, type EvidenceGraph, type RankInput } from '../src/answer/evidence-graph.ts';
import { openGraphRanker } from '../src/answer/graph-ranker.ts';
import { linearScore, shippedWeights } from '../src/answer/rank.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';
import { openEvidenceStore } from '../src/store/sqlite-store.ts';
import { parseDate } from '../src/time/index.ts';
import { makeLand } from '../scripts/made-up-lands.ts';

const clock = { nowMs: () => performance.now() };

/** Lands of a seed that no training saw. */
async function unseenLands(count: number) {
  const rng = createRng(90_001);
  const store = openEvidenceStore({ file: ':memory:' });
  const lands = Array.from({ length: count }, (_, place) => makeLand(rng, place));
  for (const land of lands) {
    await store.add(land.evidence);
    await store.addEntities(land.labels.map((label) => ({ label })));
  }
  await store.finishLoad();
  return { store, qa: await openQa(store, clock), questions: lands.flatMap((land) => land.questions) };
}

async function shareRight(options: AskOptions): Promise<number> {
  const { store, qa, questions } = await unseenLands(12);
  let right = 0;
  for (const { question, answers } of questions) {
    const [top] = (await ask(qa, question, options)).answers;
    if (top && answers.includes(top.label)) right++;
  }
  await store.close();
  return right / questions.length;
}

async function graphsOfLands(): Promise<{ graph: EvidenceGraph; input: RankInput }[]> {
  const { store, qa, questions } = await unseenLands(2);
  const found: { graph: EvidenceGraph; input: RankInput }[] = [];
  for (const { question } of questions)
    await ask(qa, question, { onGraph: (graph, input) => found.push({ graph, input }) });
  await store.close();
  return found.filter(({ graph }) => graph.candidates.length > 2);
}

test('the shipped weights name every feature and nothing else', () => {
  assert.deepEqual(new Set(Object.keys(shippedWeights())), new Set([...ITEM_FEATURES, 'fit', 'moreSupport']));
});

test('both rankers answer questions about lands that no training saw', async () => {
  const ranker = await openGraphRanker();
  const [linear, graph] = [await shareRight({}), await shareRight({ ranker })];
  await ranker.close();
  assert.ok(linear > 0.85, `log-linear ${linear}`);
  assert.ok(graph > 0.85, `graph network ${graph}`);
});

test('the network gives each answer the same score in whatever order evidence and answers come', async () => {
  const ranker = await openGraphRanker();
  const graphs = await graphsOfLands();
  assert.ok(graphs.length > 5);
  for (const { graph, input } of graphs.slice(0, 6)) {
    const numItems = graph.items.length;
    const turned: EvidenceGraph = {
      items: graph.items.toReversed(),
      features: graph.features.toReversed(),
      candidates: graph.candidates.toReversed().map((candidate) => ({
        ...candidate,
        edges: candidate.edges.map((edge) => ({ ...edge, item: numItems - 1 - edge.item })),
      })),
    };
    const scores = Array.from((await ranker.score(graph, input))!);
    const others = Array.from((await ranker.score(turned, input))!).toReversed();
    // ties of the reduction may fall on either side; nodes that both see must agree
    if (numItems <= 24 && graph.candidates.length <= 32)
      scores.forEach((score, index) => assert.ok(Math.abs(score - others[index]!) < 1e-3));
    assert.equal(scores.length, graph.candidates.length);
  }
  await ranker.close();
});

test('an edge that fits the question better never lowers the log-linear score', async () => {
  const [first] = await graphsOfLands();
  const weights = shippedWeights();
  for (const candidate of first!.graph.candidates) {
    const better = { ...candidate, edges: candidate.edges.map((edge) => ({ ...edge, fit: edge.fit + 0.5 })) };
    assert.ok(linearScore(first!.graph, better, weights).score > linearScore(first!.graph, candidate, weights).score);
  }
});

test('a fact gives one answer: its subject is none where its object is', async () => {
  const store = openEvidenceStore({ file: ':memory:' });
  await store.add([
    evidenceOfFact({
      subject: 'Old Church',
      relation: 'pope',
      object: 'Ada Stone',
      point: parseDate('1990')!,
      doc: 'd',
      locator: '1',
    }),
  ]);
  await store.finishLoad();
  const result = await ask(await openQa(store, clock), 'Who was pope in 1990?');
  assert.deepEqual(
    result.answers.map((answer) => answer.label),
    ['Ada Stone'],
  );
  await store.close();
});
