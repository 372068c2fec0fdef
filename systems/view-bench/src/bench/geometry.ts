/** How far a view stands from the training views, in metres and degrees, and the level that follows from it. */
import { cameraCenter } from '../splat/project.ts';
import type { Level, PinholeCamera } from '../types.ts';

export interface ViewDistance {
  /** To the nearest training camera, metres. */
  readonly nearestM: number;
  /** To the nearest stretch between neighbouring training cameras, metres. */
  readonly pathM: number;
  /** Smallest turn against a training camera within `TURN_REACH` × the spacing, degrees. */
  readonly turnDeg: number;
}

/** Training cameras this many spacings away still count as "the same place". */
const TURN_REACH = 3;
/** Training cameras this many spacings apart are neighbours on a path. */
const NEIGHBOUR_SPACINGS = 1.5;
/** A view is level 2 or 3 from this turn on, degrees. */
const TURNED_DEG = 25;
/** A view is level 1 or 3 beyond this many training spacings. */
const ASIDE_SPACINGS = 1;

/** Median distance of a training camera to the nearest other place, metres; 0 for a single place. */
export function trainingSpacingM(train: readonly PinholeCamera[]): number {
  const centers = train.map(cameraCenter);
  const nearest = centers.map((center, i) =>
    centers.reduce((best, other, j) => {
      const distance = distanceOf(center, other);
      return j !== i && distance > 1e-6 && distance < best ? distance : best;
    }, Infinity),
  );
  const finite = nearest.filter(Number.isFinite).toSorted((a, b) => a - b);
  return finite.length === 0 ? 0 : finite[finite.length >> 1];
}

/** @param spacingM  of the training views */
export function measureViewDistance(
  camera: PinholeCamera,
  train: readonly PinholeCamera[],
  spacingM: number,
): ViewDistance {
  const center = cameraCenter(camera);
  const centers = train.map(cameraCenter);
  const distances = centers.map((there) => distanceOf(center, there));
  const nearestM = Math.min(...distances);
  // Stretches near the view: between training places that are neighbours of each other.
  const near = centers.filter((_, i) => distances[i] <= nearestM + TURN_REACH * spacingM);
  let pathM = nearestM;
  for (const [i, start] of near.entries()) {
    for (const end of near.slice(i + 1)) {
      if (distanceOf(start, end) > NEIGHBOUR_SPACINGS * spacingM) continue;
      pathM = Math.min(pathM, distanceToStretch(center, start, end));
    }
  }
  const reach = Math.max(nearestM + 1e-6, TURN_REACH * spacingM);
  let turnDeg = 180;
  for (const [i, other] of train.entries()) {
    if (distances[i] <= reach) turnDeg = Math.min(turnDeg, angleBetween(camera, other));
  }
  return { nearestM, pathM, turnDeg };
}

/** The level of a test view from its distance, where its author gives none. */
export function levelFromDistance({ nearestM, turnDeg }: ViewDistance, spacingM: number): Level {
  const isTurned = turnDeg > TURNED_DEG;
  const isAside = nearestM > ASIDE_SPACINGS * spacingM;
  if (isTurned) return isAside ? 'level3' : 'level2';
  return isAside ? 'level1' : 'control';
}

/** Angle of the relative rotation, degrees. */
function angleBetween(a: PinholeCamera, b: PinholeCamera): number {
  let trace = 0;
  for (let k = 0; k < 9; k++) trace += a.rotation[k] * b.rotation[k];
  return (Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2))) * 180) / Math.PI;
}

function distanceToStretch(point: readonly number[], start: readonly number[], end: readonly number[]): number {
  const length = distanceOf(start, end);
  let along = 0;
  for (let k = 0; k < 3; k++) along += ((point[k] - start[k]) * (end[k] - start[k])) / Math.max(1e-12, length);
  const share = Math.min(1, Math.max(0, along / Math.max(1e-12, length)));
  return distanceOf(
    point,
    [0, 1, 2].map((k) => start[k] + share * (end[k] - start[k])),
  );
}

function distanceOf(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
