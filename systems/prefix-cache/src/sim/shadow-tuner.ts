/** The continuous tuner in a thread of its own, so that lookups of the live cache never wait for it. */
import { Worker } from 'node:worker_threads';
import type { EvictionPolicy } from '../cache/eviction.ts';
import type { ShadowStanding } from './adaptive.ts';
import type { ReplayOptions } from './size-cache.ts';

export interface ShadowRequest {
  readonly input: Int32Array;
  readonly output: Int32Array;
}

export interface ShadowAnswer {
  readonly policy: EvictionPolicy;
  readonly standings: readonly ShadowStanding[];
  readonly numObserved: number;
}

export class ShadowTuner implements Disposable {
  standings: readonly ShadowStanding[] = [];
  numObserved = 0;
  readonly #worker: Worker;

  constructor(options: Omit<ReplayOptions, 'policy' | 'signal'>, onPolicy: (policy: EvictionPolicy) => void) {
    this.#worker = new Worker(new URL('./shadow-worker.ts', import.meta.url), { workerData: options });
    this.#worker.unref();
    this.#worker.on('message', ({ policy, standings, numObserved }: ShadowAnswer) => {
      this.standings = standings;
      this.numObserved = numObserved;
      onPolicy(policy);
    });
  }

  /** Shows a finished request to the shadows; returns at once. */
  observe(input: Int32Array, output: Int32Array): void {
    this.#worker.postMessage({ input, output } satisfies ShadowRequest);
  }

  [Symbol.dispose](): void {
    void this.#worker.terminate();
  }
}
