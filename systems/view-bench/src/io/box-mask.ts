/** Masks from annotated boxes: the convex hull of the eight projected corners, grown by 5 %, is taken for a moving object. */
import type { PinholeCamera } from '../types.ts';
import type { Rigid } from './rigid.ts';

/** A box that may move. */
export interface MovableBox {
  /** Axes of the box: x along the length, y along the width, z up. */
  readonly worldFromBox: Rigid;
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
}

type Point = readonly [number, number];

const GROWTH = 1.05;
/** Corners nearer than this are pulled to it, so that a box beside the camera still covers the border of the image. */
const NEAR_M = 0.1;

/** [H, W] 1 = static, 0 = in a box. Boxes behind the camera cover nothing. */
export function maskFromBoxes(camera: PinholeCamera, boxes: readonly MovableBox[]): Uint8Array {
  const { widthPx, heightPx } = camera;
  const mask = new Uint8Array(widthPx * heightPx).fill(1);
  for (const box of boxes) {
    const corners = projectedCorners(camera, box);
    if (corners.length > 0) clearPolygon(mask, widthPx, heightPx, grow(convexHull(corners)));
  }
  return mask;
}

/** Corners in pixels; none if the whole box lies behind the camera. */
function projectedCorners(camera: PinholeCamera, { worldFromBox: m, lengthM, widthM, heightM }: MovableBox): Point[] {
  const { rotation: R, translation: t, fx, fy, cx, cy } = camera;
  const corners: Point[] = [];
  let numBefore = 0;
  for (let corner = 0; corner < 8; corner++) {
    const local = [
      (corner & 1 ? 0.5 : -0.5) * lengthM,
      (corner & 2 ? 0.5 : -0.5) * widthM,
      (corner & 4 ? 0.5 : -0.5) * heightM,
    ] as const;
    const world = [0, 1, 2].map(
      (r) => m[4 * r] * local[0] + m[4 * r + 1] * local[1] + m[4 * r + 2] * local[2] + m[4 * r + 3],
    );
    const [x, y, z] = [0, 1, 2].map(
      (r) => R[3 * r] * world[0]! + R[3 * r + 1] * world[1]! + R[3 * r + 2] * world[2]! + t[r],
    );
    if (z! > NEAR_M) numBefore++;
    const depth = Math.max(NEAR_M, z!);
    corners.push([(fx * x!) / depth + cx, (fy * y!) / depth + cy]);
  }
  return numBefore > 0 ? corners : [];
}

/** Counter-clockwise by Andrew's monotone chain. */
function convexHull(points: readonly Point[]): Point[] {
  const sorted = points.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: readonly Point[]) => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length >= 2 && turn(chain.at(-2)!, chain.at(-1)!, point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.toReversed())];
}

function turn(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function grow(hull: readonly Point[]): Point[] {
  const middle = [0, 1].map((k) => hull.reduce((sum, point) => sum + point[k]!, 0) / hull.length);
  return hull.map(([x, y]) => [middle[0]! + GROWTH * (x - middle[0]!), middle[1]! + GROWTH * (y - middle[1]!)]);
}

/** Zeroes pixels whose centre lies in a convex polygon. Mutates: mask. */
function clearPolygon(mask: Uint8Array, widthPx: number, heightPx: number, polygon: readonly Point[]): void {
  const ys = polygon.map(([, y]) => y);
  const top = Math.max(0, Math.ceil(Math.min(...ys) - 0.5));
  const bottom = Math.min(heightPx - 1, Math.floor(Math.max(...ys) - 0.5));
  for (let row = top; row <= bottom; row++) {
    const y = row + 0.5;
    let [left, right] = [Infinity, -Infinity];
    polygon.forEach((start, k) => {
      const end = polygon[(k + 1) % polygon.length]!;
      if (start[1] === end[1] || Math.min(start[1], end[1]) > y || Math.max(start[1], end[1]) < y) return;
      const x = start[0] + ((y - start[1]) / (end[1] - start[1])) * (end[0] - start[0]);
      [left, right] = [Math.min(left, x), Math.max(right, x)];
    });
    const [from, to] = [Math.max(0, Math.ceil(left - 0.5)), Math.min(widthPx - 1, Math.floor(right - 0.5))];
    if (from <= to) mask.fill(0, row * widthPx + from, row * widthPx + to + 1);
  }
}
