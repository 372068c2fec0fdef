/** One trial of the claim "cutting the batch changes nothing": the same random layer is run whole, with capacity passing
 *  and with naive micro-batches; kept sets, gathered outputs (float64, bit for bit) and gradients are compared. */
import type { Rng } from '@tenfold/core/base';
import { keptPairs, mergeParts, routeNaively, routeParts, type RoutedPart } from './capacity-passing.ts';
import { routeWhole, type GateInput, type Routing } from './gates.ts';
import type { GateName } from './types.ts';

export interface TokenTrial {
  readonly input: GateInput;
  readonly numParts: number;
  readonly isSameSet: boolean;
  readonly isSameOutput: boolean;
  readonly isSameGradient: boolean;
  readonly isSameUsed: boolean;
  /** Buffers of the parts, put together, equal the whole buffer row by row. */
  readonly isSameBuffer: boolean;
  readonly numDropped: number;
  readonly isNaiveDifferent: boolean;
  readonly isNaiveCountEqual: boolean;
}

const WIDTH = 3;

export function runTokenTrial(input: GateInput, numParts: number, rng: Rng): TokenTrial {
  const { numTokens, numExperts } = input;
  const x = randomArray(numTokens * WIDTH, rng);
  const w = randomArray(numExperts * WIDTH * WIDTH, rng);
  const dy = randomArray(numTokens * WIDTH, rng);
  const whole = routeWhole(input);
  const parts = routeParts(input, numParts);
  const naive = routeNaively(input, numParts);
  const merged = mergeParts(parts, numExperts);
  const y = gathered(input, [whole], x, w);
  const wholeBuffer = dispatched(input, [{ ...whole, first: 0 }], x);
  const buffers = dispatched(input, withFirstRows(parts, numExperts), x);
  const backward = (routing: Routing, buffer: Float64Array) => gradients(input, routing, { buffer, w, dy });
  const [ofWhole, ofParts] = [backward(whole, wholeBuffer), backward(merged, buffers)];
  const keptWhole = keptPairs(whole);
  const keptNaive = naive.flatMap(keptPairs);
  return {
    input,
    numParts,
    isSameSet: equal(keptWhole, parts.flatMap(keptPairs)),
    isSameOutput: equal(y, gathered(input, parts, x, w)),
    isSameGradient: (['dw', 'dx', 'dWeight'] as const).every((name) => equal(ofWhole[name], ofParts[name])),
    isSameUsed: equal(whole.count, merged.count),
    isSameBuffer: equal(wholeBuffer, buffers),
    numDropped: whole.place.length - keptWhole.length,
    isNaiveDifferent: !equal(keptWhole, keptNaive),
    isNaiveCountEqual: keptWhole.length === keptNaive.length,
  };
}

export interface TrialOptions {
  readonly gate: GateName;
  readonly maxTokens?: number;
  readonly maxExperts?: number;
}

/** A random layer: skewed or balanced scores, tight or roomy capacity. */
export function randomTrial({ gate, maxTokens = 256, maxExperts = 16 }: TrialOptions, rng: Rng): TokenTrial {
  const numParts = [2, 3, 4, 8][rng.integer(4)]!;
  const numTokens = numParts * (1 + rng.integer(Math.floor(maxTokens / numParts)));
  const numExperts = 2 + rng.integer(maxExperts - 1);
  const topK = gate === 'topk' || gate === 'topk-ranked' ? 1 + rng.integer(2) : 1;
  const skew = rng.uniform() < 0.5 ? 0 : 3 * rng.uniform();
  const factor = 0.5 + 1.25 * rng.uniform();
  const scores = Float64Array.from(
    { length: numTokens * numExperts },
    (_, index) => rng.uniform() + (skew * (numExperts - (index % numExperts))) / numExperts,
  );
  const capacity = Math.max(1, Math.floor((factor * topK * numTokens) / numExperts));
  const tokenIds = Int32Array.from({ length: numTokens }, () => rng.integer(500));
  return runTokenTrial({ gate, numTokens, numExperts, capacity, scores, topK, tokenIds }, numParts, rng);
}

interface Placed extends Pick<Routing, 'token' | 'expert' | 'place'> {
  readonly first: ArrayLike<number> | number;
}

