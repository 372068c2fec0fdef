/** More start points than structure from motion gives: depths swept in every training view, kept where a neighbouring view agrees,
 *  thinned to about a point a few pixels. Training views alone are read. */
import { scaledIntrinsics, worldFromPixel } from '../camera.ts';
import { resizeImage } from '../io/undistort.ts';
import type { Frame, PinholeCamera, PointCloud } from '../types.ts';
import { nearestFrames } from './neighbours.ts';
import { sweepDepth, type SweptDepth } from './sweep-depth.ts';

export interface DenseStartOptions {
  /** Views are swept at this width. */
  readonly widthPx: number;
  readonly numDepths: number;
  /** A point stands for about so many pixels squared of the view that found it. */
  readonly spacingPx: number;
  /** Views that a view is swept with, and the reach of the windows; default 4 and 2 pixels. */
  readonly numNeighbours?: number;
  readonly radiusPx?: number;
  readonly onProgress?: (done: number, total: number) => void | Promise<void>;
}

/** Hypotheses, neighbours and windows of a member's sweep: members see the same photographs and find other depths. */
export function memberSweep(
  member: number,
): Required<Pick<DenseStartOptions, 'numDepths' | 'numNeighbours' | 'radiusPx'>> {
  return { numDepths: 64, ...MEMBER_SWEEPS[member % MEMBER_SWEEPS.length]! };
}

const MEMBER_SWEEPS = [
  { numNeighbours: 4, radiusPx: 2 },
  { numNeighbours: 2, radiusPx: 3 },
  { numNeighbours: 4, radiusPx: 3 },
  { numNeighbours: 2, radiusPx: 2 },
  { numNeighbours: 3, radiusPx: 2 },
  { numNeighbours: 3, radiusPx: 3 },
  { numNeighbours: 6, radiusPx: 2 },
  { numNeighbours: 6, radiusPx: 3 },
];
const NUM_NEIGHBOURS = 4;
const RADIUS_PX = 2;
/** A point counts if one of so many near views agrees. */
const NUM_WITNESSES = 12;
/** Depths without this correlation, of windows without texture, found no point. */
const MIN_SCORE = 0;
/** Depths of two views agree within this share. */
const AGREEMENT = 0.1;
/** The nearest hypothesis lies this much nearer than the nearest of all but a few points. */
const NEAR_MARGIN = 0.6;
const NEAR_QUANTILE = 0.02;
/** The given points and the dense ones. Cost: O(frames · pixels · depths · neighbours). Mutates: nothing. */
export async function addDensePoints(
  points: PointCloud,
  train: readonly Frame[],
  options: DenseStartOptions,
): Promise<PointCloud> {
  const frames = train.map((frame) => smallerFrame(frame, options.widthPx));
  const depths: SweptDepth[] = [];
  const { numDepths, numNeighbours = NUM_NEIGHBOURS, radiusPx = RADIUS_PX } = options;
  const witnessesOf = frames.map((frame) => nearestFrames(frame, frames, NUM_WITNESSES));
  for (const [index, frame] of frames.entries()) {
    const nearM = nearestDepth(frame.camera, points);
    depths.push(
      sweepDepth(
        frame,
        witnessesOf[index]!.slice(0, numNeighbours).map((other) => frames[other]!),
        { nearM, numDepths, radiusPx },
      ),
    );
    await options.onProgress?.(index + 1, frames.length);
  }
  const grid = createGrid();
  const positions = [...points.positions];
  const colors = [...points.colors];
  for (let k = 0; k < points.positions.length; k += 3) grid.occupy(points.positions.subarray(k, k + 3), 0);
  for (const [index, frame] of frames.entries()) {
    const { camera, image, staticMask } = frame;
    for (let p = 0; p < camera.widthPx * camera.heightPx; p++) {
      const depth = depths[index]!.depthM[p];
      if (depths[index]!.score[p] < MIN_SCORE || staticMask?.[p] === 0) continue;
      const point = worldFromPixel(camera, p, depth);
      if (!witnessesOf[index]!.some((other) => agrees(point, frames[other]!.camera, depths[other]!))) continue;
      if (!grid.occupy(point, (depth / camera.fx) * options.spacingPx)) continue;
      positions.push(...point);
      for (let c = 0; c < 3; c++) colors.push(Math.round(255 * image.data[3 * p + c]));
    }
  }
  return { positions: Float64Array.from(positions), colors: Uint8Array.from(colors) };
}

