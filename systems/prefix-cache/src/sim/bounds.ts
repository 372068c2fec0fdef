/** What any cache could give on a trace. Five bounds: unlimited memory by tokens; unlimited memory under the admission;
 *  best fixed α in hindsight; the best of greedy policies that know the future; and a proven upper bound.
 *
 *  Upper bound (own construction, after the idea of flow-based offline bounds): keys and values are free. To reuse the
 *  prefix at boundary b, request r needs its checkpoint to have been kept since the last request p that passed through b,
 *  for r − p steps: price S·(r − p). All kept checkpoints together can fill at most capacity · steps. Each request uses at
 *  most one boundary, so the greatest total value is a multiple-choice knapsack; its linear relaxation (greedy over the
 *  concave hulls of the requests' choices) is at least as large as what any policy reaches. */
import { throwIfCancelled } from '@tenfold/core/base';
import { flopsBetween } from '../cost/profile.ts';
import type { ModelProfile, ReplayResult, Trace } from '../types.ts';
import { BoundaryIndex } from './boundaries.ts';
import { replayClairvoyant } from './clairvoyant.ts';
import { ALPHA_GRID } from './compat-tuner.ts';
import { replayTrace } from './replay.ts';
import type { ReplayOptions } from './size-cache.ts';

export interface Bounds {
  readonly capacityBytes: number;
  /** Token hit rates in 0..1. */
  readonly unlimitedTokens: number;
  readonly unlimitedAdmission: number;
  readonly staticAlpha: { readonly alpha: number; readonly tokenHitRate: number };
  readonly clairvoyant: ReplayResult;
  readonly upperBound: number;
  /** Same bound on FLOPs saved, as a share of all prefill FLOPs. */
  readonly upperBoundFlops: number;
}

interface Step {
  readonly value: number;
  readonly price: number;
}

export function computeBounds(
  trace: Trace,
  options: Omit<ReplayOptions, 'policy'>,
  index: BoundaryIndex = new BoundaryIndex(trace),
): Bounds {
  let staticAlpha = { alpha: 0, tokenHitRate: -1 };
  for (const alpha of ALPHA_GRID) {
    throwIfCancelled(options.signal, 'computeBounds');
    const { tokenHitRate } = replayTrace(trace, { ...options, policy: `marconi:${alpha}` });
    if (tokenHitRate > staticAlpha.tokenHitRate) staticAlpha = { alpha, tokenHitRate };
  }
  const inputTokens = trace.requests.reduce((sum, request) => sum + request.inputTokens, 0);
  const inputFlops = trace.requests.reduce((sum, { inputTokens: n }) => sum + flopsBetween(options.profile, 0, n), 0);
  const tokens = (symbols: number, request: number): number =>
    Math.min(symbols * trace.symbolTokens, trace.requests[request]!.inputTokens);
  return {
    capacityBytes: options.capacityBytes,
    unlimitedTokens:
      index.sharedSymbols.reduce((sum, shared, request) => sum + tokens(shared, request), 0) / inputTokens,
    unlimitedAdmission: replayTrace(trace, { ...options, capacityBytes: Number.MAX_SAFE_INTEGER, policy: 'lru' })
      .tokenHitRate,
    staticAlpha,
    clairvoyant: replayClairvoyant(trace, options, index),
    upperBound: upperBound(index, options.profile, options.capacityBytes, tokens) / inputTokens,
    upperBoundFlops:
      upperBound(index, options.profile, options.capacityBytes, (symbols, request) =>
        flopsBetween(options.profile, 0, tokens(symbols, request)),
      ) / inputFlops,
  };
}

/** Greatest total value that any policy can reach.
 *  @param valueOf  value of reusing so many symbols in a request (tokens or FLOPs), rising in symbols */
export function upperBound(
  index: BoundaryIndex,
  profile: ModelProfile,
  capacityBytes: number,
  valueOf: (symbols: number, request: number) => number,
): number {
  const lastPass = new Map<number, number>();
  const steps: Step[] = [];
  for (const [request, { nodes, depths, numInPrompt }] of index.paths.entries()) {
    const choices: Step[] = [];
    for (let i = 0; i < numInPrompt; i++) {
      const last = lastPass.get(nodes[i]!);
      if (last !== undefined)
        choices.push({ value: valueOf(depths[i]!, request), price: profile.stateBytes * (request - last) });
    }
    steps.push(...concaveSteps(choices));
    for (const node of nodes) lastPass.set(node, request);
  }
  steps.sort((a, b) => b.value * a.price - a.value * b.price);
  let budget = capacityBytes * Math.max(0, index.paths.length - 1);
  let total = 0;
  for (const { value, price } of steps) {
    if (price <= budget) {
      total += value;
      budget -= price;
    } else {
      total += (value * budget) / price;
      break;
    }
  }
  return total;
}

/** Increments of the upper concave hull of (price, value) points and the origin. */
function concaveSteps(choices: readonly Step[]): Step[] {
  const sorted = [...choices].sort((a, b) => a.price - b.price || b.value - a.value);
  const hull: Step[] = [{ value: 0, price: 0 }];
  for (const point of sorted) {
    if (point.value <= hull.at(-1)!.value) continue;
    while (hull.length > 1 && !isAbove(hull.at(-2)!, hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull.slice(1).map(({ value, price }, i) => ({ value: value - hull[i]!.value, price: price - hull[i]!.price }));
}

function isAbove(a: Step, middle: Step, b: Step): boolean {
  return (middle.value - a.value) * (b.price - a.price) > (b.value - a.value) * (middle.price - a.price);
}
