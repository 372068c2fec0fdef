/** Policies × capacities on one trace, with the bounds beside them. */
import type { ReplayResult, Trace } from '../types.ts';
import { BoundaryIndex } from './boundaries.ts';
import { computeBounds, type Bounds } from './bounds.ts';
import { replayTrace } from './replay.ts';
import type { ReplayOptions } from './size-cache.ts';

export interface WhatIf {
  readonly trace: string;
  readonly numRequests: number;
  readonly inputTokens: number;
  readonly rows: readonly ReplayResult[];
  readonly bounds: readonly Bounds[];
}

export function whatIf(
  trace: Trace,
  options: Omit<ReplayOptions, 'policy' | 'capacityBytes'> & {
    readonly policies: readonly string[];
    readonly capacities: readonly number[];
    readonly onStep?: (done: number, total: number) => void;
  },
): WhatIf {
  const { policies, capacities, onStep } = options;
  const index = new BoundaryIndex(trace);
  const rows: ReplayResult[] = [];
  const bounds: Bounds[] = [];
  const total = capacities.length * (policies.length + 1);
  for (const capacityBytes of capacities) {
    for (const policy of policies) {
      rows.push(replayTrace(trace, { ...options, capacityBytes, policy }));
      onStep?.(rows.length + bounds.length, total);
    }
    bounds.push(computeBounds(trace, { ...options, capacityBytes }, index));
    onStep?.(rows.length + bounds.length, total);
  }
  return {
    trace: trace.name,
    numRequests: trace.requests.length,
    inputTokens: trace.requests.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
    rows,
    bounds,
  };
}
