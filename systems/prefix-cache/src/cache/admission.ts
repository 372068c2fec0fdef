/** Which prefixes of a request get a checkpoint (paper, §4.1, and more positions behind switches).
 *  At most: the branch point that the tree reveals, the end of the request, and what the switches add. */
import type { CheckpointSource, PlannedCheckpoint } from '../types.ts';

export interface AdmissionOptions {
  /** Where this request leaves an edge of the tree, default true. */
  readonly branch?: boolean;
  /** After the last decoded token, default true. */
  readonly end?: boolean;
  /** At the end of the prompt, default false. Needed where outputs are not repeated verbatim. */
  readonly promptEnd?: boolean;
  /** Every so many tokens, default none. */
  readonly intervalTokens?: number;
  /** Prefixes on this grid that were seen before, though the tree has forgotten them; default none. */
  readonly sketchGridTokens?: number;
}

export interface AdmissionRules extends Required<Omit<AdmissionOptions, 'intervalTokens' | 'sketchGridTokens'>> {
  readonly intervalTokens: number;
  readonly sketchGridTokens: number;
  /** Checkpoints stand at multiples of this. */
  readonly alignTokens: number;
  /** Shorter prefixes get none. */
  readonly minTokens: number;
}

const DEFAULT_MIN_CHECKPOINT_TOKENS = 64;

/** The rules of a cache, with the defaults. */
export function admissionRules({
  admission: { branch = true, end = true, promptEnd = false, intervalTokens = 0, sketchGridTokens = 0 } = {},
  alignTokens = 1,
  minCheckpointTokens: minTokens = DEFAULT_MIN_CHECKPOINT_TOKENS,
}: {
  readonly admission?: AdmissionOptions;
  readonly alignTokens?: number;
  readonly minCheckpointTokens?: number;
}): AdmissionRules {
  return { branch, end, promptEnd, intervalTokens, sketchGridTokens, alignTokens, minTokens };
}

/** Checkpoints to take while the prompt is computed.
 *  @param request.reusedTokens  computation starts here; no checkpoint at or before it
 *  @param request.branches  where the prompt leaves an edge of the tree, or sequences part without a checkpoint
 *  @returns in rising order, one per position */
export function planCheckpoints(
  request: {
    readonly promptTokens: number;
    readonly reusedTokens: number;
    readonly branches: readonly number[];
    readonly sketchTokens: number;
    readonly breakpoints: readonly number[];
  },
  rules: AdmissionRules,
): PlannedCheckpoint[] {
  const sourceOf = new Map<number, CheckpointSource>();
  const add = (position: number, source: CheckpointSource): void => {
    const at = Math.floor(Math.min(position, request.promptTokens) / rules.alignTokens) * rules.alignTokens;
    if (at > request.reusedTokens && at >= rules.minTokens && !sourceOf.has(at)) sourceOf.set(at, source);
  };
  if (rules.branch) for (const position of request.branches) add(position, 'branch');
  for (const position of request.breakpoints) add(position, 'breakpoint');
  if (rules.promptEnd) add(request.promptTokens, 'promptEnd');
  if (request.sketchTokens > 0) add(request.sketchTokens, 'sketch');
  if (rules.intervalTokens > 0) {
    const first = (Math.floor(request.reusedTokens / rules.intervalTokens) + 1) * rules.intervalTokens;
    for (let at = first; at <= request.promptTokens; at += rules.intervalTokens) add(at, 'interval');
  }
  return [...sourceOf].map(([at, source]) => ({ at, source })).sort((a, b) => a.at - b.at);
}
