/** draw-streets: writes the synthetic streets as folders that `segment` reads. */
import { join } from 'node:path';
import type { OutputFile, VerbContext, VerbResult } from '@tenfold/core/system';
import { writeOutputFiles } from '@tenfold/core/system';
import { encodePng } from '../outputs/png.ts';
import { classPalette, UNUSED_COLOUR } from '../segmentation/palette.ts';
import type { PixelSamples } from '../segmentation/types.ts';
import { STREET_CLASSES } from '../streets/scene.ts';
import { drawStreets } from '../streets/street-set.ts';

interface DrawStreetsParams {
  readonly folder: string;
  readonly day: number;
  readonly dusk: number;
  readonly darkness: number;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** Number of void in masks, as in Cityscapes. */
const VOID_IN_MASK = 255;
const FIRST_DUSK = 100_000;

export async function run(params: DrawStreetsParams, context: VerbContext): Promise<VerbResult> {
  const { seed } = context;
  context.progress({ phase: 'drawing streets' });
  const day = drawStreets(0, { seed, first: 0, count: params.day });
  const dusk = drawStreets(params.darkness, { seed, first: FIRST_DUSK, count: params.dusk });
  const files = writeOutputFiles(
    [
      ...pictureFiles(join(params.folder, 'day'), day),
      ...pictureFiles(join(params.folder, 'dusk'), dusk),
      { path: join(params.folder, 'classes.txt'), bytes: `${STREET_CLASSES.join('\n')}\n` },
    ],
    { subject: 'self-train draw-streets', context, ...params },
  );
  return {
    ok: true,
    value: { numFiles: files.length, folder: params.folder },
    report: {
      title: 'Synthetic streets',
      verdict: {
        tone: 'good',
        text: `${params.dryRun ? 'Would write' : 'Wrote'} ${params.day} streets by day and ${params.dusk} at dusk with exact masks.`,
      },
      blocks: [
        {
          kind: 'code',
          language: 'sh',
          caption: 'Next',
          text: `tenfold self-train segment ${params.folder}/day/pictures ${params.folder}/day/masks ${params.folder}/dusk/pictures --classes ${params.folder}/classes.txt --truth ${params.folder}/dusk/masks`,
        },
      ],
    },
  };
}

function pictureFiles(
  folder: string,
  { heightPx, widthPx, x, labels, ids }: PixelSamples & { readonly labels: Int32Array },
): OutputFile[] {
  const numPixels = heightPx * widthPx;
  const palette = Array.from({ length: VOID_IN_MASK + 1 }, () => UNUSED_COLOUR);
  classPalette(STREET_CLASSES.length).forEach((colour, c) => void (palette[c] = colour));
  return ids.flatMap((id, n) => {
    const pixels = new Uint8Array(3 * numPixels);
    for (let p = 0; p < numPixels; p++) {
      for (let c = 0; c < 3; c++) pixels[3 * p + c] = Math.round(255 * x.data[(3 * n + c) * numPixels + p]);
    }
    const mask = Uint8Array.from(labels.subarray(n * numPixels, (n + 1) * numPixels), (label) =>
      label < 0 ? VOID_IN_MASK : label,
    );
    return [
      {
        path: join(folder, 'pictures', `${id}.png`),
        bytes: encodePng({ widthPx, heightPx, data: pixels, colours: 'rgb' }),
      },
      {
        path: join(folder, 'masks', `${id}.png`),
        bytes: encodePng({ widthPx, heightPx, data: mask, colours: { palette } }),
      },
    ];
  });
}
