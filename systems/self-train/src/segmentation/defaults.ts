/** Settings of segmentation where they differ from those of classification. */
import type { UnetDescription } from '../engine/backbone.ts';

/** Source training. The size of the pictures is added by the caller. */
export const STREET_NETWORK = {
  backbone: { kind: 'unet', channels: 3, stages: [8, 16, 32], dropout: 0.2 } satisfies Omit<
    UnetDescription,
    'heightPx' | 'widthPx'
  >,
  epochs: 15,
  learningRate: 0.05,
  batchSize: 4,
} as const;

/** Rounds. The schedule of portions is CRST's for segmentation. */
export const STREET_OPTIONS = {
  epochsPerRound: 1,
  learningRate: 0.02,
  portion: { start: 0.2, step: 0.05, max: 0.5 },
  numPasses: 5,
} as const;
