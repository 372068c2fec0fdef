/** Gates: which token goes to which expert, and at which place of the expert's buffer of `capacity` rows.
 *
 *  An assignment is (token, choice rank, expert). The order in which assignments claim places decides who is dropped:
 *  switch, topk, hash: token by token. topk-ranked: all first choices, then all second ones. bpr: highest gate value first
 *  (ties: lower token). expert-choice: each expert takes its best tokens. Places are numbered in token order. */
import { overlapError } from './overlap-errors.ts';
import type { GateName } from './types.ts';

export interface GateInput {
  readonly gate: GateName;
  readonly numTokens: number;
  readonly numExperts: number;
  /** Rows that each expert takes from this device, ≥ 1. */
  readonly capacity: number;
  /** [tokens, experts] gate values. */
  readonly scores: Float64Array;
  /** Experts per token (topk, topk-ranked), default 1. */
  readonly topK?: number;
  /** [tokens] hash gate only: ids that are hashed; default the token's position. */
  readonly tokenIds?: ArrayLike<number>;
}

/** Assignments in order of token, then choice rank; columns of equal length. */
export interface Routing {
  readonly token: Int32Array;
  readonly expert: Int32Array;
  /** Gate value that scales the expert's answer. */
  readonly weight: Float64Array;
  /** Row in the expert's buffer; -1: dropped. */
  readonly place: Int32Array;
  /** [experts] kept assignments. */
  readonly count: Int32Array;
}

/** Gates whose drops depend on the whole batch: only what follows the encoding can be cut. */
export const NEEDS_WHOLE_BATCH: Readonly<Record<GateName, boolean>> = {
  switch: false,
  topk: false,
  'topk-ranked': true,
  bpr: true,
  hash: false,
  'expert-choice': true,
};

/** Multiplier of Knuth's multiplicative hash, 2^32 / golden ratio. */
const HASH_MULTIPLIER = 2654435761;

/** Routing of the whole batch. Cost: O(S·E + S·log S).
 *  @throws TF-OVERLAP-003 on a capacity, expert count or choice count that is not positive */
export function routeWhole(input: GateInput): Routing {
  const chosen = chooseExperts(input);
  const kept = keepByClaims(input, chosen, claimOrder(input, chosen), new Int32Array(input.numExperts));
  return withPlaces(input, chosen, kept);
}

/** Experts of all assignments, before capacity. */
export function chooseExperts(input: GateInput): Pick<Routing, 'token' | 'expert' | 'weight'> {
  const { gate, numTokens, numExperts, scores, capacity, topK = 1 } = input;
  assertPositive('capacity', capacity);
  assertPositive('number of experts', numExperts);
  assertPositive('experts per token', topK);
  const token: number[] = [];
  const expert: number[] = [];
  const add = (t: number, e: number): void => {
    token.push(t);
    expert.push(e);
  };
  if (gate === 'expert-choice') {
    for (const [t, e] of expertChoices(input)) add(t, e);
  } else {
    for (let t = 0; t < numTokens; t++) {
      if (gate === 'hash') add(t, hashedExpert(input.tokenIds?.[t] ?? t, numExperts));
      else {
        const numChoices = gate === 'topk' || gate === 'topk-ranked' ? Math.min(topK, numExperts) : 1;
        for (const e of bestExperts(scores, t, numExperts, numChoices)) add(t, e);
      }
    }
  }
  return {
    token: Int32Array.from(token),
    expert: Int32Array.from(expert),
    weight: Float64Array.from(token, (t, index) => scores[t * numExperts + expert[index]!]!),
  };
}

/** Order in which assignments claim places. */
export function claimOrder(
  { gate, numExperts, topK = 1 }: GateInput,
  { token, weight }: Pick<Routing, 'token' | 'weight'>,
): Int32Array {
  const order = Int32Array.from(token, (_, index) => index);
  if (gate === 'bpr') order.sort((a, b) => weight[b]! - weight[a]! || token[a]! - token[b]!);
  // Assignments of a token lie together, so index mod the number of choices is the choice rank.
  const numChoices = Math.min(topK, numExperts);
  if (gate === 'topk-ranked') order.sort((a, b) => (a % numChoices) - (b % numChoices) || a - b);
  return order;
}

/** 1 for assignments that find room: expert e has `capacity − used[e]` rows left. Mutates: `used`. */
export function keepByClaims(
  { capacity }: GateInput,
  { expert }: Pick<Routing, 'expert'>,
  order: Int32Array,
  used: Int32Array,
): Uint8Array {
  const kept = new Uint8Array(expert.length);
  for (const index of order) {
    const e = expert[index]!;
    if (used[e]! >= capacity) continue;
    used[e]!++;
    kept[index] = 1;
  }
  return kept;
}

/** Numbers the kept assignments of each expert from 0, in order of token. */
export function withPlaces(
  { numExperts }: GateInput,
  chosen: Pick<Routing, 'token' | 'expert' | 'weight'>,
  kept: Uint8Array,
): Routing {
  const count = new Int32Array(numExperts);
  const place = chosen.expert.map((e, index) => (kept[index] === 1 ? count[e]!++ : -1));
  return { ...chosen, place, count };
}

function bestExperts(scores: Float64Array, token: number, numExperts: number, numChoices: number): number[] {
  const row = Array.from({ length: numExperts }, (_, e) => e);
  const at = (e: number): number => scores[token * numExperts + e]!;
  if (numChoices === 1) return [row.reduce((best, e) => (at(e) > at(best) ? e : best), 0)];
  return row.sort((a, b) => at(b) - at(a) || a - b).slice(0, numChoices);
}

/** Each expert takes its `capacity` best tokens (ties: lower token). In order of token, then expert. */
function expertChoices({ numTokens, numExperts, capacity, scores }: GateInput): [token: number, expert: number][] {
  const pairs: [number, number][] = [];
  for (let e = 0; e < numExperts; e++) {
    const tokens = Array.from({ length: numTokens }, (_, t) => t);
    tokens.sort((a, b) => scores[b * numExperts + e]! - scores[a * numExperts + e]! || a - b);
    for (const t of tokens.slice(0, capacity)) pairs.push([t, e]);
  }
  return pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

function hashedExpert(id: number, numExperts: number): number {
  return (Math.imul(id, HASH_MULTIPLIER) >>> 0) % numExperts;
}

function assertPositive(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw overlapError('TF-OVERLAP-003', {
    subject: 'routeWhole',
    expected: `a ${name} of at least 1`,
    actual: String(value),
  });
}
