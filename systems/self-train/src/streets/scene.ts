/** Street scenes drawn with exact masks: geometry and surface colours, without light. */
import { createRng } from '@tenfold/core/base';
import type { Rng } from '@tenfold/core/base';

export const STREET_CLASSES = ['sky', 'building', 'road', 'sidewalk', 'tree', 'car', 'pole', 'person'] as const;
export type StreetClass = (typeof STREET_CLASSES)[number];

/** The camera car's bonnet: neither trained on nor counted. */
export const VOID = -1;

/** [H, W] per pixel, rows from the top. */
export interface Scene {
  readonly heightPx: number;
  readonly widthPx: number;
  /** Class number, or VOID. */
  readonly classes: Int32Array;
  /** Surface colour [3, H, W], 0..1. */
  readonly albedo: Float32Array;
  /** 0 at the camera … 1 at the horizon and in the sky. */
  readonly depth: Float32Array;
  /** Light that the surface gives by itself at night (windows, lamps, headlights), 0..1. */
  readonly glow: Float32Array;
}

type Colour = readonly [number, number, number];

const CLASS_OF = Object.fromEntries(STREET_CLASSES.map((name, c) => [name, c])) as Record<StreetClass, number>;
const WALLS: readonly Colour[] = [
  [0.62, 0.5, 0.42],
  [0.72, 0.68, 0.6],
  [0.5, 0.5, 0.54],
  [0.58, 0.36, 0.3],
  [0.8, 0.76, 0.66],
];
const PAINTS: readonly Colour[] = [
  [0.75, 0.1, 0.1],
  [0.12, 0.2, 0.55],
  [0.85, 0.85, 0.86],
  [0.12, 0.12, 0.14],
  [0.5, 0.52, 0.55],
];

/** One scene. The same seed and number give the same scene. */
export function drawScene(seed: number, number: number, heightPx = 32, widthPx = 48): Scene {
  const rng = createRng(seed, `street/${number}`);
  const numPixels = heightPx * widthPx;
  const scene: Scene = {
    heightPx,
    widthPx,
    classes: new Int32Array(numPixels),
    albedo: new Float32Array(3 * numPixels),
    depth: new Float32Array(numPixels).fill(1),
    glow: new Float32Array(numPixels),
  };
  const horizon = Math.round(heightPx * between(rng, 0.36, 0.5));
  const vanish = widthPx * between(rng, 0.4, 0.6);
  paint(scene, 'sky', [0.45, 0.62, 0.85], 1, 0, 0, () => true);
  drawBuildings(scene, rng, horizon);
  drawGround(scene, rng, horizon, vanish);
  for (let i = rng.integer(4); i > 0; i--) drawTree(scene, rng, horizon);
  for (let i = 1 + rng.integer(3); i > 0; i--) drawPole(scene, rng, horizon);
  const nearness = Array.from({ length: rng.integer(4) }, () => between(rng, 0.1, 0.75)).sort((a, b) => a - b);
  for (const near of nearness) drawCar(scene, rng, { horizon, vanish, near });
  for (let i = rng.integer(4); i > 0; i--) drawPerson(scene, rng, horizon);
  if (rng.uniform() < 0.5) drawBonnet(scene, rng);
  return scene;
}

function between(rng: Rng, low: number, high: number): number {
  return low + (high - low) * rng.uniform();
}

function pick<T>(rng: Rng, items: readonly T[]): T {
  return items[rng.integer(items.length)];
}

/** Paints the pixels that `covers` names.  Mutates: scene. @param glow  of these pixels */
function paint(
  scene: Scene,
  name: StreetClass,
  colour: Colour | ((x: number, y: number) => Colour),
  depth: number | ((y: number) => number),
  top: number,
  glow: number | ((x: number, y: number) => number),
  covers: (x: number, y: number) => boolean,
): void {
  const { heightPx, widthPx, classes, albedo } = scene;
  const numPixels = heightPx * widthPx;
  for (let y = Math.max(0, top); y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      if (!covers(x, y)) continue;
      const at = y * widthPx + x;
      const painted = typeof colour === 'function' ? colour(x, y) : colour;
      classes[at] = CLASS_OF[name];
      for (let c = 0; c < 3; c++) albedo[c * numPixels + at] = painted[c];
      scene.depth[at] = typeof depth === 'number' ? depth : depth(y);
      scene.glow[at] = typeof glow === 'number' ? glow : glow(x, y);
    }
  }
}

