/** Time to first token. Two models: the paper's line (Jamba-1.5-Mini on four A100, profiled every 50 tokens), and one
 *  from FLOPs for the event simulation. */
import { flopsBetween } from '../cost/profile.ts';
import type { ModelProfile } from '../types.ts';

const PAPER_INTERCEPT_MS = 17.81;
const PAPER_SLOPE_MS = 0.052964;
const PAPER_STEP_TOKENS = 50;
const PAPER_MAX_TOKENS = 31_950;

/** The paper's model: the profiled length next above the uncached tokens, on a straight line. */
export function paperTtftMs(uncachedTokens: number): number {
  const length = Math.min((Math.floor(uncachedTokens / PAPER_STEP_TOKENS) + 1) * PAPER_STEP_TOKENS, PAPER_MAX_TOKENS);
  return PAPER_INTERCEPT_MS + PAPER_SLOPE_MS * length;
}

export interface Accelerator {
  /** Sustained in prefill. */
  readonly flopsPerSec: number;
  /** For loading a checkpoint and its keys and values. */
  readonly bytesPerSec: number;
  readonly overheadSec: number;
  readonly decodeSecPerToken: number;
}

/** Prefill of the tokens behind the reused ones, with attention over the cached prefix and the load of the state. */
export function prefillSec(
  profile: ModelProfile,
  hardware: Accelerator,
  inputTokens: number,
  reusedTokens: number,
): number {
  const loaded = reusedTokens === 0 ? 0 : profile.stateBytes + reusedTokens * profile.kvBytesPerToken;
  return (
    hardware.overheadSec +
    flopsBetween(profile, reusedTokens, inputTokens) / hardware.flopsPerSec +
    loaded / hardware.bytesPerSec
  );
}

/** Value below which `ratio` of the values lie (nearest rank). */
export function percentile(values: readonly number[], ratio: number): number {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(ratio * sorted.length) - 1))]!;
}

/** Percentile of the paper's time to first token over the requests of a replay. */
export function paperTtftPercentileMs(
  requests: readonly { readonly inputTokens: number }[],
  reused: readonly number[],
  ratio: number,
): number {
  return percentile(
    requests.map(({ inputTokens }, i) => paperTtftMs(inputTokens - reused[i]!)),
    ratio,
  );
}
