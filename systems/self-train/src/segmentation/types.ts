/** Pictures of one size whose pixels have classes. */
import type { Features } from '../types.ts';

export interface PixelSamples {
  readonly name: string;
  readonly heightPx: number;
  readonly widthPx: number;
  /** [N, 3·H·W], channels in planes, 0..1. */
  readonly x: Features;
  /** [N·H·W], −1 is void. */
  readonly labels?: Int32Array;
  readonly ids: readonly string[];
}
