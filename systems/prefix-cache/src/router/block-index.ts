/** Which engine holds which prefix, from KV events. A hybrid engine can reuse a prefix only where it has both the keys
 *  and values of all tokens before and a recurrent state at its end; the score is therefore the least over the groups.
 *  An engine that never announced a state counts as a plain transformer.
 *  Engines hash blocks each in their own way. The index hashes the announced tokens itself and remembers which foreign hash
 *  stands for which of its own, so that a prompt is hashed once and engines of several makes stand side by side. */
import { extendHash, PREFIX_SEED } from '../cache/prefix-hashes.ts';
import { prefixError } from '../prefix-errors.ts';
import { hashKeyOf, STATE_GROUP, type BlockHash, type BlockStored, type KvEvent } from '../server/kv-events.ts';

interface Worker {
  readonly name: string;
  readonly bit: number;
  /** Foreign hash → own hashes of the blocks it stands for, by group. */
  readonly known: readonly [Map<string | number, Int32Array>, Map<string | number, Int32Array>];
  hasStates: boolean;
  /** Groups that were announced as recurrent. */
  readonly stateGroups: Set<number>;
  nextSequence: number;
  load: number;
}

export interface WorkerScore {
  readonly worker: string;
  /** Tokens that the worker could reuse. */
  readonly reusableTokens: number;
  /** Tokens whose keys and values it holds. */
  readonly attentionTokens: number;
  /** Prompt tokens it is computing now. */
  readonly load: number;
}

/** Names that engines give to groups of recurrent states. */
const STATE_KINDS = /mamba|recurrent|linear/i;
/** Workers are bits of a 32-bit mask. */
const MAX_WORKERS = 32;

export class BlockIndex {
  readonly blockTokens: number;
  /** Events that could not be placed: unknown parent, or a block size that is no multiple of this index's. */
  numUnplaced = 0;
  /** Messages and events that were no KV events; followers count them. */
  numUnreadable = 0;
  readonly #workers = new Map<string, Worker>();
  /** Own hash, as a signed number → workers that hold the block, by group. */
  readonly #holders: readonly [Map<number, number>, Map<number, number>] = [new Map(), new Map()];
  /** Scratch of `rank`: blocks by bit. */
  readonly #held = new Int32Array(MAX_WORKERS);
  readonly #usable = new Int32Array(MAX_WORKERS);

  constructor(blockTokens: number) {
    this.blockTokens = blockTokens;
  }

  /** @throws TF-PREFIX-006 beyond 32 workers */
  addWorker(name: string): void {
    if (this.#workers.has(name)) return;
    if (this.#workers.size === MAX_WORKERS)
      throw prefixError('TF-PREFIX-006', {
        subject: 'BlockIndex.addWorker',
        expected: `at most ${MAX_WORKERS} workers`,
        actual: String(MAX_WORKERS + 1),
      });
    this.#workers.set(name, {
      name,
      bit: 1 << this.#workers.size,
      known: [new Map(), new Map()],
      hasStates: false,
      stateGroups: new Set([STATE_GROUP]),
      nextSequence: 0,
      load: 0,
    });
  }

  /** @returns first missing sequence number if there is a gap: the caller replays from there or clears the worker */
  apply(name: string, sequence: number, events: readonly KvEvent[]): number | undefined {
    this.addWorker(name);
    const worker = this.#workers.get(name)!;
    // Numbers start again when an engine does; what it held is gone.
    if (sequence === 0 && worker.nextSequence > 0) this.reset(name, 0);
    if (sequence < worker.nextSequence) return undefined;
    if (sequence > worker.nextSequence) return worker.nextSequence;
    worker.nextSequence = sequence + 1;
    for (const event of events) this.#applyEvent(worker, event);
    return undefined;
  }

  /** Forgets what a worker holds and goes on from a sequence number. */
  reset(name: string, nextSequence: number): void {
    this.addWorker(name);
    const worker = this.#workers.get(name)!;
    this.#clear(worker);
    worker.nextSequence = nextSequence;
  }

  addLoad(name: string, tokens: number): void {
    this.#workers.get(name)!.load += tokens;
  }

