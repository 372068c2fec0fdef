/** Speed of the router's index: which of eight engines holds most of a 4,096-token prompt, and events taken in. The peer
 *  column is the target of the room's specification. */
import { createRng } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { BlockIndex } from '../src/router/block-index.ts';
import { storedEvent } from '../src/server/kv-events.ts';

const WORKERS = 8;
const PROMPT_TOKENS = 4096;
const BLOCK_TOKENS = 16;
const PROMPTS = 200;
const DECISIONS = 20_000;
const PEER_DECISIONS = 20_000;
const PEER_BLOCKS = 100_000;

export async function bench(): Promise<BenchRow[]> {
  const rng = createRng(8, 'router');
  const index = new BlockIndex(BLOCK_TOKENS);
  // Prompts share their first half with others, as system prompts do.
  const heads = Array.from({ length: 10 }, () => randomTokens(PROMPT_TOKENS / 2));
  const prompts = Array.from({ length: PROMPTS }, (_, i) =>
    Int32Array.from([...heads[i % heads.length]!, ...randomTokens(PROMPT_TOKENS / 2)]),
  );
  const events = prompts.map((prompt) => storedEvent(prompt, 0, BLOCK_TOKENS, 0)!);
  let start = performance.now();
  let blocks = 0;
  const sequences = new Array<number>(WORKERS).fill(0);
  for (const [i, event] of events.entries())
    for (const worker of [i % WORKERS, (i + 3) % WORKERS]) {
      index.apply(`engine-${worker}`, sequences[worker]!++, [event]);
      blocks += event.block_hashes.length;
    }
  const blocksPerSec = blocks / ((performance.now() - start) / 1000);
  let tokens = 0;
  start = performance.now();
  for (let i = 0; i < DECISIONS; i++) tokens += index.rank(prompts[(i * 37) % PROMPTS]!)[0]!.reusableTokens;
  const decisionsPerSec = DECISIONS / ((performance.now() - start) / 1000);
  if (tokens !== DECISIONS * PROMPT_TOKENS) throw new Error('a prompt that an engine holds was not found whole');
  return [
    {
      name: `routing of ${PROMPT_TOKENS} tokens over ${WORKERS} engines`,
      ours: decisionsPerSec,
      peer: PEER_DECISIONS,
      unit: 'decisions/s',
      ratio: decisionsPerSec / PEER_DECISIONS,
      note: 'hashing of the prompt included; the peer column is the target',
    },
    {
      name: 'KV events taken in',
      ours: blocksPerSec,
      peer: PEER_BLOCKS,
      unit: 'blocks/s',
      ratio: blocksPerSec / PEER_BLOCKS,
      note: `blocks of ${BLOCK_TOKENS} tokens; the peer column is the target`,
    },
  ];

  function randomTokens(length: number): Int32Array {
    return Int32Array.from({ length }, () => rng.integer(50_000));
  }
}
