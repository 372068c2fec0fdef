/** Digits drawn from free fonts (packages @fontsource/*, SIL Open Font License) with random warps: a source domain that
 *  needs no labelling. Node only. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createRng } from '@tenfold/core/base';
import type { Rng } from '@tenfold/core/base';
import opentype from 'opentype.js';
import { selfTrainError } from '../self-train-errors.ts';
import type { DigitSamples } from './digit-sets.ts';
import { fillPolygons } from './fill-polygons.ts';
import type { Polygon } from './fill-polygons.ts';
import { resampleBox } from './resample.ts';

/** Families: their regular file, beside which the other weights lie. Whole names, so that tools see the packages. */
const FONTS: readonly { readonly regular: () => string; readonly weights: readonly number[] }[] = [
  {
    regular: () =>
      import.meta.resolve('@fontsource/architects-daughter/files/architects-daughter-latin-400-normal.woff'),
    weights: [400],
  },
  { regular: () => import.meta.resolve('@fontsource/caveat/files/caveat-latin-400-normal.woff'), weights: [400, 700] },
  {
    regular: () => import.meta.resolve('@fontsource/courier-prime/files/courier-prime-latin-400-normal.woff'),
    weights: [400, 700],
  },
  {
    regular: () => import.meta.resolve('@fontsource/kalam/files/kalam-latin-400-normal.woff'),
    weights: [300, 400, 700],
  },
  { regular: () => import.meta.resolve('@fontsource/lora/files/lora-latin-400-normal.woff'), weights: [400, 700] },
  {
    regular: () => import.meta.resolve('@fontsource/nunito/files/nunito-latin-400-normal.woff'),
    weights: [300, 400, 700],
  },
  {
    regular: () => import.meta.resolve('@fontsource/patrick-hand/files/patrick-hand-latin-400-normal.woff'),
    weights: [400],
  },
  {
    regular: () => import.meta.resolve('@fontsource/roboto/files/roboto-latin-400-normal.woff'),
    weights: [300, 400, 700],
  },
];

const SIDE_PX = 16;
/** Glyphs are drawn at twice the size and averaged. */
const DRAWN_PX = 2 * SIDE_PX;
/** Segments a curve is cut into. */
const CURVE_STEPS = 6;

/** Ranges of the random warps; angles in radians, lengths in glyph heights. */
const WARP = { angle: 0.25, shear: 0.35, stretch: 0.2, wave: 0.05, margin: 0.04 } as const;

/** `count` digits in equal numbers, fonts and warps from the seed. @throws TF-SELF-006 without the font packages */
export async function drawFontDigits(count: number, seed: number): Promise<DigitSamples> {
  const fonts = await loadFonts();
  const rng = createRng(seed, 'font digits');
  const labels = rng.shuffle(Int32Array.from({ length: count }, (_, i) => i % 10));
  const data = new Float32Array(count * SIDE_PX ** 2);
  const large = new Float32Array(DRAWN_PX ** 2);
  labels.forEach((digit, i) => {
    const glyph = fonts[rng.integer(fonts.length)][digit];
    fillPolygons(warp(glyph, rng), DRAWN_PX, large);
    const image = data.subarray(i * SIDE_PX ** 2, (i + 1) * SIDE_PX ** 2);
    resampleBox(large, DRAWN_PX, image, SIDE_PX);
    ink(image, rng);
  });
  return { name: 'font digits', x: { numRows: count, width: SIDE_PX ** 2, data }, labels, sidePx: SIDE_PX };
}

/** Outlines of the ten digits of each font, in units of its em, y down. */
async function loadFonts(): Promise<readonly (readonly (readonly Polygon[])[])[]> {
  const fonts: Polygon[][][] = [];
  for (const { regular, weights } of FONTS) {
    for (const weight of weights) {
      let bytes: Buffer;
      try {
        bytes = await readFile(fileURLToPath(regular().replace('-400-', `-${weight}-`)));
      } catch (cause) {
        throw selfTrainError('TF-SELF-006', {
          subject: 'drawFontDigits',
          expected: 'the font packages @fontsource/*',
          actual: (cause as Error).message,
          hints: ['Run npm install.'],
          cause,
        });
      }
      const font = opentype.parse(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
      );
      fonts.push(Array.from({ length: 10 }, (_, digit) => flatten(font.getPath(String(digit), 0, 0, 1).commands)));
    }
  }
  return fonts;
}

