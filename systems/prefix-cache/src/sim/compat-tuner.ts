/** The published one-shot tuner (paper, §4.2): after the first eviction at request R0 it waits until W = 5·R0 requests,
 *  replays them from an empty cache for α = 0, 0.1 … 2 and keeps the α that saved most FLOPs over the last 500 of them.
 *  Differs: ties go to the least α (the published code leaves them to its process pool). */
import { CompatCache } from '../compat/compat-cache.ts';
import { profileFromPaperModel, type PaperModel } from '../cost/paper-costs.ts';
import { flopsBetween } from '../cost/profile.ts';
import { sequenceOf } from '../trace/request-builder.ts';
import type { TraceRequest } from '../types.ts';

export const ALPHA_GRID: readonly number[] = Array.from({ length: 21 }, (_, i) => i / 10);

const WINDOW_FACTOR = 5;
const SCORED_REQUESTS = 500;

export class CompatTuner {
  readonly #model: PaperModel;
  readonly #capacityBytes: number;
  readonly #symbolTokens: number;
  #window: TraceRequest[] | undefined = [];
  #target = Infinity;

  constructor(model: PaperModel, capacityBytes: number, symbolTokens: number) {
    this.#model = model;
    this.#capacityBytes = capacityBytes;
    this.#symbolTokens = symbolTokens;
  }

  /** Call between the lookup and the insertion of a request.
   *  @returns the tuned α once: with the last request of the window, before it is inserted */
  beforeInsert(request: TraceRequest): number | undefined {
    if (this.#window === undefined) return undefined;
    this.#window.push(request);
    if (this.#window.length !== this.#target) return undefined;
    const alpha = this.#bestAlpha(this.#window);
    this.#window = undefined;
    return alpha;
  }

  /** Call after each insertion. @param hasOverflowed  whether the cache ever ran out of room */
  afterInsert(hasOverflowed: boolean): void {
    if (this.#window === undefined || !hasOverflowed || this.#target !== Infinity) return;
    this.#target = WINDOW_FACTOR * this.#window.length;
  }

  #bestAlpha(window: readonly TraceRequest[]): number {
    const profile = profileFromPaperModel(this.#model);
    let [best, most] = [0, -1];
    for (const alpha of ALPHA_GRID) {
      const cache = new CompatCache(this.#model, this.#capacityBytes, { kind: 'marconi', alpha }, this.#symbolTokens);
      let saved = 0;
      for (const [index, request] of window.entries()) {
        const { reusedTokens } = cache.lookup(request.input);
        cache.insert(sequenceOf(request));
        if (index >= window.length - SCORED_REQUESTS)
          saved += flopsBetween(profile, 0, reusedTokens * this.#symbolTokens);
      }
      if (saved > most) [best, most] = [alpha, saved];
    }
    return best;
  }
}
