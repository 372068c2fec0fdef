/** What is photographed of the street: traversals for training and tests of every level, and the light of each. */
import type { Rng } from '@tenfold/core/base';
import type { Level } from '../types.ts';
import { driveAcross, driveStraight, driveTurn, type Channel, type VehiclePose } from './rig.ts';
import type { Lighting } from './shade.ts';
import type { StreetOptions } from './street-options.ts';
import { STREET } from './world.ts';

/** Channels that train; the two that look sideways are kept for level 2. */
const TRAIN_CHANNELS: Readonly<Record<StreetOptions['cameras'], readonly Channel[]>> = {
  front: ['F0', 'L0', 'R0'],
  rig: ['F0', 'L0', 'R0', 'L2', 'R2', 'B0'],
};
const SIDE_CHANNELS: readonly Channel[] = ['L1', 'R1'];
const SPEED_M_PER_SEC = 8;
/** Every so many-th training pose is kept as the interpolation control. */
const CONTROL_EVERY = 8;

export interface Shot {
  readonly name: string;
  readonly traversal: string;
  readonly channel: Channel;
  readonly pose: VehiclePose;
  readonly level: Level;
}

/** All shots; `train` first. Test names say their level and, for level 1, the lateral distance. */
export function planShots(options: StreetOptions): readonly Shot[] {
  const { numStops, numTraversals, lateralM, numTests, fromM, toM } = options;
  const channels = TRAIN_CHANNELS[options.cameras];
  const train: Shot[] = [];
  const control: Shot[] = [];
  const side: Shot[] = [];
  const lanes = [STREET.laneCentersM[1], STREET.laneCentersM[2]] as const;
  const shot = (level: Level, traversal: string, channel: Channel, pose: VehiclePose, index: number): Shot => ({
    name: `${level}_${traversal}_${channel}_${String(index + 1).padStart(3, '0')}.png`,
    traversal,
    channel,
    pose,
    level,
  });
  for (let t = 0; t < numTraversals; t++) {
    const traversal = `trav${t}`;
    // Later traversals of a lane stand between the stops of the earlier ones.
    const shift = ((toM - fromM) / numStops) * (Math.floor(t / 2) / Math.max(1, Math.ceil(numTraversals / 2)));
    const poses = driveStraight(lanes[t % 2]!, fromM + shift, toM + shift, numStops, SPEED_M_PER_SEC);
    poses.forEach((pose, k) => {
      channels.forEach((channel, c) => {
        const isControl = (k * channels.length + c + 3) % CONTROL_EVERY === 0;
        (isControl ? control : train).push(shot(isControl ? 'control' : 'train', traversal, channel, pose, k));
      });
      if (t < 2) for (const channel of SIDE_CHANNELS) side.push(shot('level2', traversal, channel, pose, k));
    });
  }
  const level1 = lateralM.flatMap((distance) =>
    driveStraight(lanes[1] + distance, fromM, toM - 6, numTests, SPEED_M_PER_SEC).map((pose, k) =>
      shot('level1', `lat${distance}`, k % 2 === 0 ? 'F0' : 'L0', pose, k),
    ),
  );
  const x = STREET.crossingXM;
  const level3 = [
    ...driveAcross(x + 1.75, -14, 14, numTests, SPEED_M_PER_SEC).map((pose, k) =>
      shot('level3', 'across', 'F0', pose, k),
    ),
    ...driveTurn(x - 6, -1.75, 7.5, true, numTests, SPEED_M_PER_SEC).map((pose, k) =>
      shot('level3', 'left', 'F0', pose, k),
    ),
    ...driveTurn(x - 6, -1.75, 4.5, false, numTests, SPEED_M_PER_SEC).map((pose, k) =>
      shot('level3', 'right', 'F0', pose, k),
    ),
  ];
  return [...train, ...thin(control, 2 * numTests), ...level1, ...thin(side, 2 * numTests), ...level3];
}

export function traversalLighting(mode: StreetOptions['lighting'], rng: Rng): Lighting {
  const isVaried = mode === 'varied';
  const azimuth = isVaried ? 2 * Math.PI * rng.uniform() : -2.2;
  const elevation = isVaried ? 0.5 + 0.5 * rng.uniform() : 0.8;
  const spread = () => (isVaried ? 0.85 + 0.3 * rng.uniform() : 1);
  return {
    toSun: [Math.cos(azimuth) * Math.cos(elevation), Math.sin(azimuth) * Math.cos(elevation), Math.sin(elevation)],
    sunStrength: 1.25 * spread(),
    exposure: 1.05 * spread(),
    whiteBalance: [spread(), 1, spread()],
  };
}

/** At most `count`, evenly. */
function thin<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, k) => items[Math.floor((k * items.length) / count)]!);
}
