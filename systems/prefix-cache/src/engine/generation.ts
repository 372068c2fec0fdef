/** Requests on an engine behind a prefix cache: a queue, a few sequences at once, prefill in chunks that stop at planned
 *  checkpoints, one decode step a turn. The last sampled token is never part of a checkpoint: the model has not read it. */
import { createRng, yieldToEventLoop, type Rng } from '@tenfold/core/base';
import type { PrefixCache } from '../cache/prefix-cache.ts';
import type { BeginOptions, Lease } from '../cache/types.ts';
import { prefixError } from '../prefix-errors.ts';
import type { MissReason } from '../types.ts';
import { logProbability, sampleToken } from './sampler.ts';
import type { EngineBackend, EngineSequence } from './types.ts';

export interface GenerationOptions extends Pick<BeginOptions, 'salt' | 'breakpoints'> {
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  /** False: computes everything and keeps nothing. */
  readonly isCached?: boolean;
  readonly signal?: AbortSignal;
  /** Called with each token; true stops the answer. */
  readonly onToken?: (token: number, logProbability: number) => boolean;
  readonly wantsLogProbabilities?: boolean;
}

export interface Generation {
  readonly tokens: readonly number[];
  /** So many of them the model has read: the last sampled one is not among them. */
  readonly numReadTokens: number;
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly missReason: MissReason;
  /** From the call to the first token. */
  readonly ttftMs: number;
  readonly totalMs: number;
  /** Waiting in the queue, part of `ttftMs`. */
  readonly queuedMs: number;
}

interface Job {
  readonly prompt: Int32Array;
  readonly options: GenerationOptions;
  readonly rng: Rng;
  readonly askedMs: number;
  readonly resolve: (generation: Generation) => void;
  readonly reject: (reason: unknown) => void;
}

interface Active<State, Kv> extends Job {
  readonly sequence: EngineSequence<State, Kv>;
  readonly lease: Lease<State, Kv>;
  readonly states: Map<number, State>;
  /** Prompt and answer. */
  readonly tokens: Int32Array;
  readonly startedMs: number;
  /** Prefix lengths that other requests wait for. */
  readonly awaited: Set<number>;
  numTokens: number;
  firstTokenMs: number;
}

/** A request whose prefix another one is computing. */
interface Waiting<State, Kv> {
  readonly job: Job;
  readonly leader: Active<State, Kv>;
  readonly at: number;
}

const DEFAULT_MAX_QUEUE = 64;

export class GenerationService<State, Kv> {
  readonly backend: EngineBackend<State, Kv>;
  readonly cache: PrefixCache<State, Kv>;
  readonly #clock: { nowMs(): number };
  readonly #maxQueue: number;
  readonly #queue: Job[] = [];
  readonly #active: Active<State, Kv>[] = [];
  readonly #waiting: Waiting<State, Kv>[] = [];
  readonly #sharesPrefill: boolean;
  #isRunning = false;

  constructor(
    backend: EngineBackend<State, Kv>,
    cache: PrefixCache<State, Kv>,
    options: {
      readonly clock: { nowMs(): number };
      readonly maxQueue?: number;
      /** Whether a request waits while another computes a prefix that both share, default true. */
      readonly sharesPrefill?: boolean;
    },
  ) {
    const { clock, maxQueue = DEFAULT_MAX_QUEUE, sharesPrefill = true } = options;
    this.backend = backend;
    this.cache = cache;
    this.#clock = clock;
    this.#maxQueue = maxQueue;
    this.#sharesPrefill = sharesPrefill;
  }

  get isFull(): boolean {
    return this.numWaiting >= this.#maxQueue;
  }

  get numWaiting(): number {
    return this.#queue.length + this.#waiting.length;
  }

