/** Light on a street scene: by day or at dusk. The masks stay; light, haze, colour and noise change. */
import { createRng } from '@tenfold/core/base';
import type { Scene } from './scene.ts';

/** Ranges [low, high] that each picture draws from. */
interface Light {
  /** Factor of the surface colour. */
  readonly gain: readonly [number, number];
  readonly tint: readonly [number, number, number];
  readonly haze: readonly [number, number];
  readonly hazeColour: readonly [number, number, number];
  /** Sky colour at the top, and at the horizon. */
  readonly skyTop: readonly [number, number, number];
  readonly skyLow: readonly [number, number, number];
  readonly noise: number;
  readonly glow: number;
}

const LIGHTS: Readonly<Record<'day' | 'dusk', Light>> = {
  day: {
    gain: [0.85, 1.1],
    tint: [1, 1, 0.97],
    haze: [0, 0.2],
    hazeColour: [0.8, 0.84, 0.9],
    skyTop: [0.38, 0.58, 0.88],
    skyLow: [0.75, 0.84, 0.93],
    noise: 0.02,
    glow: 0,
  },
  dusk: {
    gain: [0.3, 0.5],
    tint: [0.95, 0.8, 1.05],
    haze: [0.2, 0.5],
    hazeColour: [0.46, 0.33, 0.36],
    skyTop: [0.16, 0.17, 0.34],
    skyLow: [0.62, 0.38, 0.3],
    noise: 0.045,
    glow: 0.85,
  },
};

/** @param darkness  0 is day, 1 is the end of dusk
 *  @returns [3, H, W] 0..1 */
export function lightScene(scene: Scene, darkness: number, seed: number, number: number): Float32Array {
  const light = lightBetween(LIGHTS.day, LIGHTS.dusk, darkness);
  const rng = createRng(seed, `light/${darkness}/${number}`);
  const { heightPx, widthPx, classes, albedo, depth, glow } = scene;
  const numPixels = heightPx * widthPx;
  const range = ([low, high]: readonly [number, number]) => low + (high - low) * rng.uniform();
  const [gain, haze] = [range(light.gain), range(light.haze)];
  const image = new Float32Array(3 * numPixels);
  for (let p = 0; p < numPixels; p++) {
    const height = Math.min(1, Math.floor(p / widthPx) / (0.5 * heightPx));
    const veil = haze * depth[p] ** 2;
    for (let c = 0; c < 3; c++) {
      const surface =
        classes[p] === 0
          ? light.skyTop[c] + (light.skyLow[c] - light.skyTop[c]) * height
          : albedo[c * numPixels + p] * gain * light.tint[c];
      const hazed = classes[p] === 0 ? surface : (1 - veil) * surface + veil * light.hazeColour[c];
      const lit = hazed + light.glow * glow[p] * (c === 2 ? 0.6 : 0.95) * (1 - hazed);
      image[c * numPixels + p] = Math.min(1, Math.max(0, lit + light.noise * rng.normal()));
    }
  }
  return image;
}

function lightBetween(from: Light, to: Light, share: number): Light {
  const mix = (a: number, b: number) => a + share * (b - a);
  const mixAll = <T extends readonly number[]>(a: T, b: T): T => a.map((value, i) => mix(value, b[i])) as unknown as T;
  return {
    gain: mixAll(from.gain, to.gain),
    tint: mixAll(from.tint, to.tint),
    haze: mixAll(from.haze, to.haze),
    hazeColour: mixAll(from.hazeColour, to.hazeColour),
    skyTop: mixAll(from.skyTop, to.skyTop),
    skyLow: mixAll(from.skyLow, to.skyLow),
    noise: mix(from.noise, to.noise),
    glow: mix(from.glow, to.glow),
  };
}
