/** Which engine holds which prefix, from KV events. A hybrid engine can reuse a prefix only where it has both the keys
 *  and values of all tokens before and a recurrent state at its end; the score is therefore the least over the groups.
 *  An engine that never announced a state counts as a plain transformer. */
import { ATTENTION_GROUP, blockHashes, STATE_GROUP, type KvEvent } from '../server/kv-events.ts';

interface WorkerBlocks {
  readonly attention: Set<number>;
  readonly states: Set<number>;
  hasStates: boolean;
  nextSequence: number;
  load: number;
}

export interface WorkerScore {
  readonly worker: string;
  /** Tokens that the worker could reuse. */
  readonly reusableTokens: number;
  /** Tokens whose keys and values it holds. */
  readonly attentionTokens: number;
  readonly load: number;
}

export class BlockIndex {
  readonly blockTokens: number;
  readonly #workers = new Map<string, WorkerBlocks>();

  constructor(blockTokens: number) {
    this.blockTokens = blockTokens;
  }

  addWorker(worker: string): void {
    if (!this.#workers.has(worker))
      this.#workers.set(worker, {
        attention: new Set(),
        states: new Set(),
        hasStates: false,
        nextSequence: 0,
        load: 0,
      });
  }

  /** @returns first missing sequence number if there is a gap: the caller replays from there or clears the worker */
  apply(worker: string, sequence: number, events: readonly KvEvent[]): number | undefined {
    this.addWorker(worker);
    const blocks = this.#workers.get(worker)!;
    if (sequence < blocks.nextSequence) return undefined;
    if (sequence > blocks.nextSequence) return blocks.nextSequence;
    blocks.nextSequence = sequence + 1;
    for (const event of events) applyEvent(blocks, event);
    return undefined;
  }

  /** Forgets what a worker holds and goes on from a sequence number. */
  reset(worker: string, nextSequence: number): void {
    this.addWorker(worker);
    const blocks = this.#workers.get(worker)!;
    applyEvent(blocks, { type: 'AllBlocksCleared' });
    blocks.nextSequence = nextSequence;
  }

  addLoad(worker: string, tokens: number): void {
    this.#workers.get(worker)!.load += tokens;
  }

  /** Scores of all workers, best first: most reusable tokens less load, then the least load. */
  rank(tokens: Int32Array): WorkerScore[] {
    const hashes = blockHashes(tokens, this.blockTokens);
    const scores = Array.from(this.#workers, ([worker, { attention, states, hasStates, load }]): WorkerScore => {
      let held = 0;
      while (held < hashes.length && attention.has(hashes[held]!)) held++;
      let usable = held;
      if (hasStates) while (usable > 0 && !states.has(hashes[usable - 1]!)) usable--;
      return { worker, reusableTokens: usable * this.blockTokens, attentionTokens: held * this.blockTokens, load };
    });
    return scores.sort((a, b) => b.reusableTokens - b.load - (a.reusableTokens - a.load) || a.load - b.load);
  }
}

function applyEvent(blocks: WorkerBlocks, event: KvEvent): void {
  if (event.type === 'AllBlocksCleared') {
    blocks.attention.clear();
    blocks.states.clear();
    return;
  }
  const group = event.group_idx === STATE_GROUP ? blocks.states : blocks.attention;
  if (event.group_idx !== ATTENTION_GROUP) blocks.hasStates = true;
  for (const hash of event.block_hashes)
    if (event.type === 'BlockStored') group.add(hash);
    else group.delete(hash);
}
