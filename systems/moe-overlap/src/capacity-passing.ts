/** Cutting a batch without changing who is dropped (paper). Each part may send any number of tokens up to what the
 *  parts before it left: used[e] goes from part to part. Naive micro-batching gives each part capacity/k instead. */
import {
  chooseExperts,
  claimOrder,
  keepByClaims,
  NEEDS_WHOLE_BATCH,
  routeWhole,
  withPlaces,
  type GateInput,
  type Routing,
} from './gates.ts';
import { overlapError } from './overlap-errors.ts';

export interface RoutedPart extends Routing {
  /** Tokens [firstToken, firstToken + numTokens) of the batch; `token` counts from 0 in the whole batch. */
  readonly firstToken: number;
  readonly numTokens: number;
  /** [experts] rows taken by the parts before. */
  readonly usedBefore: Int32Array;
}

/** Parts of a batch under capacity passing. Gates that need the whole batch decide on it and then hand out their parts.
 *  @throws TF-OVERLAP-003 unless numParts divides the batch */
export function routeParts(input: GateInput, numParts: number): RoutedPart[] {
  const partSize = partSizeOf(input, numParts);
  const used = new Int32Array(input.numExperts);
  const whole = NEEDS_WHOLE_BATCH[input.gate] ? routeWhole(input) : undefined;
  return Array.from({ length: numParts }, (_, part) => {
    const firstToken = part * partSize;
    const usedBefore = used.slice();
    const routing = whole
      ? sliceOfWhole(input, whole, firstToken, partSize)
      : routePart(input, firstToken, partSize, used);
    if (whole) for (let e = 0; e < used.length; e++) used[e]! += routing.count[e]!;
    return { ...routing, firstToken, numTokens: partSize, usedBefore };
  });
}

/** What goes wrong without capacity passing: every part on its own, with capacity/k (rounded up) rows. */
export function routeNaively(input: GateInput, numParts: number): RoutedPart[] {
  const partSize = partSizeOf(input, numParts);
  const capacity = Math.ceil(input.capacity / numParts);
  return Array.from({ length: numParts }, (_, part) => {
    const firstToken = part * partSize;
    const own = { ...partInput(input, firstToken, partSize), capacity };
    const routing = routeWhole(own);
    const usedBefore = new Int32Array(input.numExperts);
    return { ...shifted(routing, firstToken), firstToken, numTokens: partSize, usedBefore };
  });
}

/** The routing of the whole batch rebuilt from its parts: places move behind the rows of the parts before.
 *  For gates that decide token by token it equals the un-partitioned routing place by place. */
export function mergeParts(parts: readonly RoutedPart[], numExperts: number): Routing {
  const count = new Int32Array(numExperts);
  const places: number[] = [];
  for (const part of parts) {
    part.place.forEach((place, index) => places.push(place < 0 ? -1 : place + count[part.expert[index]!]!));
    for (let e = 0; e < numExperts; e++) count[e]! += part.count[e]!;
  }
  return {
    token: Int32Array.from(parts.flatMap(({ token }) => [...token])),
    expert: Int32Array.from(parts.flatMap(({ expert }) => [...expert])),
    weight: Float64Array.from(parts.flatMap(({ weight }) => [...weight])),
    place: Int32Array.from(places),
    count,
  };
}

/** Kept (token, expert) pairs as text, in order: two routings drop the same set iff these are equal. */
export function keptPairs({ token, expert, place }: Routing): string[] {
  const kept = [...place.keys()].filter((index) => place[index]! >= 0);
  return kept.map((index) => `${token[index]}→${expert[index]}`);
}

/** Routes tokens that find `used` rows of each expert taken. Mutates: used (adds what is kept).
 *  For a gate that needs the whole batch, `input` must be the whole batch. */
export function routeFrom(input: GateInput, used: Int32Array): Routing {
  return routePart(input, 0, input.numTokens, used);
}

function routePart(input: GateInput, firstToken: number, size: number, used: Int32Array): Routing {
  const own = partInput(input, firstToken, size);
  const chosen = chooseExperts(own);
  const kept = keepByClaims(own, chosen, claimOrder(own, chosen), used);
  return shifted(withPlaces(own, chosen, kept), firstToken);
}

function sliceOfWhole(input: GateInput, whole: Routing, firstToken: number, size: number): Routing {
  const indices = [...whole.token.keys()].filter((index) => {
    const token = whole.token[index]!;
    return token >= firstToken && token < firstToken + size;
  });
  const chosen = {
    token: Int32Array.from(indices, (index) => whole.token[index]!),
    expert: Int32Array.from(indices, (index) => whole.expert[index]!),
    weight: Float64Array.from(indices, (index) => whole.weight[index]!),
  };
  const kept = Uint8Array.from(indices, (index) => (whole.place[index]! >= 0 ? 1 : 0));
  return withPlaces(input, chosen, kept);
}

function partInput(input: GateInput, firstToken: number, size: number): GateInput {
  const { numExperts, scores, tokenIds } = input;
  const ids = Array.from({ length: size }, (_, index) => tokenIds?.[firstToken + index] ?? firstToken + index);
  return {
    ...input,
    numTokens: size,
    scores: scores.subarray(firstToken * numExperts, (firstToken + size) * numExperts),
    tokenIds: ids,
  };
}

function shifted(routing: Routing, firstToken: number): Routing {
  return { ...routing, token: routing.token.map((token) => token + firstToken) };
}

function partSizeOf({ numTokens }: GateInput, numParts: number): number {
  if (Number.isInteger(numParts) && numParts >= 1 && numTokens % numParts === 0) return numTokens / numParts;
  throw overlapError('TF-OVERLAP-003', {
    subject: 'routeParts',
    expected: `a number of parts that divides ${numTokens} tokens`,
    actual: String(numParts),
  });
}