  /** Scores of all workers, best first: most reusable tokens less load, then the least load.
   *  Cost: O(tokens + blocks + workers). */
  rank(tokens: Int32Array): WorkerScore[] {
    const { blockTokens } = this;
    const [attention, states] = this.#holders;
    const [held, usable] = [this.#held.fill(0), this.#usable.fill(0)];
    const numBlocks = Math.floor(tokens.length / blockTokens);
    let [holding, hash] = [-1, PREFIX_SEED];
    // What nobody holds need not be hashed.
    for (let block = 0; block < numBlocks && holding !== 0; block++) {
      for (let i = block * blockTokens; i < (block + 1) * blockTokens; i++) hash = extendHash(hash, tokens[i]!) | 0;
      const left = holding & (attention.get(hash) ?? 0);
      for (let lost = holding & ~left; lost !== 0; lost &= lost - 1) held[indexOfLowestBit(lost)] = block;
      holding = left;
      for (let can = left === 0 ? 0 : left & (states.get(hash) ?? 0); can !== 0; can &= can - 1)
        usable[indexOfLowestBit(can)] = block + 1;
    }
    for (let rest = holding; rest !== 0; rest &= rest - 1) held[indexOfLowestBit(rest)] = numBlocks;
    const scores = Array.from(this.#workers.values(), ({ name, bit, hasStates, load }): WorkerScore => {
      const attentionTokens = held[indexOfLowestBit(bit)]! * blockTokens;
      const reusableTokens = hasStates ? usable[indexOfLowestBit(bit)]! * blockTokens : attentionTokens;
      return { worker: name, reusableTokens, attentionTokens, load };
    });
    return scores.sort((a, b) => b.reusableTokens - b.load - (a.reusableTokens - a.load) || a.load - b.load);
  }

  /** What each worker holds of a chain of its own block hashes, from the first on. Engines hash each in their own way, so
   *  a chain usually fits the engines of one make. */
  matchHashes(keys: readonly (string | number)[]): WorkerScore[] {
    return Array.from(this.#workers.values(), ({ name, known, hasStates, load }): WorkerScore => {
      let [attentionTokens, reusableTokens] = [0, 0];
      for (const key of keys) {
        const own = known[0].get(key);
        if (own === undefined) break;
        attentionTokens += own.length * this.blockTokens;
        if (!hasStates || known[1].has(key)) reusableTokens = attentionTokens;
      }
      return { worker: name, reusableTokens, attentionTokens, load };
    });
  }

  #applyEvent(worker: Worker, event: KvEvent): void {
    if (event.type === 'AllBlocksCleared') return this.#clear(worker);
    // Engines number their groups as they like; what is stored says what it is, what is removed does not.
    if (event.type === 'BlockStored') {
      if (STATE_KINDS.test(event.kv_cache_spec_kind)) worker.stateGroups.add(event.group_idx);
      else worker.stateGroups.delete(event.group_idx);
    }
    const group = worker.stateGroups.has(event.group_idx) ? 1 : 0;
    if (group === 1) worker.hasStates = true;
    if (event.type === 'BlockStored') return this.#store(worker, event, group);
    for (const hash of event.block_hashes) this.#remove(worker, hash, group);
  }

  #store(worker: Worker, event: BlockStored, group: 0 | 1): void {
    const size = event.block_size;
    const parents = event.parent_block_hash === null ? undefined : this.#ownOf(worker, event.parent_block_hash);
    if ((event.parent_block_hash !== null && parents === undefined) || size % this.blockTokens !== 0) {
      this.numUnplaced++;
      return;
    }
    let hash = parents?.at(-1) ?? PREFIX_SEED;
    for (const [index, foreign] of event.block_hashes.entries()) {
      const own = new Int32Array(size / this.blockTokens);
      for (let i = 0; i < size; i++) {
        hash = extendHash(hash, event.token_ids[index * size + i]!) | 0;
        if ((i + 1) % this.blockTokens === 0) own[(i + 1) / this.blockTokens - 1] = hash;
      }
      worker.known[group].set(hashKeyOf(foreign), own);
      // A state stands at the end of its block only.
      const held = group === 1 ? own.subarray(-1) : own;
      for (const block of held) this.#holders[group].set(block, (this.#holders[group].get(block) ?? 0) | worker.bit);
    }
  }

  /** Parents are looked for in both groups: a state's parent is an attention block. */
  #ownOf(worker: Worker, foreign: BlockHash): Int32Array | undefined {
    const key = hashKeyOf(foreign);
    return worker.known[0].get(key) ?? worker.known[1].get(key);
  }

  #remove(worker: Worker, foreign: BlockHash, group: 0 | 1): void {
    const key = hashKeyOf(foreign);
    const own = worker.known[group].get(key);
    if (own === undefined) return;
    worker.known[group].delete(key);
    this.#release(worker, group, own);
  }

  #clear(worker: Worker): void {
    for (const group of [0, 1] as const) {
      for (const own of worker.known[group].values()) this.#release(worker, group, own);
      worker.known[group].clear();
    }
  }

  #release(worker: Worker, group: 0 | 1, own: Int32Array): void {
    const holders = this.#holders[group];
    for (const block of own) {
      const left = (holders.get(block) ?? 0) & ~worker.bit;
      if (left === 0) holders.delete(block);
      else holders.set(block, left);
    }
  }
}

function indexOfLowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}
