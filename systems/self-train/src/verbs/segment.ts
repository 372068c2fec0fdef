/** segment: labelled pictures with class masks, unlabelled pictures of another domain; masks for these with their doubt. */
import { join, parse } from 'node:path';
import type { OutputFile, VerbContext, VerbResult } from '@tenfold/core/system';
import { writeOutputFiles } from '@tenfold/core/system';
import { readClassNames, readPictures } from '../inputs/picture-folders.ts';
import { encodePng } from '../outputs/png.ts';
import { hardLabels } from '../segmentation/adapt-pixels.ts';
import type { PixelAdaptation } from '../segmentation/adapt-pixels.ts';
import { classPalette } from '../segmentation/palette.ts';
import { runSegmentation } from '../segmentation/run.ts';
import type { PixelSamples } from '../segmentation/types.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Method } from '../types.ts';

interface SegmentParams {
  readonly pictures: string;
  readonly masks: string;
  readonly unlabeled: string;
  readonly truth: string;
  readonly classes: string;
  readonly voidClass: number;
  readonly height: number;
  readonly width: number;
  readonly method: Method;
  readonly rounds: number;
  readonly epochs: number;
  readonly guard: boolean;
  readonly out: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** The network halves pictures twice. */
const SIZE_STEP = 4;
const MOST_DOUBT = 0.25;

export async function run(params: SegmentParams, context: VerbContext): Promise<VerbResult> {
  const [heightPx, widthPx] = [params.height, params.width];
  if (heightPx % SIZE_STEP !== 0 || widthPx % SIZE_STEP !== 0) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'self-train segment',
      expected: `--height and --width that divide by ${SIZE_STEP}`,
      actual: `${heightPx} and ${widthPx}`,
    });
  }
  const given = params.classes === '' ? undefined : await readClassNames(params.classes, context);
  const size = { heightPx, widthPx, voidClass: params.voidClass, ...(given && { numClasses: given.length }) };
  const source = await readPictures(params.pictures, params.masks, size, context);
  const labels = source.labels!;
  const numClasses = given?.length ?? labels.reduce((most, label) => Math.max(most, label + 1), 0);
  const classNames = given ?? Array.from({ length: numClasses }, (_, c) => `class ${c}`);
  const truthFolder = params.truth === '' ? undefined : params.truth;
  const { labels: truth, ...target } = await readPictures(
    params.unlabeled,
    truthFolder,
    { ...size, numClasses },
    context,
  );
  const { outcome, shown } = await runSegmentation(
    {
      source: { ...source, labels },
      target,
      ...(truth && { truth }),
      classNames,
      methods: [{ method: params.method, hasGuard: params.guard }],
      rounds: params.rounds,
      epochs: params.epochs,
      title: `${source.name} → ${target.name}`,
    },
    context,
  );
  if (params.out === '') return outcome;
  const files = writeOutputFiles(maskFiles(params.out, target, shown, numClasses), {
    subject: 'self-train segment',
    context,
    ...params,
  });
  return { ...outcome, value: { ...(outcome.value as object), files: files.length } };
}

/** A palette mask and a grey picture of the doubt for each target. */
function maskFiles(
  folder: string,
  target: PixelSamples,
  { result }: PixelAdaptation,
  numClasses: number,
): OutputFile[] {
  const { heightPx, widthPx, ids } = target;
  const numPixels = heightPx * widthPx;
  const { pooled, prediction } = result.final;
  const hard = hardLabels(prediction.probabilities);
  const palette = classPalette(numClasses);
  return ids.flatMap((id, n) => {
    const { dir, name } = parse(id);
    const tokens = Array.from({ length: numPixels }, (_, p) => n * numPixels + p);
    const mask = Uint8Array.from(tokens, (token) => hard[token]);
    const doubt = Uint8Array.from(tokens, (token) =>
      Math.round((255 * Math.min(MOST_DOUBT, pooled.varianceTotal[token])) / MOST_DOUBT),
    );
    return [
      {
        path: join(folder, 'masks', dir, `${name}.png`),
        bytes: encodePng({ widthPx, heightPx, data: mask, colours: { palette } }),
      },
      {
        path: join(folder, 'doubt', dir, `${name}.png`),
        bytes: encodePng({ widthPx, heightPx, data: doubt, colours: 'grey' }),
      },
    ];
  });
}
