/** One photograph of the street by ray casting, with exact depth, normals, instance ids and masks. */
import type { Frame, PinholeCamera } from '../types.ts';
import { cameraCenter } from '../splat/project.ts';
import { PAINT_OF, paintGround } from './materials.ts';
import { latticeNoise, valueNoise } from './noise.ts';
import type { Hit, SolidTree } from './solids.ts';

export interface Lighting {
  /** Unit vector towards the sun. */ readonly toSun: readonly [number, number, number];
  readonly sunStrength: number;
  readonly exposure: number;
  /** Factors of red, green, blue. */ readonly whiteBalance: readonly [number, number, number];
}

export interface StreetFrame extends Frame {
  /** [H, W] 0 = ground or sky */ readonly instanceIds: Int32Array;
  /** [H, W, 3] world, 0 for sky */ readonly normals: Float32Array;
}

/** Samples a side of a pixel for colour. */
const GRID = 2;
const FAR_M = 1e6;
const SHADOW_REACH_M = 120;
const BIAS_M = 1e-3;
const SKY_LIGHT = 0.42;

interface Surface {
  distance: number;
  nx: number;
  ny: number;
  nz: number;
  instanceId: number;
  isMoving: boolean;
  isSky: boolean;
}

/** @param trees  static solids and the traffic of this moment. Cost: O(5 rays a pixel). Colours are rounded to 8-bit sRGB. */
export function photographStreet(
  name: string,
  camera: PinholeCamera,
  trees: readonly SolidTree[],
  lighting: Lighting,
): StreetFrame {
  const { widthPx, heightPx, fx, fy, cx, cy, rotation: R } = camera;
  const numPixels = widthPx * heightPx;
  const data = new Float32Array(3 * numPixels);
  const depthM = new Float32Array(numPixels);
  const normals = new Float32Array(3 * numPixels);
  const instanceIds = new Int32Array(numPixels);
  const staticMask = new Uint8Array(numPixels).fill(1);
  const groundMask = new Uint8Array(numPixels).fill(1);
  const [ox, oy, oz] = cameraCenter(camera);
  const hit: Hit = { distance: 0, solid: -1, nx: 0, ny: 0, nz: 0 };
  const surface: Surface = { distance: 0, nx: 0, ny: 0, nz: 0, instanceId: 0, isMoving: false, isSky: false };
  const color = new Float64Array(3);
  const sum = new Float64Array(3);
  for (let y = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      const p = y * widthPx + x;
      sum.fill(0);
      // Sample −1 is the pixel's centre, for geometry alone.
      for (let sample = -1; sample < GRID * GRID; sample++) {
        const jitterX = sample < 0 ? 0.5 : ((sample % GRID) + latticeNoise(x, y, sample)) / GRID;
        const jitterY = sample < 0 ? 0.5 : (Math.floor(sample / GRID) + latticeNoise(x, y, sample + 8)) / GRID;
        const lx = (x + jitterX - cx) / fx;
        const ly = (y + jitterY - cy) / fy;
        const length = Math.hypot(lx, ly, 1);
        const dx = (R[0] * lx + R[3] * ly + R[6]) / length;
        const dy = (R[1] * lx + R[4] * ly + R[7]) / length;
        const dz = (R[2] * lx + R[5] * ly + R[8]) / length;
        const isGeometry = sample < 0;
        castRay(trees, ox, oy, oz, dx, dy, dz, lighting, hit, surface, isGeometry ? undefined : color);
        if (surface.isMoving) staticMask[p] = 0;
        if (!isGeometry) {
          for (let k = 0; k < 3; k++) sum[k] += color[k];
          continue;
        }
        if (surface.isSky) {
          groundMask[p] = 0;
          continue;
        }
        depthM[p] = surface.distance / length;
        instanceIds[p] = surface.instanceId;
        normals[3 * p] = surface.nx;
        normals[3 * p + 1] = surface.ny;
        normals[3 * p + 2] = surface.nz;
      }
      for (let k = 0; k < 3; k++) {
        const linear = (sum[k] / (GRID * GRID)) * lighting.exposure * lighting.whiteBalance[k]!;
        data[3 * p + k] = Math.round(255 * srgbFromLinear(linear)) / 255;
      }
    }
  }
  return { name, camera, image: { widthPx, heightPx, data }, staticMask, groundMask, depthM, normals, instanceIds };
}

function castRay(
  trees: readonly SolidTree[],
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  lighting: Lighting,
  hit: Hit,
  surface: Surface,
  color: Float64Array | undefined,
): void {
  hit.distance = dz < 0 ? -oz / dz : FAR_M;
  let owner: SolidTree | undefined;
  hit.solid = -1;
  for (const tree of trees) {
    const before = hit.distance;
    tree.intersect(ox, oy, oz, dx, dy, dz, hit);
    if (hit.distance < before) owner = tree;
  }
  const isGround = owner === undefined && dz < 0;
  surface.isSky = owner === undefined && !isGround;
  surface.distance = hit.distance;
  if (surface.isSky) {
    surface.isMoving = false;
    if (color) paintSky(color, dx, dy, dz, lighting);
    return;
  }
  const solid = owner?.solids[hit.solid];
  surface.isMoving = solid?.isMoving ?? false;
  surface.instanceId = solid?.instanceId ?? 0;
  surface.nx = solid ? hit.nx : 0;
  surface.ny = solid ? hit.ny : 0;
  surface.nz = solid ? hit.nz : 1;
  if (!color) return;
  const x = ox + hit.distance * dx;
  const y = oy + hit.distance * dy;
  const z = oz + hit.distance * dz;
  if (solid) PAINT_OF[solid.material](color, x, y, z, hit.nx, hit.ny, solid);
  else paintGround(color, x, y);
  const { toSun, sunStrength } = lighting;
  const { nx, ny, nz } = surface;
  let sun = Math.max(0, nx * toSun[0] + ny * toSun[1] + nz * toSun[2]);
  if (sun > 0) {
    const [sx, sy, sz] = [x + nx * BIAS_M, y + ny * BIAS_M, z + nz * BIAS_M];
    for (const tree of trees) {
      if (!tree.isBlocked(sx, sy, sz, toSun[0], toSun[1], toSun[2], SHADOW_REACH_M)) continue;
      sun = 0;
      break;
    }
  }
  // Sky light falls from above and less near the ground.
  const open = SKY_LIGHT * (0.65 + 0.35 * nz) * (nz > 0.5 ? 1 : 0.75 + 0.25 * Math.min(1, z / 2));
  color[0] *= sunStrength * sun + open * 0.95;
  color[1] *= sunStrength * 0.97 * sun + open;
  color[2] *= sunStrength * 0.9 * sun + open * 1.1;
}

function paintSky(color: Float64Array, dx: number, dy: number, dz: number, { toSun }: Lighting): void {
  const up = Math.max(0, dz);
  const cloud = Math.max(0, valueNoise((4 * dx) / (up + 0.25), (4 * dy) / (up + 0.25), 21) * 1.6 - 0.7);
  const glow = Math.max(0, dx * toSun[0] + dy * toSun[1] + dz * toSun[2]) ** 12;
  color[0] = 0.5 - 0.28 * up + 0.35 * cloud + 0.25 * glow;
  color[1] = 0.62 - 0.2 * up + 0.26 * cloud + 0.22 * glow;
  color[2] = 0.82 + 0.12 * cloud + 0.1 * glow;
}

function srgbFromLinear(value: number): number {
  const v = Math.min(1, Math.max(0, value));
  return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
}
