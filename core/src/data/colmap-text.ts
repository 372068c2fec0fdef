/** COLMAP's text files: cameras.txt, images.txt (two lines an image), points3D.txt. Lines that begin with # are comments.
 *  Numbers are written in their shortest form that reads back to the same float64. */
import { createColmapPoints } from './colmap-binary.ts';
import { COLMAP_CAMERA_MODELS } from './colmap-types.ts';
import type { ColmapCamera, ColmapImage, ColmapModelName, ColmapPoints } from './colmap-types.ts';
import { nearestNameHints } from '../base/index.ts';
import { dataError } from './data-errors.ts';
import { exactText } from './number-text.ts';

interface TextLine {
  readonly number: number;
  readonly words: readonly string[];
}

/** @throws TF-DATA-010 with the line if a word is missing, left over or not a number; TF-DATA-006 for an unknown camera model */
export function parseColmapCamerasText(text: string, fileName: string): ColmapCamera[] {
  return contentLines(text)
    .filter(isNotEmpty)
    .map((line) => {
      const at = place(fileName, line);
      const [id, model, widthPx, heightPx] = line.words;
      if (line.words.length < 5) throw at('a camera: id, model, width, height, params', line.words.join(' '));
      if (!Object.hasOwn(COLMAP_CAMERA_MODELS, model)) {
        throw dataError('TF-DATA-006', {
          subject: 'readColmap',
          expected: 'a known camera model',
          actual: `"${model}"`,
          location: `${fileName}:${line.number}`,
          hints: nearestNameHints(model, Object.keys(COLMAP_CAMERA_MODELS)),
        });
      }
      const params = numbers(line.words.slice(4), at);
      const { paramNames } = COLMAP_CAMERA_MODELS[model as ColmapModelName];
      if (params.length !== paramNames.length) {
        throw at(`${paramNames.length} params for ${model} (${paramNames.join(', ')})`, `${params.length}`);
      }
      const [idNumber, width, height] = numbers([id, widthPx, heightPx], at);
      return { id: idNumber, model: model as ColmapModelName, widthPx: width, heightPx: height, params };
    });
}

/** @throws as parseColmapCamerasText */
export function parseColmapImagesText(text: string, fileName: string): ColmapImage[] {
  const lines = contentLines(text);
  const images: ColmapImage[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (!isNotEmpty(line)) continue;
    const at = place(fileName, line);
    if (line.words.length < 10) throw at('an image: id, quaternion, translation, camera, name', line.words.join(' '));
    const [id, w, x, y, z, tx, ty, tz, cameraId] = numbers(line.words.slice(0, 9), at);
    const pointsLine = lines[++i];
    const atPoints = place(fileName, pointsLine ?? line);
    if (pointsLine === undefined) throw atPoints(`a line of keypoints after image ${id}`, 'the end of the file');
    const values = numbers(pointsLine.words.filter(Boolean), atPoints);
    if (values.length % 3 !== 0) throw atPoints('keypoints as x, y, point id', `${values.length} numbers`);
    const numPoints = values.length / 3;
    const points2D = new Float64Array(2 * numPoints);
    const point3DIds = new Float64Array(numPoints);
    for (let p = 0; p < numPoints; p++) {
      points2D[2 * p] = values[3 * p];
      points2D[2 * p + 1] = values[3 * p + 1];
      point3DIds[p] = values[3 * p + 2];
    }
    const name = line.words.slice(9).join(' ');
    images.push({ id, name, cameraId, rotationWxyz: [w, x, y, z], translation: [tx, ty, tz], points2D, point3DIds });
  }
  return images;
}

/** @throws as parseColmapCamerasText */
export function parseColmapPointsText(text: string, fileName: string): ColmapPoints {
  const rows = contentLines(text)
    .filter(isNotEmpty)
    .map((line) => {
      const at = place(fileName, line);
      if (line.words.length < 8) throw at('a point: id, x, y, z, r, g, b, error, track', line.words.join(' '));
      if (line.words.length % 2 !== 0) throw at('a track of (image, keypoint) pairs', 'half a pair at the end');
      return numbers(line.words, at);
    });
  const numEntries = rows.reduce((sum, row) => sum + (row.length - 8) / 2, 0);
  const points = createColmapPoints(rows.length, numEntries);
  let numSeen = 0;
  for (const [p, row] of rows.entries()) {
    points.ids[p] = row[0];
    points.positions.set(row.subarray(1, 4), 3 * p);
    points.colors.set(row.subarray(4, 7), 3 * p);
    points.errorsPx[p] = row[7];
    for (let at = 8; at < row.length; at += 2, numSeen++) {
      points.trackImageIds[numSeen] = row[at];
      points.trackPoint2DIndices[numSeen] = row[at + 1];
    }
    points.trackOffsets[p + 1] = numSeen;
  }
  return points;
}

export function formatColmapCameras(cameras: readonly ColmapCamera[]): string {
  const rows = cameras.map(({ id, model, widthPx, heightPx, params }) =>
    [id, model, widthPx, heightPx, ...exactTexts(params)].join(' '),
  );
  return joinLines(['# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]', ...rows]);
}

export function formatColmapImages(images: readonly ColmapImage[]): string {
  const rows = images.flatMap(({ id, rotationWxyz, translation, cameraId, name, points2D, point3DIds }) => {
    const keypoints = Array.from(
      point3DIds,
      (pointId, p) => `${exactText(points2D[2 * p])} ${exactText(points2D[2 * p + 1])} ${pointId}`,
    );
    return [[id, ...exactTexts([...rotationWxyz, ...translation]), cameraId, name].join(' '), keypoints.join(' ')];
  });
  return joinLines([
    '# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME',
    '# POINTS2D[] as (X, Y, POINT3D_ID)',
    ...rows,
  ]);
}

export function formatColmapPoints(points: ColmapPoints): string {
  const rows = Array.from(points.ids, (id, p) => {
    const track: number[] = [];
    for (let t = points.trackOffsets[p]; t < points.trackOffsets[p + 1]; t++) {
      track.push(points.trackImageIds[t], points.trackPoint2DIndices[t]);
    }
    const at = 3 * p;
    const [position, color] = [points.positions.subarray(at, at + 3), points.colors.subarray(at, at + 3)];
    return [id, ...exactTexts(position), ...color, points.errorsPx[p], ...track].join(' ');
  });
  return joinLines(['# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)', ...rows]);
}

function contentLines(text: string): TextLine[] {
  const lines = text.split('\n').map((line, i) => ({ number: i + 1, words: line.trim().split(/\s+/) }));
  if (text.endsWith('\n')) lines.pop();
  return lines.filter(({ words }) => !words[0].startsWith('#'));
}

function isNotEmpty({ words }: TextLine): boolean {
  return words[0] !== '';
}

type LineError = (expected: string, actual: string) => Error;

function place(fileName: string, line: TextLine): LineError {
  return (expected, actual) =>
    dataError('TF-DATA-010', {
      subject: 'readColmap',
      expected,
      actual: actual.length > 80 ? `${actual.slice(0, 80)}…` : actual,
      location: `${fileName}:${line.number}`,
      hints: ['Correct the line or export the model again.'],
    });
}

function numbers(words: readonly string[], at: LineError): Float64Array {
  return Float64Array.from(words, (word) => {
    const value = Number(word);
    if (Number.isNaN(value)) throw at('a number', `"${word}"`);
    return value;
  });
}

function exactTexts(values: Iterable<number>): string[] {
  return Array.from(values, exactText);
}

function joinLines(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
