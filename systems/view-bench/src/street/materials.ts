/** Colours of surfaces at a hit point: linear albedo in 0..1 from procedural textures. */
import { latticeNoise, valueNoise } from './noise.ts';
import type { MaterialName, Solid } from './solids.ts';
import { STREET } from './world.ts';

type Paint = (out: Float64Array, x: number, y: number, z: number, nx: number, ny: number, solid: Solid) => void;

const LINE_HALF_M = 0.08;
const DASH_PERIOD_M = 6;
const DASH_LENGTH_M = 3;
const WINDOW_PITCH_M = 2.4;
const STOREY_M = 3.1;
const SIGN_HEIGHT_M = 0.8;

/** Asphalt with lane lines, dashes and crossings, at z = 0. */
export function paintGround(out: Float64Array, x: number, y: number): void {
  const { halfRoadM, halfStreetM, crossingXM } = STREET;
  const crossX = x - crossingXM;
  const isMain = Math.abs(y) < halfRoadM;
  const isCrossing = Math.abs(crossX) < halfRoadM;
  const grain = 0.7 * valueNoise(x * 3, y * 3, 1) + 0.3 * latticeNoise(Math.floor(x * 8), Math.floor(y * 8), 2);
  const patch = valueNoise(x * 0.35, y * 0.35, 3);
  let shade = 0.09 + 0.05 * grain + 0.06 * patch;
  if (!isMain && !isCrossing) {
    const isGrass = Math.abs(y) > halfStreetM && Math.abs(crossX) > halfStreetM;
    out[0] = isGrass ? 0.1 + 0.06 * grain : 0.25 + 0.08 * grain;
    out[1] = isGrass ? 0.17 + 0.1 * grain : 0.24 + 0.08 * grain;
    out[2] = isGrass ? 0.06 + 0.03 * grain : 0.22 + 0.08 * grain;
    return;
  }
  const isJunction = isMain && isCrossing;
  if (!isJunction) {
    const along = isMain ? x : y;
    const across = isMain ? y : crossX;
    const dashAt = ((along % DASH_PERIOD_M) + DASH_PERIOD_M) % DASH_PERIOD_M;
    const isCentre = Math.abs(Math.abs(across) - 0.12) < LINE_HALF_M;
    const isDash = Math.abs(Math.abs(across) - 3.5) < LINE_HALF_M && dashAt < DASH_LENGTH_M;
    const isEdge = Math.abs(Math.abs(across) - (halfRoadM - 0.3)) < LINE_HALF_M;
    const toJunction = Math.abs(isMain ? crossX : y) - halfRoadM;
    const isZebra =
      toJunction > 0.8 &&
      toJunction < 3.6 &&
      Math.abs(across) < halfRoadM - 0.4 &&
      Math.floor((across + 20) / 0.6) % 2 === 0;
    const isArrow =
      dashAt < 2 &&
      Math.floor(along / DASH_PERIOD_M) % 4 === 1 &&
      Math.abs(Math.abs(across) - 1.75) < 0.12 + 0.25 * (dashAt / 2);
    if (isCentre || isDash || isEdge || isZebra || isArrow) shade = 0.55 + 0.2 * grain;
  }
  // A manhole here and there.
  const cellX = Math.floor(x / 11);
  const cellY = Math.floor(y / 5);
  const hx = (cellX + 0.2 + 0.6 * latticeNoise(cellX, cellY, 5)) * 11;
  const hy = (cellY + 0.2 + 0.6 * latticeNoise(cellX, cellY, 6)) * 5;
  if (Math.hypot(x - hx, y - hy) < 0.35) shade = Math.floor(x * 14) % 2 === 0 ? 0.05 : 0.16;
  out[0] = shade * 1.02;
  out[1] = shade;
  out[2] = shade * 1.03;
}

