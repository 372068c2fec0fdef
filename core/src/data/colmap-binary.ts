/** COLMAP's binary files: cameras.bin, images.bin, points3D.bin; little endian, counts as u64. */
import { createByteCursor } from './byte-cursor.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { COLMAP_CAMERA_MODELS } from './colmap-types.ts';
import type { ColmapCamera, ColmapImage, ColmapModelName, ColmapPoints } from './colmap-types.ts';
import { dataError } from './data-errors.ts';

/** Smallest records, to check counts against the file: a camera with three params, an image without name and keypoints, … */
const MIN_CAMERA_BYTES = 4 + 4 + 8 + 8 + 3 * 8;
const MIN_IMAGE_BYTES = 4 + 7 * 8 + 4 + 1 + 8;
const KEYPOINT_BYTES = 24;
const MIN_POINT_BYTES = 8 + 3 * 8 + 3 + 8 + 8;
const TRACK_ENTRY_BYTES = 8;

const MODEL_FROM_ID = new Map<number, ColmapModelName>(
  (Object.keys(COLMAP_CAMERA_MODELS) as ColmapModelName[]).map((name) => [COLMAP_CAMERA_MODELS[name].id, name]),
);

/** @throws TF-DATA-003 if the file is cut, TF-DATA-006 for an unknown camera model, TF-DATA-005 if bytes are left over */
export function parseColmapCameras(bytes: Uint8Array, fileName: string): ColmapCamera[] {
  const cursor = openCursor(bytes, fileName);
  const numCameras = cursor.count('cameras', MIN_CAMERA_BYTES);
  const cameras: ColmapCamera[] = [];
  for (let i = 0; i < numCameras; i++) {
    const id = cursor.u32(`the id of camera ${i}`);
    const modelId = cursor.i32(`the model of camera ${id}`);
    const model = MODEL_FROM_ID.get(modelId);
    if (model === undefined) {
      throw dataError('TF-DATA-006', {
        subject: 'readColmap',
        expected: `a camera model 0-${MODEL_FROM_ID.size - 1} for camera ${id}`,
        actual: `${modelId}`,
        location: `${fileName}:${cursor.position - 4}`,
        hints: ['Undistort the images to PINHOLE by "colmap image_undistorter".'],
      });
    }
    const widthPx = cursor.u64(`the width of camera ${id}`);
    const heightPx = cursor.u64(`the height of camera ${id}`);
    const params = takeFloats(cursor, COLMAP_CAMERA_MODELS[model].paramNames.length, `the params of camera ${id}`);
    cameras.push({ id, model, widthPx, heightPx, params });
  }
  assertAtEnd(cursor, fileName);
  return cameras;
}

/** @throws TF-DATA-003 if the file is cut, TF-DATA-004 for an impossible count, TF-DATA-005 if bytes are left over */
export function parseColmapImages(bytes: Uint8Array, fileName: string): ColmapImage[] {
  const cursor = openCursor(bytes, fileName);
  const numImages = cursor.count('images', MIN_IMAGE_BYTES);
  const images: ColmapImage[] = [];
  for (let i = 0; i < numImages; i++) {
    const id = cursor.u32(`the id of image ${i}`);
    const [w, x, y, z, tx, ty, tz] = takeFloats(cursor, 7, `the pose of image ${id}`);
    const cameraId = cursor.u32(`the camera of image ${id}`);
    const name = cursor.textUntilNul(`the name of image ${id}`);
    const numPoints = cursor.count(`keypoints of image ${id}`, KEYPOINT_BYTES);
    const points2D = new Float64Array(numPoints * 2);
    const point3DIds = new Float64Array(numPoints);
    for (let p = 0; p < numPoints; p++) {
      points2D[2 * p] = cursor.f64('a keypoint');
      points2D[2 * p + 1] = cursor.f64('a keypoint');
      point3DIds[p] = cursor.u64OrNone('the 3D point of a keypoint');
    }
    images.push({ id, name, cameraId, rotationWxyz: [w, x, y, z], translation: [tx, ty, tz], points2D, point3DIds });
  }
  assertAtEnd(cursor, fileName);
  return images;
}

/** @throws as parseColmapImages */
export function parseColmapPoints(bytes: Uint8Array, fileName: string): ColmapPoints {
  const cursor = openCursor(bytes, fileName);
  const numPoints = cursor.count('points', MIN_POINT_BYTES);
  // What the fixed parts leave over is tracks.
  const numEntries = Math.floor((cursor.numLeft - numPoints * MIN_POINT_BYTES) / TRACK_ENTRY_BYTES);
  const points: ColmapPoints = createColmapPoints(numPoints, numEntries);
  let numSeen = 0;
  for (let p = 0; p < numPoints; p++) {
    points.ids[p] = cursor.u64(`the id of point ${p}`);
    points.positions.set(takeFloats(cursor, 3, `the position of point ${p}`), 3 * p);
    points.colors.set(cursor.take(3, `the colour of point ${p}`), 3 * p);
    points.errorsPx[p] = cursor.f64(`the error of point ${p}`);
    const trackLength = cursor.count(`track entries of point ${p}`, TRACK_ENTRY_BYTES);
    for (let t = 0; t < trackLength; t++, numSeen++) {
      points.trackImageIds[numSeen] = cursor.u32('the image of a track entry');
      points.trackPoint2DIndices[numSeen] = cursor.u32('the keypoint of a track entry');
    }
    points.trackOffsets[p + 1] = numSeen;
  }
  assertAtEnd(cursor, fileName);
  return points;
}

