/** Event simulation: requests arrive, wait for one of several servers, prefill and decode; lookups happen when service
 *  starts and insertions when it ends, so that requests in flight hold locks and reservations. Closed loop: a turn cannot
 *  start before the answer of the turn before it, and keeps its distance to it. */
import { throwIfCancelled } from '@tenfold/core/base';
import { policyFromName } from '../cache/eviction.ts';
import type { Lease } from '../cache/types.ts';
import { sequenceOf } from '../trace/request-builder.ts';
import type { Trace } from '../types.ts';
import { AdaptivePolicy } from './adaptive.ts';
import { createSizeCache, type ReplayOptions } from './size-cache.ts';
import { prefillSec, type Accelerator } from './ttft.ts';

export interface QueueOptions extends Omit<ReplayOptions, 'policy'> {
  /** An exact policy, or `adaptive`. */
  readonly policy: string;
  readonly hardware: Accelerator;
  readonly servers: number;
  /** Arrivals come this many times as fast, default 1. */
  readonly speedUp?: number;
}

export interface QueuedRequest {
  readonly index: number;
  readonly server: number;
  readonly arrivalSec: number;
  readonly startSec: number;
  /** First token, from the start of the simulation. */
  readonly firstTokenSec: number;
  readonly endSec: number;
  readonly reusedTokens: number;
}

interface Arrival {
  readonly index: number;
  readonly timeSec: number;
}

/** @returns requests in order of service */
export function simulateQueue(trace: Trace, options: QueueOptions): QueuedRequest[] {
  const { hardware, servers, speedUp = 1, profile } = options;
  const tuner = options.policy === 'adaptive' ? new AdaptivePolicy(trace, options) : undefined;
  const cache = createSizeCache(trace, options, tuner?.policy ?? policyFromName(options.policy));
  const freeAtSec = new Float64Array(servers);
  const running: { readonly endSec: number; readonly finish: () => void }[] = [];
  const { waiting, next } = firstTurns(trace, speedUp);
  const served: QueuedRequest[] = [];
  while (waiting.length > 0) {
    if ((served.length & 0xff) === 0) throwIfCancelled(options.signal, 'simulateQueue');
    const { index, timeSec } = waiting.shift()!;
    const server = freeAtSec.indexOf(Math.min(...freeAtSec));
    const startSec = Math.max(timeSec, freeAtSec[server]!);
    while (running.length > 0 && running[0]!.endSec <= startSec) running.shift()!.finish();
    const request = trace.requests[index]!;
    const outputSymbols = trace.hasOpaqueOutputs ? 0 : request.output.length;
    const lease: Lease<undefined, undefined> = cache.begin(request.input, {
      maxOutputTokens: outputSymbols,
      breakpoints: trace.hasOpaqueOutputs ? [Math.floor(request.inputTokens / trace.symbolTokens)] : [],
    });
    const reusedTokens = Math.min(lease.reusedTokens * trace.symbolTokens, request.inputTokens);
    const firstTokenSec = startSec + prefillSec(profile, hardware, request.inputTokens, reusedTokens);
    const endSec = firstTokenSec + request.outputTokens * hardware.decodeSecPerToken;
    freeAtSec[server] = endSec;
    const sequence = trace.hasOpaqueOutputs ? request.input : sequenceOf(request);
    const finish = (): void => {
      cache.commit(lease, sequence);
      if (tuner !== undefined) cache.setPolicy(tuner.observe(request));
    };
    insertSorted(running, { endSec, finish }, (run) => run.endSec);
    served.push({ index, server, arrivalSec: timeSec, startSec, firstTokenSec, endSec, reusedTokens });
    const following = next.get(index);
    if (following !== undefined) {
      const gapSec = Math.max(0, trace.requests[following]!.timeSec - request.timeSec) / speedUp;
      insertSorted(
        waiting,
        { index: following, timeSec: Math.max(endSec, timeSec + gapSec) },
        (arrival) => arrival.timeSec,
      );
    }
  }
  for (const { finish } of running) finish();
  return served;
}

/** First turns wait from the start; each later turn follows the one before it. */
function firstTurns(
  trace: Trace,
  speedUp: number,
): { readonly waiting: Arrival[]; readonly next: ReadonlyMap<number, number> } {
  const waiting: Arrival[] = [];
  const next = new Map<number, number>();
  const lastOf = new Map<number, number>();
  for (const [index, { session, turn, timeSec }] of trace.requests.entries()) {
    const last = turn > 0 ? lastOf.get(session) : undefined;
    if (last === undefined) waiting.push({ index, timeSec: timeSec / speedUp });
    else next.set(last, index);
    lastOf.set(session, index);
  }
  return { waiting, next };
}

function insertSorted<Item>(list: Item[], item: Item, keyOf: (item: Item) => number): void {
  let at = list.length;
  while (at > 0 && keyOf(list[at - 1]!) > keyOf(item)) at--;
  list.splice(at, 0, item);
}
