/** What a synthetic street is made from. */

export interface StreetOptions {
  readonly seed: number;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Stops of every training traversal. */
  readonly numStops: number;
  /** 1..8 training traversals over the two middle lanes. */
  readonly numTraversals: number;
  /** Channels that train: the three that look ahead, or these and the three that look back. */
  readonly cameras: 'front' | 'rig';
  /** `varied`: every traversal has its own sun, exposure and white balance. */
  readonly lighting: 'same' | 'varied';
  readonly hasTraffic: boolean;
  /** Lateral distances of the level-1 tests from the nearest training lane, metres. */
  readonly lateralM: readonly number[];
  /** Frames of each test group. */
  readonly numTests: number;
  /** Stretch of road, metres. */
  readonly fromM: number;
  readonly toM: number;
}

export const DEFAULT_STREET: StreetOptions = {
  seed: 0,
  widthPx: 192,
  heightPx: 120,
  numStops: 12,
  numTraversals: 2,
  cameras: 'rig',
  lighting: 'same',
  hasTraffic: true,
  lateralM: [0.5, 1, 2, 3.5, 7],
  numTests: 4,
  fromM: 34,
  toM: 74,
};