export function createColmapPoints(numPoints: number, numTrackEntries: number): ColmapPoints {
  return {
    ids: new Float64Array(numPoints),
    positions: new Float64Array(3 * numPoints),
    colors: new Uint8Array(3 * numPoints),
    errorsPx: new Float64Array(numPoints),
    trackOffsets: new Uint32Array(numPoints + 1),
    trackImageIds: new Uint32Array(numTrackEntries),
    trackPoint2DIndices: new Uint32Array(numTrackEntries),
  };
}

export function encodeColmapCameras(cameras: readonly ColmapCamera[]): Uint8Array {
  const numParams = cameras.reduce((sum, camera) => sum + camera.params.length, 0);
  const out = createPacker(8 + cameras.length * 24 + numParams * 8);
  out.u64(cameras.length);
  for (const { id, model, widthPx, heightPx, params } of cameras) {
    out.u32(id);
    out.u32(COLMAP_CAMERA_MODELS[model].id);
    out.u64(widthPx);
    out.u64(heightPx);
    for (const param of params) out.f64(param);
  }
  return out.bytes;
}

export function encodeColmapImages(images: readonly ColmapImage[]): Uint8Array {
  const names = images.map(({ name }) => new TextEncoder().encode(name));
  const numKeypoints = images.reduce((sum, image) => sum + image.point3DIds.length, 0);
  const nameBytes = names.reduce((sum, name) => sum + name.length, 0);
  const out = createPacker(8 + images.length * MIN_IMAGE_BYTES + nameBytes + numKeypoints * KEYPOINT_BYTES);
  out.u64(images.length);
  for (const [i, { id, cameraId, rotationWxyz, translation, points2D, point3DIds }] of images.entries()) {
    out.u32(id);
    for (const value of [...rotationWxyz, ...translation]) out.f64(value);
    out.u32(cameraId);
    for (const byte of names[i]) out.u8(byte);
    out.u8(0);
    out.u64(point3DIds.length);
    for (let p = 0; p < point3DIds.length; p++) {
      out.f64(points2D[2 * p]);
      out.f64(points2D[2 * p + 1]);
      out.u64(point3DIds[p]);
    }
  }
  return out.bytes;
}

export function encodeColmapPoints(points: ColmapPoints): Uint8Array {
  const numPoints = points.ids.length;
  const out = createPacker(8 + numPoints * MIN_POINT_BYTES + points.trackImageIds.length * TRACK_ENTRY_BYTES);
  out.u64(numPoints);
  for (let p = 0; p < numPoints; p++) {
    out.u64(points.ids[p]);
    for (let axis = 0; axis < 3; axis++) out.f64(points.positions[3 * p + axis]);
    for (let channel = 0; channel < 3; channel++) out.u8(points.colors[3 * p + channel]);
    out.f64(points.errorsPx[p]);
    const [start, end] = [points.trackOffsets[p], points.trackOffsets[p + 1]];
    out.u64(end - start);
    for (let t = start; t < end; t++) {
      out.u32(points.trackImageIds[t]);
      out.u32(points.trackPoint2DIndices[t]);
    }
  }
  return out.bytes;
}

function openCursor(bytes: Uint8Array, fileName: string): ByteCursor {
  return createByteCursor(bytes, { subject: 'readColmap', fileName, isLittleEndian: true });
}

function takeFloats(cursor: ByteCursor, count: number, part: string): Float64Array {
  return new Float64Array(cursor.take(count * 8, part).slice().buffer);
}

function assertAtEnd(cursor: ByteCursor, fileName: string): void {
  if (cursor.numLeft === 0) return;
  throw dataError('TF-DATA-005', {
    subject: 'readColmap',
    expected: `the file to end at byte ${cursor.position}, after its last record`,
    actual: `${cursor.position + cursor.numLeft} bytes`,
    location: fileName,
    hints: ['Its counts are damaged, or it is another file of the model.'],
  });
}

/** Appends little-endian values to a buffer of known size; -1 becomes u64's all ones. */
function createPacker(numBytes: number) {
  const bytes = new Uint8Array(numBytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  return {
    bytes,
    u8: (value: number) => view.setUint8(at++, value),
    u32: (value: number) => view.setUint32((at += 4) - 4, value, true),
    u64: (value: number) => view.setBigInt64((at += 8) - 8, BigInt(value), true),
    f64: (value: number) => view.setFloat64((at += 8) - 8, value, true),
  };
}
