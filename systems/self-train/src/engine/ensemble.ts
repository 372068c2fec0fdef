/** Several networks of one form, trained from different starts and on different orders of the same rows, as one network.
 *  Probabilities are the mean of the members; features and bases are the first member's, so that EM has one space; passes
 *  are spread over the members, so that their variance holds what the members disagree about as well.
 *  States of member i > 0 carry the prefix `member<i>/`: what holds such states is an ensemble. */
import type { StateValues } from '@tenfold/core/runtime';
import { createNetwork } from './network.ts';
import type { Network, NetworkOptions } from './network.ts';

/** Distance between the seeds of neighbours. */
const SEED_STEP = 1_000_003;

/** @param options.numMembers  default: as many as the states hold, else one */
export async function openNetwork(options: NetworkOptions & { readonly numMembers?: number }): Promise<Network> {
  const { states, numMembers, ...common } = options;
  const parts = states && split(states);
  const count = parts?.length ?? numMembers ?? 1;
  const members: Network[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const part = parts?.[i];
      members.push(await createNetwork({ ...common, seed: seedOf(options.seed, i), ...(part && { states: part }) }));
    }
  } catch (cause) {
    for (const member of members) await member[Symbol.asyncDispose]();
    throw cause;
  }
  return count === 1 ? members[0] : ensembleOf(members);
}

function ensembleOf(members: readonly Network[]): Network {
  const [lead] = members;
  const { batchSize, numTokens } = lead;
  return {
    batchSize,
    numTokens,
    async train(rows, numSteps, options) {
      let total = 0;
      for (const member of members) total += await member.train(rows, numSteps, options);
      return total / members.length;
    },
    async predict(x) {
      const { probabilities, features } = await lead.predict(x);
      const mean = probabilities.data.map((value) => value / members.length);
      for (const member of members.slice(1)) {
        const { data } = (await member.predict(x)).probabilities;
        for (let i = 0; i < mean.length; i++) mean[i] += data[i] / members.length;
      }
      return { probabilities: { ...probabilities, data: mean }, features };
    },
    async dropoutPasses(x, numPasses, purpose, statistics) {
      const each = Math.max(1, Math.floor(numPasses / members.length));
      let all = await lead.dropoutPasses(x, each, purpose, statistics);
      for (const member of members.slice(1)) all = await member.dropoutPasses(x, each, purpose, all);
      return all;
    },
    states: async () => join(await Promise.all(members.map((member) => member.states()))),
    async allStates() {
      const all = await Promise.all(members.map((member) => member.allStates()));
      return { states: join(all.map(({ states }) => states)), step: all[0].step };
    },
    async load(states) {
      for (const [i, part] of split(states).entries()) await members[i].load(part);
    },
    bases: () => lead.bases(),
    async [Symbol.asyncDispose]() {
      for (const member of members) await member[Symbol.asyncDispose]();
    },
  };
}

function seedOf(seed: number, member: number): number {
  return (seed + member * SEED_STEP) % 2 ** 31;
}

function join(parts: readonly StateValues[]): StateValues {
  return Object.fromEntries(
    parts.flatMap((states, i) =>
      Object.entries(states).map(([name, value]) => [i === 0 ? name : `member${i}/${name}`, value]),
    ),
  );
}

function split(states: StateValues): StateValues[] {
  const parts: Record<string, StateValues[string]>[] = [{}];
  for (const [name, value] of Object.entries(states)) {
    const [, index, own] = /^member(\d+)\/(.*)$/.exec(name) ?? [undefined, '0', name];
    (parts[Number(index)] ??= {})[own] = value;
  }
  return parts;
}
