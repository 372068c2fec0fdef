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
/** A training place is joined to this many nearest other places to make the path. */
const NUM_NEIGHBOURS = 4;
/** A view is level 2 or 3 from this turn on, degrees. */
const TURNED_DEG = 25;
/** A view is level 1 or 3 beyond this many training spacings. */
const ASIDE_SPACINGS = 1;
const SAME_PLACE_M = 1e-6;

type Point = readonly [number, number, number];

/** Where training views stand. */
export interface TrainingPath {
  readonly cameras: readonly PinholeCamera[];
  readonly centers: readonly Point[];
  /** Median distance of a place to the nearest other place, metres; 0 for a single place. */
  readonly spacingM: number;
  /** Between neighbouring places. */
  readonly stretches: readonly (readonly [Point, Point])[];
}

export function trainingPath(cameras: readonly PinholeCamera[]): TrainingPath {
  const centers = cameras.map(cameraCenter);
  const places = centers.filter(
    (center, i) => centers.findIndex((other) => distanceOf(center, other) <= SAME_PLACE_M) === i,
  );
  const stretches: (readonly [Point, Point])[] = [];
  const nearest: number[] = [];
  for (const place of places) {
    const others = places
      .filter((other) => other !== place)
      .toSorted((a, b) => distanceOf(place, a) - distanceOf(place, b));
    if (others[0]) nearest.push(distanceOf(place, others[0]));
    for (const other of others.slice(0, NUM_NEIGHBOURS)) stretches.push([place, other]);
  }
  nearest.sort((a, b) => a - b);
  return { cameras, centers, spacingM: nearest[nearest.length >> 1] ?? 0, stretches };
}

export function measureViewDistance(
  camera: PinholeCamera,
  { cameras, centers, spacingM, stretches }: TrainingPath,
): ViewDistance {
  const center = cameraCenter(camera);
  const distances = centers.map((there) => distanceOf(center, there));
  const nearestM = Math.min(...distances);
  const pathM = stretches.reduce(
    (least, [start, end]) => Math.min(least, distanceToStretch(center, start, end)),
    nearestM,
  );
  const reach = Math.max(nearestM + SAME_PLACE_M, TURN_REACH * spacingM);
  let turnDeg = 180;
  for (const [i, other] of cameras.entries()) {
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
