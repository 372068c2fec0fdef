/** Street options from params. */
import type { StreetParams } from '../params.ts';
import { DEFAULT_STREET, type StreetOptions } from '../street/street-options.ts';

/** Images are 16:10. */
export function streetFromParams(
  { width, stops, traversals, cameras, lighting, traffic }: StreetParams,
  seed: number,
): StreetOptions {
  return {
    ...DEFAULT_STREET,
    seed,
    widthPx: width,
    heightPx: Math.round((width * 10) / 16),
    numStops: stops,
    numTraversals: traversals,
    cameras,
    lighting,
    hasTraffic: traffic,
  };
}
