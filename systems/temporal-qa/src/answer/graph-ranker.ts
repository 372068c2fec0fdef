/** Answers ranked by the graph network with its shipped weights, on the interpreter of core/runtime. */
import { readFileSync } from 'node:fs';
import { readSafetensors } from '@tenfold/core/data';
import { buildInference } from '@tenfold/core/nn';
import { openBackend, type StateValues } from '@tenfold/core/runtime';
import type { Ranker } from './ask.ts';
import { feedsOfRows, graphInputs, graphNet, rowOfGraph } from './graph-net.ts';
import { linearScore, shippedWeights } from './rank.ts';

/** Candidates that the network does not see come after those that it does. */
const BELOW = -1e3;

/** @param states  default: the shipped weights */
export async function openGraphRanker(states?: StateValues): Promise<Ranker & { readonly close: () => Promise<void> }> {
  const backend = await openBackend('reference');
  const { graph } = buildInference({ model: graphNet, inputs: graphInputs(1), outputs: ['answers'] });
  const values = states ?? (await shippedStates());
  const session = await backend.createSession(
    graph,
    Object.fromEntries(graph.states.map(({ name }) => [name, values[name]!])),
  );
  return {
    async score(evidence, input) {
      if (evidence.candidates.length < 2) return undefined;
      const row = rowOfGraph(evidence, input);
      const { answers } = await session.run(feedsOfRows([row]));
      const weights = shippedWeights();
      const scores = evidence.candidates.map((candidate) => BELOW + linearScore(evidence, candidate, weights).score);
      row.candidateAt.forEach((index, place) => (scores[index] = Number(answers!.data[place])));
      return scores;
    },
    close: () => session.dispose(),
  };
}

async function shippedStates(): Promise<StateValues> {
  return Object.fromEntries(await readSafetensors(readFileSync(new URL('graph-net.safetensors', import.meta.url))));
}
