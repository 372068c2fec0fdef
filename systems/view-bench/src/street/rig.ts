/** The vehicle's eight cameras and the paths that it drives. */
import { levelCamera, type Intrinsics } from '../camera.ts';
import type { PinholeCamera } from '../types.ts';

/** Yaw against the direction of travel, degrees, by channel; names follow an eight-camera rig. */
export const RIG_YAW_DEG = { F0: 0, L0: 55, L1: 90, L2: 145, B0: 180, R2: -145, R1: -90, R0: -55 } as const;
export type Channel = keyof typeof RIG_YAW_DEG;
export const CHANNELS = Object.keys(RIG_YAW_DEG) as readonly Channel[];

const MOUNT_FORWARD_M = 1.5;
const MOUNT_HEIGHT_M = 1.6;
const HORIZONTAL_FOV_RAD = (64 * Math.PI) / 180;

/** Pose of the vehicle's reference point. */
export interface VehiclePose {
  readonly xM: number;
  readonly yM: number;
  readonly headingRad: number;
  readonly timeSec: number;
}

/** Each channel has its own focal length and an off-centre principal point, as rectified cameras have. */
export function channelIntrinsics(channel: Channel, widthPx: number, heightPx: number): Intrinsics {
  const index = CHANNELS.indexOf(channel);
  const focal = (widthPx / 2 / Math.tan(HORIZONTAL_FOV_RAD / 2)) * (1 + 0.01 * (index - 3.5));
  return {
    widthPx,
    heightPx,
    fx: focal,
    fy: focal * 1.004,
    cx: widthPx * (0.5 + 0.004 * (index - 4)),
    cy: heightPx * (0.5 - 0.006 * (index - 3)),
  };
}

export function rigCamera(channel: Channel, pose: VehiclePose, widthPx: number, heightPx: number): PinholeCamera {
  const { xM, yM, headingRad } = pose;
  const center = [
    xM + MOUNT_FORWARD_M * Math.cos(headingRad),
    yM + MOUNT_FORWARD_M * Math.sin(headingRad),
    MOUNT_HEIGHT_M,
  ] as const;
  const yaw = headingRad + (RIG_YAW_DEG[channel] * Math.PI) / 180;
  return levelCamera(channelIntrinsics(channel, widthPx, heightPx), center, yaw);
}

/** Poses along +x (or back) in a lane. @param yM  lateral position of the lane */
export function driveStraight(
  yM: number,
  fromM: number,
  toM: number,
  numStops: number,
  speedMPerSec: number,
): VehiclePose[] {
  return Array.from({ length: numStops }, (_, k) => {
    const xM = fromM + ((toM - fromM) * k) / Math.max(1, numStops - 1);
    return { xM, yM, headingRad: toM > fromM ? 0 : Math.PI, timeSec: Math.abs(xM - fromM) / speedMPerSec };
  });
}

/** Poses along ±y through the junction. @param xM  lateral position of the lane of the crossing street */
export function driveAcross(
  xM: number,
  fromM: number,
  toM: number,
  numStops: number,
  speedMPerSec: number,
): VehiclePose[] {
  return Array.from({ length: numStops }, (_, k) => {
    const yM = fromM + ((toM - fromM) * k) / Math.max(1, numStops - 1);
    return {
      xM,
      yM,
      headingRad: toM > fromM ? Math.PI / 2 : -Math.PI / 2,
      timeSec: Math.abs(yM - fromM) / speedMPerSec,
    };
  });
}

/** Quarter turn from +x to +y (left) or −y (right) on a circle. */
export function driveTurn(
  startXM: number,
  startYM: number,
  radiusM: number,
  isLeft: boolean,
  numStops: number,
  speedMPerSec: number,
): VehiclePose[] {
  const side = isLeft ? 1 : -1;
  return Array.from({ length: numStops }, (_, k) => {
    const angle = (Math.PI / 2) * ((k + 0.5) / numStops);
    return {
      xM: startXM + radiusM * Math.sin(angle),
      yM: startYM + side * radiusM * (1 - Math.cos(angle)),
      headingRad: side * angle,
      timeSec: (radiusM * angle) / speedMPerSec,
    };
  });
}
