/** Interleaved 8-bit pixels, and their conversion to other numbers of channels. */

/** Interleaved 8-bit sRGB pixels, rows from the top: data[(y · width + x) · channels + c]. */
export interface PixelImage {
  readonly widthPx: number;
  readonly heightPx: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array;
}

/** Alpha is added as 255 or dropped; grey is repeated; colour becomes grey by its luminance in linear light.
 *  @returns the image itself if it has that many channels */
export function withChannels(image: PixelImage, wanted: PixelImage['channels']): PixelImage {
  const { channels, data } = image;
  if (channels === wanted) return image;
  const numPixels = data.length / channels;
  const isColour = channels >= 3;
  const target = new Uint8Array(numPixels * wanted);
  for (let p = 0, from = 0, to = 0; p < numPixels; p++, from += channels, to += wanted) {
    if (wanted >= 3) {
      target[to] = data[from];
      target[to + 1] = data[isColour ? from + 1 : from];
      target[to + 2] = data[isColour ? from + 2 : from];
    } else target[to] = isColour ? greyOf(data[from], data[from + 1], data[from + 2]) : data[from];
    if (wanted % 2 === 0) target[to + wanted - 1] = channels % 2 === 0 ? data[from + channels - 1] : 255;
  }
  return { ...image, channels: wanted, data: target };
}

/** Luminance in linear light with the weights of ITU-R BT.709, as libvips has it, so that both codecs agree. */
function greyOf(red: number, green: number, blue: number): number {
  if (red === green && green === blue) return red;
  const light = 0.2126 * LINEAR[red] + 0.7152 * LINEAR[green] + 0.0722 * LINEAR[blue];
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
}

/** sRGB levels as linear light, 0..1.  Source: IEC 61966-2-1. */
const LINEAR = Float64Array.from({ length: 256 }, (_, level) => {
  const v = level / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});