function withFirstRows(parts: readonly RoutedPart[], numExperts: number): Placed[] {
  const first = new Int32Array(numExperts);
  return parts.map((part) => {
    const own = { ...part, first: first.slice() };
    for (let e = 0; e < numExperts; e++) first[e]! += part.count[e]!;
    return own;
  });
}

/** [experts, capacity, width] rows of the kept tokens. */
function dispatched({ numExperts, capacity }: GateInput, parts: readonly Placed[], x: Float64Array): Float64Array {
  const buffer = new Float64Array(numExperts * capacity * WIDTH);
  for (const { token, expert, place, first } of parts) {
    place.forEach((own, index) => {
      if (own < 0) return;
      const e = expert[index]!;
      const row = e * capacity + own + (typeof first === 'number' ? first : first[e]!);
      for (let d = 0; d < WIDTH; d++) buffer[row * WIDTH + d] = x[token[index]! * WIDTH + d]!;
    });
  }
  return buffer;
}

/** y[t] = Σ over kept assignments of weight · tanh(x W_e), each part through its own buffer. */
function gathered(input: GateInput, parts: readonly Routing[], x: Float64Array, w: Float64Array): Float64Array {
  const y = new Float64Array(input.numTokens * WIDTH);
  for (const part of parts) {
    const buffer = dispatched(input, [{ ...part, first: 0 }], x);
    const answers = new Float64Array(buffer.length);
    for (let e = 0; e < input.numExperts; e++) {
      for (let row = 0; row < part.count[e]!; row++) {
        const at = (e * input.capacity + row) * WIDTH;
        for (let d = 0; d < WIDTH; d++) {
          let sum = 0;
          for (let c = 0; c < WIDTH; c++) sum += buffer[at + c]! * w[(e * WIDTH + c) * WIDTH + d]!;
          answers[at + d] = Math.tanh(sum);
        }
      }
    }
    part.place.forEach((place, index) => {
      if (place < 0) return;
      const at = (part.expert[index]! * input.capacity + place) * WIDTH;
      for (let d = 0; d < WIDTH; d++) y[part.token[index]! * WIDTH + d]! += part.weight[index]! * answers[at + d]!;
    });
  }
  return y;
}

/** Of Σ dy·y, with z = x W_e, a = tanh z per row of the (whole) buffer, in order of expert and place:
 *  dW_e += xᵀ·(weight·dy·(1 − a²)), dx[t] += (weight·dy·(1 − a²)) W_eᵀ, dWeight = dy·a. */
function gradients(
  { capacity, numExperts, numTokens }: GateInput,
  { token, expert, place, weight }: Routing,
  { buffer, w, dy }: { readonly buffer: Float64Array; readonly w: Float64Array; readonly dy: Float64Array },
): { readonly dw: Float64Array; readonly dx: Float64Array; readonly dWeight: Float64Array } {
  const rows = [...place.keys()].filter((index) => place[index]! >= 0);
  rows.sort((a, b) => expert[a]! - expert[b]! || place[a]! - place[b]!);
  const dw = new Float64Array(numExperts * WIDTH * WIDTH);
  const dx = new Float64Array(numTokens * WIDTH);
  const dWeight = new Float64Array(token.length);
  for (const index of rows) {
    const e = expert[index]!;
    const at = (e * capacity + place[index]!) * WIDTH;
    for (let d = 0; d < WIDTH; d++) {
      let z = 0;
      for (let c = 0; c < WIDTH; c++) z += buffer[at + c]! * w[(e * WIDTH + c) * WIDTH + d]!;
      const a = Math.tanh(z);
      const own = dy[token[index]! * WIDTH + d]!;
      dWeight[index]! += own * a;
      const dz = weight[index]! * own * (1 - a * a);
      for (let c = 0; c < WIDTH; c++) {
        dw[(e * WIDTH + c) * WIDTH + d]! += buffer[at + c]! * dz;
        dx[token[index]! * WIDTH + c]! += dz * w[(e * WIDTH + c) * WIDTH + d]!;
      }
    }
  }
  return { dw, dx, dWeight };
}

function randomArray(length: number, rng: Rng): Float64Array {
  return Float64Array.from({ length }, () => rng.normal());
}

function equal<T>(a: ArrayLike<T>, b: ArrayLike<T>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!Object.is(a[index], b[index])) return false;
  return true;
}
