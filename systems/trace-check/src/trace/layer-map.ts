/** Who owns which layer, expert and micro-batch. p of P stages, chunk v of V, L layers. */
import { traceError } from '../trace-check-errors.ts';

export interface StageOptions {
  readonly numLayers: number;
  readonly numStages: number;
  /** Virtual chunks per stage, default 1. */
  readonly numChunks?: number;
  /** Layers of the first and last stage where they differ. */
  readonly firstStage?: number;
  readonly lastStage?: number;
  /** Count the embedding or the loss as one layer when dividing. */
  readonly countsEmbedding?: boolean;
  readonly countsLoss?: boolean;
  /** One letter per module, stages (and chunks, in order) separated by `|`: `Et|(tt|)*3L`. */
  readonly layout?: string;
}

/** Global layers of each (stage, chunk): result[stage][chunk] is a list of indices.
 *  Math: even division gives g = v·(L/V) + p·(L/(P·V)) + i.
 *  @throws TF-TRACE-015 if layers do not divide; TF-TRACE-017 if a layout names another number of layers */
export function layersOfStages(options: StageOptions): number[][][] {
  const { numLayers, numStages, numChunks = 1 } = options;
  const slots = slotSizes(options);
  const total = slots.reduce((sum, size) => sum + size, 0);
  if (total !== numLayers)
    throw traceError('TF-TRACE-017', {
      subject: 'layersOfStages',
      expected: `${numLayers} layers over ${numStages} stages`,
      actual: `${total}`,
    });
  const stages: number[][][] = Array.from({ length: numStages }, () => []);
  let next = 0;
  for (let chunk = 0; chunk < numChunks; chunk++)
    for (let stage = 0; stage < numStages; stage++) {
      const size = slots[chunk * numStages + stage]!;
      stages[stage]!.push(Array.from({ length: size }, (_, i) => next + i));
      next += size;
    }
  return stages;
}

/** Layers per (chunk, stage), stage fastest. */
function slotSizes(options: StageOptions): number[] {
  const { numLayers, numStages, numChunks = 1, firstStage, lastStage, layout } = options;
  const numSlots = numStages * numChunks;
  if (layout !== undefined) {
    const slots = expandLayout(layout).split('|');
    if (slots.length !== numSlots) throw unevenError(`${numSlots} parts in the layout`, String(slots.length));
    return slots.map((slot) => slot.replace(/[^t]/g, '').length);
  }
  if (firstStage !== undefined || lastStage !== undefined) {
    if (numStages < 2) throw unevenError('two or more stages', String(numStages));
    const fixed = (firstStage === undefined ? 0 : 1) + (lastStage === undefined ? 0 : 1);
    const rest = numLayers - (firstStage ?? 0) - (lastStage ?? 0);
    const middle = evenly(rest, numStages - fixed, 'middle stages');
    const perStage = Array.from({ length: numStages }, (_, stage) => {
      if (stage === 0 && firstStage !== undefined) return firstStage;
      return stage === numStages - 1 && lastStage !== undefined ? lastStage : middle;
    });
    return Array.from({ length: numSlots }, (_, slot) =>
      evenly(perStage[slot % numStages]!, numChunks, 'chunks of a stage'),
    );
  }
  const extra = (options.countsEmbedding ? 1 : 0) + (options.countsLoss ? 1 : 0);
  const perSlot = evenly(numLayers + extra, numSlots, 'stages and chunks');
  return Array.from({ length: numSlots }, (_, slot) => {
    let size = perSlot;
    if (slot === 0 && options.countsEmbedding) size--;
    if (slot === numSlots - 1 && options.countsLoss) size--;
    return size;
  });
}

/** `(tt|)*3` → `tt|tt|tt|`; `t*4` → `tttt`. */
function expandLayout(layout: string): string {
  return layout
    .replace(/\(([^()]*)\)\*(\d+)/g, (_, body: string, times: string) => body.repeat(Number(times)))
    .replace(/([A-Za-z])\*(\d+)/g, (_, letter: string, times: string) => letter.repeat(Number(times)));
}

function evenly(total: number, parts: number, what: string): number {
  if (parts > 0 && total >= 0 && total % parts === 0) return total / parts;
  throw unevenError(`a number of layers that divides among ${parts} ${what}`, String(total));
}

function unevenError(expected: string, actual: string): Error {
  return traceError('TF-TRACE-015', { subject: 'layersOfStages', expected, actual });
}

/** Local micro-batch m of data-parallel rank d is global micro-batch m·DP + d. */
export function globalMicroBatch(local: number, dpRank: number, dpSize: number): number {
  return local * dpSize + dpRank;
}

/** Layers that occur not exactly once. */
export function censusOfLayers(owned: Iterable<number>, numLayers: number): { missing: number[]; doubled: number[] } {
  const counts = new Array<number>(numLayers).fill(0);
  for (const layer of owned) if (layer < numLayers) counts[layer]!++;
  return {
    missing: counts.flatMap((count, layer) => (count === 0 ? [layer] : [])),
    doubled: counts.flatMap((count, layer) => (count > 1 ? [layer] : [])),
  };
}
