/** Params of the synthetic street and of training that several verbs share. */
import { z } from 'zod';
import { DEFAULT_STREET, type StreetOptions } from '../street/street-options.ts';

export const streetShape = {
  width: z.int().min(16).max(1920).default(DEFAULT_STREET.widthPx).describe('image width, pixels'),
  stops: z
    .int()
    .min(2)
    .max(200)
    .default(DEFAULT_STREET.numStops)
    .describe('stops of every training drive; six photographs each'),
  traversals: z
    .int()
    .min(1)
    .max(8)
    .default(DEFAULT_STREET.numTraversals)
    .describe('training drives over the two middle lanes'),
  lighting: z.enum(['same', 'varied']).default('same').describe('one sun for all drives, or another for each'),
  traffic: z.boolean().default(true).describe('moving cars and walkers, other ones on every drive'),
};

export interface StreetParams {
  readonly width: number;
  readonly stops: number;
  readonly traversals: number;
  readonly lighting: 'same' | 'varied';
  readonly traffic: boolean;
}

/** Images are 16:10. */
export function streetFromParams(
  { width, stops, traversals, lighting, traffic }: StreetParams,
  seed: number,
): StreetOptions {
  return {
    ...DEFAULT_STREET,
    seed,
    widthPx: width,
    heightPx: Math.round((width * 10) / 16),
    numStops: stops,
    numTraversals: traversals,
    lighting,
    hasTraffic: traffic,
  };
}
