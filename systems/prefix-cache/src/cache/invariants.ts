/** Checks everything that must hold between two operations of a cache. */
import { bytesOf } from '../cost/profile.ts';
import { prefixError } from '../prefix-errors.ts';
import type { PrefixCache } from './prefix-cache.ts';

/** @throws TF-PREFIX-005 with the first violated invariant
 *  Cost: O(nodes + tokens). Mutates: nothing. */
export function assertInvariants<State, Kv>(cache: PrefixCache<State, Kv>): void {
  const { tree } = cache;
  let [nodes, tokens, states, stateTokens, locks, candidates] = [tree.roots.length, 0, 0, 0, 0, 0];
  for (const root of tree.roots) {
    locks += tree.locks[root]!;
    tree.preorder(root, (node) => {
      nodes++;
      tokens += tree.tokenCount[node]!;
      states += tree.hasState[node]!;
      stateTokens += tree.hasState[node]! * tree.depth[node]!;
      locks += tree.locks[node]!;
      const parent = tree.parent[node]!;
      expect(tree.tokenCount[node]! > 0, 'an edge of at least one token', node);
      expect(tree.depth[node] === tree.depth[parent]! + tree.tokenCount[node]!, 'depth = parent’s depth + edge', node);
      expect(tree.findChild(parent, tree.edgeOf(node)[0]!) === node, 'to be found by its first token', node);
      expect(tree.childCount[node] === tree.childrenOf(node).length, 'a child count that counts', node);
      expect(tree.locks[node]! >= 0, 'no negative lock', node);
      const isCandidate = tree.childCount[node]! <= 1;
      candidates += Number(isCandidate);
      expect(isCandidate === tree.candidateIndex[node]! >= 0, 'candidates to have at most one child', node);
      if (tree.hasState[node] === 0 && tree.locks[node] === 0)
        expect(tree.childCount[node]! > 1, 'a node without state to part sequences', node);
    });
  }
  expect(nodes === tree.numNodes, `${tree.numNodes} nodes`, nodes);
  expect(tokens === tree.numTokens, `${tree.numTokens} tokens`, tokens);
  expect(states === tree.numStates, `${tree.numStates} states`, states);
  expect(candidates === tree.numCandidates, `${tree.numCandidates} candidates`, candidates);
  expect(locks === cache.numLocks, `${locks} locks for ${cache.numLeases} requests`, locks);
  expect(cache.bytes === bytesOf(cache.profile, tokens, states, stateTokens), 'bytes = tokens and states', cache.bytes);
  expect(
    cache.bytes + cache.reservedBytes <= cache.capacityBytes,
    'used and reserved bytes within the capacity',
    cache.bytes,
  );
  expect(cache.reservedBytes >= 0, 'no negative reservation', cache.reservedBytes);
}

function expect(holds: boolean, expected: string, actual: number): void {
  if (!holds) throw prefixError('TF-PREFIX-005', { subject: 'assertInvariants', expected, actual: String(actual) });
}