/** Row by material; a new material does not compile until it has its paint. */
export const PAINT_OF: Readonly<Record<MaterialName, Paint>> = {
  ground: (out, x, y) => paintGround(out, x, y),
  kerb(out, x, y, z) {
    const isTop = z > 0.149;
    const slab = latticeNoise(Math.floor(x / 0.6), Math.floor(y / 0.6), 9);
    const isJoint =
      isTop && (Math.abs(x / 0.6 - Math.round(x / 0.6)) < 0.05 || Math.abs(y / 0.6 - Math.round(y / 0.6)) < 0.05);
    const shade = isTop ? (isJoint ? 0.2 : 0.3 + 0.14 * slab) : 0.45;
    out.fill(shade * (0.9 + 0.2 * valueNoise(x * 4, y * 4, 10)));
    out[2] *= 0.95;
  },
  facade(out, x, y, z, nx, ny, solid) {
    const along = Math.abs(nx) > Math.abs(ny) ? y : x;
    const tint = latticeNoise(solid.salt, 1, 11);
    const warm = latticeNoise(solid.salt, 2, 11);
    const brick = latticeNoise(
      Math.floor(along / 0.5 + 0.5 * (Math.floor(z / 0.25) % 2)),
      Math.floor(z / 0.25),
      solid.salt,
    );
    const stain = valueNoise(along * 0.4, z * 0.4, solid.salt);
    const base = (0.25 + 0.35 * tint) * (0.75 + 0.25 * brick) * (0.7 + 0.4 * stain);
    const pitch = WINDOW_PITCH_M * (0.8 + 0.5 * warm);
    const column = Math.floor(along / pitch);
    const storey = Math.floor(z / STOREY_M);
    const inX = along / pitch - column;
    const inZ = z / STOREY_M - storey;
    const isSign = storey === 0 && inZ * STOREY_M > STOREY_M - SIGN_HEIGHT_M && tint > 0.35;
    if (isSign) {
      const glyph = latticeNoise(Math.floor(along / 0.14), Math.floor(z / 0.13), solid.salt + 17) < 0.42;
      const hue = latticeNoise(solid.salt, 3, 11);
      out[0] = glyph ? 0.8 : 0.1 + 0.4 * hue;
      out[1] = glyph ? 0.75 : 0.1 + 0.2 * warm;
      out[2] = glyph ? 0.6 : 0.45 * (1 - hue);
      return;
    }
    const isOpening =
      storey === 0 ? inX > 0.2 && inX < 0.72 && inZ < 0.68 : inX > 0.25 && inX < 0.75 && inZ > 0.28 && inZ < 0.82;
    if (isOpening) {
      const isFrame =
        inX < 0.29 || inX > 0.71 || Math.abs(inX - 0.5) < 0.025 || (storey > 0 && (inZ < 0.31 || inZ > 0.79));
      const lit = latticeNoise(column, storey, solid.salt + 5);
      const shade = isFrame ? 0.6 : 0.05 + 0.22 * lit * lit;
      out[0] = shade * (storey === 0 && lit > 0.6 ? 1.5 : 0.95);
      out[1] = shade;
      out[2] = shade * (isFrame ? 0.95 : 1.15);
      return;
    }
    out[0] = base * (0.9 + 0.35 * warm);
    out[1] = base * 0.9;
    out[2] = base * (1.05 - 0.4 * warm);
  },
  bark: (out, x, y, z) => setColor(out, [0.2, 0.14, 0.09], 0.6 + 0.8 * valueNoise((x + y) * 14, z * 3, 12)),
  leaves: (out, x, y, z, _nx, _ny, { salt }) =>
    setColor(out, [0.1, 0.22, 0.06], 0.6 + 0.7 * latticeNoise(salt, 0, 13) + 0.5 * valueNoise((x + y) * 6, z * 6, 13)),
  metal: (out, _x, _y, z) => setColor(out, [0.2, 0.21, 0.22], 0.8 + 0.5 * latticeNoise(0, Math.floor(z / 0.4), 14)),
  lamp: (out) => setColor(out, [0.8, 0.8, 0.72], 1),
  paint(out, x, y, z, _nx, _ny, { salt }) {
    if (salt === 99) {
      // A traffic light: three lenses.
      const lens = Math.floor((z - 2.65) / 0.3);
      setColor(out, lens === 2 ? [0.7, 0.08, 0.05] : lens === 1 ? [0.6, 0.45, 0.05] : [0.05, 0.5, 0.2], 1);
      return;
    }
    const shade = 0.15 + 0.55 * latticeNoise(salt, 1, 15);
    const hue = latticeNoise(salt, 2, 15);
    const isPlate = z > 0.45 && z < 0.62 && valueNoise(x * 1.3, y * 1.3, salt) > 0.75;
    setColor(out, [0.4 + 0.6 * hue, 0.55, 1 - 0.6 * hue], isPlate ? 0.9 : shade);
  },
  glass: (out, x, y, z) => setColor(out, [0.07, 0.09, 0.11], 0.7 + valueNoise(x + y, z * 3, 16)),
  tyre: (out) => setColor(out, [0.04, 0.04, 0.045], 1),
  cloth: (out, _x, _y, z, _nx, _ny, { salt }) =>
    setColor(out, z > 0.95 ? [0.5, 0.3, 0.25] : [0.12, 0.15, 0.3], 0.5 + latticeNoise(salt, 0, 17)),
  skin: (out) => setColor(out, [0.5, 0.33, 0.25], 1),
};

function setColor(out: Float64Array, color: readonly [number, number, number], factor: number): void {
  for (let k = 0; k < 3; k++) out[k] = color[k]! * factor;
}