function drawBuildings(scene: Scene, rng: Rng, horizon: number): void {
  let left = -rng.integer(6);
  while (left < scene.widthPx) {
    const width = 7 + rng.integer(14);
    if (rng.uniform() < 0.82) {
      const top = Math.round(horizon * between(rng, 0.05, 0.75));
      const wall = pick(rng, WALLS);
      const shade = between(rng, 0.8, 1.15);
      const [stepX, stepY] = [3 + rng.integer(2), 3 + rng.integer(2)];
      const isLit = new Set(Array.from({ length: 12 }, () => rng.integer(60)));
      const isWindow = (x: number, y: number) => (x - left) % stepX === 1 && (y - top) % stepY === 1;
      const start = left;
      paint(
        scene,
        'building',
        (x, y) => (isWindow(x, y) ? [0.25, 0.3, 0.38] : [wall[0] * shade, wall[1] * shade, wall[2] * shade]),
        between(rng, 0.55, 0.95),
        top,
        (x, y) => (isWindow(x, y) && isLit.has(((x - start) * 7 + (y - top) * 13) % 60) ? 0.9 : 0),
        (x, y) => x >= start && x < start + width && y >= top && y <= horizon + 1,
      );
    }
    left += width;
  }
}

function drawGround(scene: Scene, rng: Rng, horizon: number, vanish: number): void {
  const { heightPx, widthPx } = scene;
  const rows = heightPx - horizon;
  const distance = (y: number) => (y - horizon) / rows;
  const depth = (y: number) => 0.9 * (1 - distance(y));
  const halfRoad = widthPx * between(rng, 0.38, 0.6);
  const grey = between(rng, 0.28, 0.38);
  const pavement = between(rng, 0.52, 0.66);
  paint(
    scene,
    'sidewalk',
    (x, y) => {
      const tile = (Math.floor(x / 4) + Math.floor(y / 3)) % 2 === 0 ? 0.04 : 0;
      return [pavement + tile, pavement * 0.97 + tile, pavement * 0.92 + tile];
    },
    depth,
    horizon + 1,
    0,
    (_x, y) => y > horizon,
  );
  paint(
    scene,
    'road',
    (x, y) => {
      const isMark = Math.abs(x - vanish) < 0.6 + 1.2 * distance(y) && Math.floor(8 / (0.15 + distance(y))) % 2 === 0;
      return isMark ? [0.85, 0.85, 0.8] : [grey, grey, grey * 1.05];
    },
    depth,
    horizon + 1,
    0,
    (x, y) => y > horizon && Math.abs(x - vanish) < 2 + halfRoad * distance(y),
  );
}

function drawTree(scene: Scene, rng: Rng, horizon: number): void {
  const [x0, y0] = [rng.integer(scene.widthPx), horizon - 2 - rng.integer(8)];
  const [radiusX, radiusY] = [between(rng, 3, 7), between(rng, 3, 7)];
  const green = between(rng, 0.3, 0.5);
  const depth = between(rng, 0.4, 0.8);
  const isTrunk = (x: number, y: number) => Math.abs(x - x0) < 1 && y > y0 && y < horizon + 3;
  const isCrown = (x: number, y: number) => ((x - x0) / radiusX) ** 2 + ((y - y0) / radiusY) ** 2 < 1;
  const leaf = (x: number, y: number): Colour => {
    const mottle = 0.8 + 0.4 * (((x * 31 + y * 17) % 7) / 7);
    return [0.35 * green * mottle, green * mottle, 0.25 * green * mottle];
  };
  paint(
    scene,
    'tree',
    (x, y) => (isCrown(x, y) ? leaf(x, y) : [0.3, 0.22, 0.15]),
    depth,
    0,
    0,
    (x, y) => isCrown(x, y) || isTrunk(x, y),
  );
}