/** Outlines as polygons: curves become short lines. */
function flatten(commands: readonly opentype.PathCommand[]): Polygon[] {
  const polygons: number[][] = [];
  let current: number[] = [];
  for (const command of commands) {
    if (command.type === 'Z') continue;
    if (command.type === 'M') polygons.push((current = []));
    const [startX, startY] = current.slice(-2);
    for (let step = 1; step <= CURVE_STEPS; step++) {
      const t = step / CURVE_STEPS;
      const u = 1 - t;
      if (command.type === 'Q') {
        current.push(
          u * u * startX + 2 * u * t * command.x1 + t * t * command.x,
          u * u * startY + 2 * u * t * command.y1 + t * t * command.y,
        );
      } else if (command.type === 'C') {
        const [a, b, c, d] = [u ** 3, 3 * u * u * t, 3 * u * t * t, t ** 3];
        current.push(
          a * startX + b * command.x1 + c * command.x2 + d * command.x,
          a * startY + b * command.y1 + c * command.y2 + d * command.y,
        );
      } else if (step === CURVE_STEPS) current.push(command.x, command.y);
    }
  }
  return polygons;
}

/** Turns, shears, stretches and bends a glyph, then fits it into the image as MNIST does: the longer side fills it. */
function warp(glyph: readonly Polygon[], rng: Rng): Polygon[] {
  const spread = (range: number) => range * (2 * rng.uniform() - 1);
  const [angle, shear] = [spread(WARP.angle), spread(WARP.shear)];
  const [stretchX, stretchY] = [1 + spread(WARP.stretch), 1 + spread(WARP.stretch)];
  const waves = Array.from({ length: 2 }, () => ({
    size: spread(WARP.wave),
    pace: 3 + 5 * rng.uniform(),
    phase: 2 * Math.PI * rng.uniform(),
  }));
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const moved = glyph.map((polygon) => {
    const points = new Array<number>(polygon.length);
    for (let i = 0; i < polygon.length; i += 2) {
      const bentX = polygon[i] + waves[0].size * Math.sin(waves[0].pace * polygon[i + 1] + waves[0].phase);
      const bentY = polygon[i + 1] + waves[1].size * Math.sin(waves[1].pace * polygon[i] + waves[1].phase);
      const x = stretchX * (bentX + shear * bentY);
      const y = stretchY * bentY;
      points[i] = cosine * x - sine * y;
      points[i + 1] = sine * x + cosine * y;
    }
    return points;
  });
  const xs = moved.flatMap((points) => points.filter((_, i) => i % 2 === 0));
  const ys = moved.flatMap((points) => points.filter((_, i) => i % 2 === 1));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const margin = WARP.margin * (1 + rng.uniform());
  const scale = (DRAWN_PX * (1 - 2 * margin)) / Math.max(right - left, bottom - top);
  const shift = [spread(WARP.margin) * DRAWN_PX, spread(WARP.margin) * DRAWN_PX];
  const offsetX = DRAWN_PX / 2 - (scale * (left + right)) / 2 + shift[0];
  const offsetY = DRAWN_PX / 2 - (scale * (top + bottom)) / 2 + shift[1];
  return moved.map((points) => points.map((value, i) => scale * value + (i % 2 === 0 ? offsetX : offsetY)));
}

/** Strokes of pens: blurs a little and makes the result lighter or darker.  Mutates: image. */
function ink(image: Float32Array, rng: Rng): void {
  const blur = 0.12 * rng.uniform();
  const power = 0.6 + 0.9 * rng.uniform();
  const copy = image.slice();
  for (let y = 0; y < SIDE_PX; y++) {
    for (let x = 0; x < SIDE_PX; x++) {
      const at = y * SIDE_PX + x;
      const left = x > 0 ? copy[at - 1] : 0;
      const right = x < SIDE_PX - 1 ? copy[at + 1] : 0;
      const up = y > 0 ? copy[at - SIDE_PX] : 0;
      const down = y < SIDE_PX - 1 ? copy[at + SIDE_PX] : 0;
      image[at] = Math.min(1, (1 - 4 * blur) * copy[at] + blur * (left + right + up + down)) ** power;
    }
  }
}
