/** Colours of classes in masks and on the page. */

export type Rgb = readonly [number, number, number];

/** Pixels that no label is used of, and void. */
export const UNUSED_COLOUR: Rgb = [128, 128, 128];

const FIRST: readonly Rgb[] = [
  [110, 160, 235],
  [168, 104, 70],
  [92, 84, 110],
  [226, 128, 214],
  [62, 150, 70],
  [28, 52, 168],
  [226, 200, 40],
  [220, 52, 62],
  [40, 190, 180],
  [240, 140, 40],
  [150, 90, 200],
  [180, 200, 120],
];

/** The first twelve are chosen by hand; further ones go round the colour circle. */
export function classPalette(numClasses: number): Rgb[] {
  return Array.from(
    { length: numClasses },
    (_, c) => FIRST[c] ?? colourAt((c * 137.5) % 360, c % 2 === 0 ? 0.45 : 0.62),
  );
}

/** Hue in degrees, saturation 0.6. */
function colourAt(hue: number, lightness: number): Rgb {
  const chroma = (1 - Math.abs(2 * lightness - 1)) * 0.6;
  const channel = (offset: number) => {
    const k = (offset + hue / 30) % 12;
    return Math.round(255 * (lightness - (chroma / 2) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
