/** Value noise in two dimensions: deterministic, continuous, between 0 and 1. */

/** Hash of a lattice point to [0, 1). */
export function latticeNoise(x: number, y: number, salt: number): number {
  let h = Math.imul(x | 0, 0x27d4eb2d) ^ Math.imul(y | 0, 0x165667b1) ^ Math.imul(salt | 0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Smoothly interpolated lattice noise. */
export function valueNoise(x: number, y: number, salt: number): number {
  const cellX = Math.floor(x);
  const cellY = Math.floor(y);
  const fx = smooth(x - cellX);
  const fy = smooth(y - cellY);
  const top = mix(latticeNoise(cellX, cellY, salt), latticeNoise(cellX + 1, cellY, salt), fx);
  const bottom = mix(latticeNoise(cellX, cellY + 1, salt), latticeNoise(cellX + 1, cellY + 1, salt), fx);
  return mix(top, bottom, fy);
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}
