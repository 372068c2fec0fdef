import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { createMesh, openRankPool, ranksOfGroup } from '../../src/ranks/index.ts';
import type { BlockingCall } from './programs.ts';

const pool = openRankPool();
after(() => pool.close());
const module = new URL('./programs.ts', import.meta.url);
const mesh = createMesh({ a: 2, b: 2 });

/** Lists that fit together pairwise, shuffled a little: some run through, some lock up. */
const lists = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.record({ from: fc.nat(3), shift: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ rank: fc.nat(3), group: fc.constantFrom<'a' | 'b'>('a', 'b') }),
      ),
      { minLength: 3, maxLength: 8 },
    ),
    fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 3, maxLength: 8 }),
  )
  .map(([exchanges, swaps]) => {
    const calls: BlockingCall[][] = [[], [], [], []];
    for (const exchange of exchanges) {
      if ('group' in exchange) {
        for (const rank of ranksOfGroup(mesh, exchange.rank, exchange.group))
          calls[rank]!.push({ call: 'allReduce', group: exchange.group });
      } else {
        const to = (exchange.from + exchange.shift) % 4;
        calls[exchange.from]!.push({ call: 'send', peer: to });
        calls[to]!.push({ call: 'recv', peer: exchange.from });
      }
    }
    for (const [rank, at] of swaps) {
      const list = calls[rank]!;
      if (at + 1 < list.length) [list[at], list[at + 1]] = [list[at + 1]!, list[at]!];
    }
    return calls;
  });

/** Ranks that stay blocked when every call waits for its partners (rendezvous). */
function stuckByModel(calls: readonly (readonly BlockingCall[])[]): number[] {
  const next = [0, 0, 0, 0];
  const current = (rank: number): BlockingCall | undefined => calls[rank]![next[rank]!];
  for (let hasMoved = true; hasMoved;) {
    hasMoved = false;
    for (let rank = 0; rank < 4; rank++) {
      const call = current(rank);
      let partners: number[] | undefined;
      if (call?.call === 'send') {
        const answer = current(call.peer);
        if (answer?.call === 'recv' && answer.peer === rank) partners = [rank, call.peer];
      } else if (call?.call === 'allReduce') {
        const members = ranksOfGroup(mesh, rank, call.group);
        const isMet = members.every((member) => {
          const other = current(member);
          return other?.call === 'allReduce' && other.group === call.group;
        });
        if (isMet) partners = members;
      }
      for (const partner of partners ?? []) next[partner]!++;
      hasMoved ||= partners !== undefined;
    }
  }
  return [0, 1, 2, 3].filter((rank) => current(rank) !== undefined);
}

test('random orders of blocking calls end as the model says: all done, or a deadlock of the same ranks', async () => {
  const seen = { done: 0, stuck: 0 };
  await fc.assert(
    fc.asyncProperty(lists, async (calls) => {
      const stuck = stuckByModel(calls);
      const launch = pool.launch({ mesh, module, entry: 'runBlocking', params: calls, timeoutMs: 20_000 });
      if (stuck.length === 0) {
        seen.done++;
        assert.deepEqual(
          (await launch).results,
          calls.map((list) => list.length),
        );
        return;
      }
      seen.stuck++;
      await assert.rejects(launch, (error: Error & { code: string; actual: string }) => {
        assert.equal(error.code, 'TF-RANKS-003', error.message);
        const named = [...error.actual.matchAll(/rank (\d) waits/g)].map((match) => Number(match[1]));
        assert.deepEqual(named, stuck, error.message);
        return true;
      });
    }),
    { numRuns: 40, endOnFailure: true },
  );
  assert.ok(seen.done > 0 && seen.stuck > 0, JSON.stringify(seen));
});