  /** @throws TF-PREFIX-008 if the prompt is empty or longer than the context; the signal's reason if cancelled */
  generate(prompt: Int32Array, options: GenerationOptions): Promise<Generation> {
    const { maxTokens: limit } = this.backend;
    if (prompt.length === 0 || prompt.length + options.maxTokens > limit)
      return Promise.reject(
        prefixError('TF-PREFIX-008', {
          subject: 'generate',
          expected: `a prompt and answer of 1 to ${limit} tokens`,
          actual: `${prompt.length} + ${options.maxTokens}`,
        }),
      );
    return new Promise((resolve, reject) => {
      const rng = createRng(options.seed ?? 0, 'sampling');
      this.#queue.push({ prompt, options, rng, askedMs: this.#clock.nowMs(), resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.numWaiting > 0 || this.#active.length > 0) {
        while (this.#queue.length > 0 && this.#active.length < this.backend.maxSequences) {
          const job = this.#queue.shift()!;
          if (!this.#waits(job)) await this.#start(job);
        }
        for (const job of this.#active.slice()) await this.#step(job);
        await yieldToEventLoop();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Lets a request wait if one in flight is about to compute more of its prefix than the cache has. */
  #waits(job: Job): boolean {
    const { prompt, options } = job;
    if (!this.#sharesPrefill || options.isCached === false) return false;
    const { alignTokens, minTokens } = this.cache.rules;
    let [leader, longest]: [Active<State, Kv> | undefined, number] = [undefined, 0];
    for (const active of this.#active) {
      if (active.options.isCached === false || (active.options.salt ?? '') !== (options.salt ?? '')) continue;
      // The last token of a prompt is always computed: its logits are needed.
      const shared = sharedLength(prompt, active.prompt, Math.min(prompt.length - 1, active.prompt.length));
      const at = Math.floor(shared / alignTokens) * alignTokens;
      if (at > longest && at >= minTokens && active.sequence.length < at) [leader, longest] = [active, at];
    }
    if (leader === undefined) return false;
    const { reusedTokens } = this.cache.lookup(prompt, options);
    if (longest - reusedTokens < this.backend.chunkTokens) return false;
    leader.awaited.add(longest);
    this.#waiting.push({ job, leader, at: longest });
    return true;
  }

  /** Requests that wait for a leader go on, in their order, before those that came later. */
  #wake(leader: Active<State, Kv>, length: number): void {
    const woken = this.#waiting.filter((waiting) => waiting.leader === leader && waiting.at <= length);
    for (const waiting of woken) this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    this.#queue.unshift(...woken.map(({ job }) => job));
  }

  async #start(job: Job): Promise<void> {
    const { options, prompt } = job;
    if (options.signal?.aborted === true) return job.reject(options.signal.reason);
    const { salt, breakpoints, isCached: isEnabled = true, maxTokens: maxOutputTokens } = options;
    const sequence = this.backend.open();
    const lease = this.cache.begin(prompt, { salt, breakpoints, isEnabled, maxOutputTokens });
    const tokens = new Int32Array(prompt.length + maxOutputTokens);
    tokens.set(prompt);
    const active: Active<State, Kv> = {
      ...job,
      sequence,
      lease,
      states: new Map(),
      awaited: new Set(),
      tokens,
      startedMs: this.#clock.nowMs(),
      numTokens: prompt.length,
      firstTokenMs: NaN,
    };
    this.#active.push(active);
    if (lease.reusedTokens === 0) return;
    try {
      await sequence.restore(prompt.subarray(0, lease.reusedTokens), lease.state!, lease.kv);
    } catch (error) {
      this.#fail(active, error);
    }
  }

  async #step(job: Active<State, Kv>): Promise<void> {
    const { sequence, prompt, options, tokens } = job;
    if (options.signal?.aborted === true) return this.#fail(job, options.signal.reason);
    try {
      if (sequence.length < prompt.length) {
        await this.#prefill(job);
        if (sequence.length < prompt.length) return;
      } else await sequence.extend(tokens, job.numTokens);
      await this.#decode(job);
    } catch (error) {
      this.#fail(job, error);
    }
  }

  async #prefill(job: Active<State, Kv>): Promise<void> {
    const { sequence, prompt, lease, states, awaited } = job;
    const start = sequence.length;
    const chunkEnd = (Math.floor(start / this.backend.chunkTokens) + 1) * this.backend.chunkTokens;
    const checkpoint = lease.plan.find(({ at }) => at > start)?.at ?? Infinity;
    await sequence.extend(prompt, Math.min(prompt.length, chunkEnd, checkpoint, ...awaited));
    const { length } = sequence;
    const isAwaited = awaited.delete(length);
    if (length !== checkpoint && !isAwaited) return;
    states.set(length, await sequence.snapshot());
    if (!isAwaited) return;
    this.cache.publish(lease, prompt.slice(0, length), { states, kvOf: sequence.kvOf });
    this.#wake(job, length);
  }

  async #decode(job: Active<State, Kv>): Promise<void> {
    const { sequence, options, tokens, prompt } = job;
    const { temperature = 0, topP = 1, maxTokens, onToken, wantsLogProbabilities = false } = options;
    const token =
      maxTokens === 0 ? this.backend.endToken : sampleToken(sequence.logits, { temperature, topP }, job.rng);
    if (Number.isNaN(job.firstTokenMs)) job.firstTokenMs = this.#clock.nowMs();
    if (token === this.backend.endToken) return this.#finish(job, maxTokens === 0 ? 'length' : 'stop');
    tokens[job.numTokens++] = token;
    const isStopped = onToken?.(token, wantsLogProbabilities ? logProbability(sequence.logits, token) : NaN) ?? false;
    if (isStopped) return this.#finish(job, 'stop');
    if (job.numTokens - prompt.length >= maxTokens) await this.#finish(job, 'length');
  }

  async #finish(job: Active<State, Kv>, finishReason: Generation['finishReason']): Promise<void> {
    const { sequence, lease, states, tokens, prompt, askedMs, startedMs, firstTokenMs } = job;
    const numReadTokens = sequence.length - prompt.length;
    if (lease.missReason === 'disabled') this.cache.abort(lease);
    else {
      states.set(sequence.length, await sequence.snapshot());
      this.cache.commit(lease, tokens.slice(0, sequence.length), { states, kvOf: sequence.kvOf });
    }
    this.#close(job);
    job.resolve({
      tokens: [...tokens.subarray(prompt.length, job.numTokens)],
      numReadTokens,
      finishReason,
      promptTokens: prompt.length,
      cachedTokens: lease.reusedTokens,
      missReason: lease.missReason,
      ttftMs: firstTokenMs - askedMs,
      queuedMs: startedMs - askedMs,
      totalMs: this.#clock.nowMs() - askedMs,
    });
  }

  #fail(job: Active<State, Kv>, reason: unknown): void {
    this.cache.abort(job.lease);
    this.#close(job);
    job.reject(reason);
  }

  #close(job: Active<State, Kv>): void {
    job.sequence.close();
    this.#active.splice(this.#active.indexOf(job), 1);
    this.#wake(job, Infinity);
  }
}

function sharedLength(a: Int32Array, b: Int32Array, limit: number): number {
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}