function smallerFrame(frame: Frame, widthPx: number): Frame {
  const { camera, image } = frame;
  if (camera.widthPx <= widthPx) return frame;
  const heightPx = Math.round((camera.heightPx * widthPx) / camera.widthPx);
  const nearestOf = (mask: Uint8Array) =>
    Uint8Array.from({ length: widthPx * heightPx }, (_, p) => {
      const x = Math.floor((((p % widthPx) + 0.5) * camera.widthPx) / widthPx);
      const y = Math.floor(((Math.floor(p / widthPx) + 0.5) * camera.heightPx) / heightPx);
      return mask[y * camera.widthPx + x];
    });
  return {
    name: frame.name,
    camera: { ...camera, ...scaledIntrinsics(camera, widthPx, heightPx) },
    image: resizeImage(image, widthPx, heightPx),
    ...(frame.staticMask ? { staticMask: nearestOf(frame.staticMask) } : {}),
  };
}

/** Depth before nearly all points that a camera sees, metres. */
function nearestDepth({ rotation: R, translation: t, ...camera }: PinholeCamera, { positions }: PointCloud): number {
  const depths: number[] = [];
  for (let k = 0; k < positions.length; k += 3) {
    const [x, y, z] = [0, 1, 2].map(
      (r) => R[3 * r] * positions[k] + R[3 * r + 1] * positions[k + 1] + R[3 * r + 2] * positions[k + 2] + t[r],
    );
    const [u, v] = [(camera.fx * x!) / z! + camera.cx, (camera.fy * y!) / z! + camera.cy];
    if (z! > 0 && u > 0 && v > 0 && u < camera.widthPx && v < camera.heightPx) depths.push(z!);
  }
  depths.sort((a, b) => a - b);
  return NEAR_MARGIN * (depths[Math.floor(NEAR_QUANTILE * depths.length)] ?? 1);
}

/** True if another view's depth shows the same point. */
function agrees(point: readonly number[], camera: PinholeCamera, { depthM, score }: SweptDepth): boolean {
  const { rotation: R, translation: t } = camera;
  const [x, y, z] = [0, 1, 2].map(
    (r) => R[3 * r] * point[0]! + R[3 * r + 1] * point[1]! + R[3 * r + 2] * point[2]! + t[r],
  );
  if (!(z! > 0)) return false;
  const u = Math.floor((camera.fx * x!) / z! + camera.cx);
  const v = Math.floor((camera.fy * y!) / z! + camera.cy);
  if (u < 0 || v < 0 || u >= camera.widthPx || v >= camera.heightPx) return false;
  const there = v * camera.widthPx + u;
  return score[there] >= MIN_SCORE && Math.abs(depthM[there] - z!) <= AGREEMENT * z!;
}

/** Which cells of space hold a point; cells come in powers of two, so that near points lie closer than far ones. */
function createGrid(): { occupy(point: ArrayLike<number>, sizeM: number): boolean } {
  const cells = new Set<string>();
  return {
    /** @returns false if the cell was taken. Size 0 takes nothing. */
    occupy(point, sizeM) {
      if (!(sizeM > 0)) return true;
      const level = Math.ceil(Math.log2(sizeM));
      const size = 2 ** level;
      const key = `${level} ${Math.round(point[0] / size)} ${Math.round(point[1] / size)} ${Math.round(point[2] / size)}`;
      if (cells.has(key)) return false;
      cells.add(key);
      return true;
    },
  };
}