function drawPole(scene: Scene, rng: Rng, horizon: number): void {
  const x0 = rng.integer(scene.widthPx);
  const [top, bottom] = [Math.round(horizon * between(rng, 0.1, 0.5)), horizon + 2 + rng.integer(10)];
  const width = 1 + rng.integer(2);
  const side = rng.uniform() < 0.5 ? -1 : 1;
  const isLamp = (x: number, y: number) => y === top && Math.abs(x - x0 - side * 2) <= 1;
  paint(
    scene,
    'pole',
    (x, y) => (isLamp(x, y) ? [0.9, 0.88, 0.8] : [0.4, 0.42, 0.44]),
    0.35,
    top,
    (x, y) => (isLamp(x, y) ? 1 : 0),
    (x, y) => (x >= x0 && x < x0 + width && y >= top && y <= bottom) || isLamp(x, y),
  );
}

function drawCar(
  scene: Scene,
  rng: Rng,
  { horizon, vanish, near }: { readonly horizon: number; readonly vanish: number; readonly near: number },
): void {
  const rows = scene.heightPx - horizon;
  const bottom = horizon + 2 + near * rows;
  const width = 5 + 16 * near;
  const height = 0.62 * width;
  const x0 = vanish + (rng.uniform() < 0.5 ? -1 : 1) * between(rng, 0.15, 0.55) * scene.widthPx * (0.25 + near);
  const colour = pick(rng, PAINTS);
  const left = x0 - width / 2;
  paint(
    scene,
    'car',
    (x, y) => {
      const v = (bottom - y) / height;
      if (v > 0.55) return v > 0.92 ? colour : [0.2, 0.24, 0.3];
      if (v < 0.2 && (x - left < 0.25 * width || x - left > 0.75 * width)) return [0.06, 0.06, 0.06];
      return colour;
    },
    0.6 * (1 - near),
    0,
    (x, y) => {
      const v = (bottom - y) / height;
      return v > 0.28 && v < 0.45 && (x - left < 0.2 * width || x - left > 0.8 * width) ? 1 : 0;
    },
    (x, y) => {
      const v = (bottom - y) / height;
      const inset = v > 0.55 ? 0.14 * width : 0;
      return v >= 0 && v < 1 && x >= left + inset && x < left + width - inset;
    },
  );
}

function drawPerson(scene: Scene, rng: Rng, horizon: number): void {
  const near = between(rng, 0.1, 0.7);
  const bottom = horizon + 3 + near * (scene.heightPx - horizon) * 0.8;
  const height = 6 + 12 * near;
  const width = Math.max(1.2, 0.28 * height);
  const x0 = rng.integer(scene.widthPx);
  const clothes: Colour = [between(rng, 0.1, 0.8), between(rng, 0.1, 0.6), between(rng, 0.1, 0.8)];
  const part = (y: number) => (bottom - y) / height;
  paint(
    scene,
    'person',
    (_x, y) => (part(y) > 0.82 ? [0.75, 0.58, 0.48] : part(y) > 0.42 ? clothes : [0.15, 0.17, 0.25]),
    0.6 * (1 - near),
    0,
    0,
    (x, y) => part(y) >= 0 && part(y) < 1 && Math.abs(x - x0) < (part(y) > 0.82 ? 0.32 : 0.5) * width,
  );
}

function drawBonnet(scene: Scene, rng: Rng): void {
  const { heightPx, widthPx, classes, albedo } = scene;
  const height = 2 + rng.integer(3);
  const numPixels = heightPx * widthPx;
  for (let y = heightPx - height; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      const at = y * widthPx + x;
      classes[at] = VOID;
      scene.depth[at] = 0;
      scene.glow[at] = 0;
      for (let c = 0; c < 3; c++) albedo[c * numPixels + at] = 0.1;
    }
  }
}
