/** SPZ, the packed splat format (versions 2 and 3 read, 3 written): gzip of a 16-byte header and columns of small integers.
 *  Positions are 24-bit fixed point, log scales 8 bits, opacity 8 bits, harmonics 8 bits, quaternions smallest three (version 3)
 *  or three bytes (version 2). SPZ axes are x right, y up, z backward; clouds here have y down, z forward. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { createCloud } from '../cloud.ts';
import { logitFromProbability, sigmoid } from '../reals.ts';
import { shCoefficientCount } from '../splat/spherical-harmonics.ts';
import type { GaussianCloud } from '../types.ts';
import { viewError } from '../view-errors.ts';

const MAGIC = 0x5053474e;
const HEADER_BYTES = 16;
const FRACTION_BITS = 12;
const COLOR_SCALE = 0.15;
/** Sign of each coefficient when y and z turn round. Row k: parity of Y_k in y and z. */
const FLIP = [1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1] as const;
const SQRT_HALF = Math.SQRT1_2;

export function encodeSpz(cloud: GaussianCloud): Uint8Array {
  const { count, shDegree, means, quats, logScales, opacityLogits, sh } = cloud;
  const numBasis = shCoefficientCount(shDegree);
  const numRest = numBasis - 1;
  const raw = new Uint8Array(HEADER_BYTES + count * (9 + 1 + 3 + 3 + 4 + 3 * numRest));
  const view = new DataView(raw.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, 3, true);
  view.setUint32(8, count, true);
  raw.set([shDegree, FRACTION_BITS, 0, 0], 12);
  const byte = (value: number) => Math.min(255, Math.max(0, Math.round(value)));
  let at = HEADER_BYTES;
  for (let k = 0; k < 3 * count; k++, at += 3) {
    const fixed = Math.round(means[k] * (k % 3 === 0 ? 1 : -1) * 2 ** FRACTION_BITS);
    raw.set([fixed & 255, (fixed >> 8) & 255, (fixed >> 16) & 255], at);
  }
  for (let i = 0; i < count; i++) raw[at++] = byte(255 * sigmoid(opacityLogits[i]));
  for (let i = 0; i < count; i++)
    for (let k = 0; k < 3; k++) raw[at++] = byte(255 * (0.5 + COLOR_SCALE * sh[3 * numBasis * i + k]));
  for (let k = 0; k < 3 * count; k++) raw[at++] = byte((logScales[k] + 10) * 16);
  for (let i = 0; i < count; i++, at += 4) view.setUint32(at, packQuaternion(quats, 4 * i), true);
  for (let i = 0; i < count; i++) {
    for (let b = 1; b < numBasis; b++) {
      for (let c = 0; c < 3; c++) raw[at++] = byte(128 + 128 * FLIP[b]! * sh[3 * numBasis * i + 3 * b + c]);
    }
  }
  return gzipSync(raw);
}

/** @throws TF-VIEW-005 if it is no SPZ, of another version, or too short */
export function decodeSpz(bytes: Uint8Array, location = 'the SPZ data'): GaussianCloud {
  const fail = (expected: string, actual: string, cause?: unknown): never => {
    throw viewError('TF-VIEW-005', {
      subject: 'decodeSpz',
      expected,
      actual,
      location,
      ...(cause === undefined ? {} : { cause }),
    });
  };
  let raw: Uint8Array;
  try {
    raw = gunzipSync(bytes);
  } catch (cause) {
    return fail('gzip data of an SPZ file of version 2 or 3', 'other data', cause);
  }
  if (raw.length < HEADER_BYTES) return fail('a header of 16 bytes', `${raw.length}`);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const version = view.getUint32(4, true);
  if (view.getUint32(0, true) !== MAGIC) return fail('the SPZ mark', `0x${view.getUint32(0, true).toString(16)}`);
  if (version !== 2 && version !== 3) return fail('version 2 or 3', `${version}`);
  const count = view.getUint32(8, true);
  const shDegree = raw[12]!;
  const unit = 2 ** -raw[13]!;
  if (shDegree > 3) return fail('a degree of 0 to 3', `${shDegree}`);
  const numBasis = shCoefficientCount(shDegree);
  const rotationBytes = version === 3 ? 4 : 3;
  const wanted = HEADER_BYTES + count * (9 + 1 + 3 + 3 + rotationBytes + 3 * (numBasis - 1));
  if (raw.length !== wanted)
    return fail(`${wanted} bytes for ${count} Gaussians of degree ${shDegree}`, `${raw.length}`);
  const cloud = createCloud(count, shDegree);
  const { means, quats, logScales, opacityLogits, sh } = cloud;
  let at = HEADER_BYTES;
  for (let k = 0; k < 3 * count; k++, at += 3) {
    const fixed = ((raw[at]! | (raw[at + 1]! << 8) | (raw[at + 2]! << 16)) << 8) >> 8;
    means[k] = fixed * unit * (k % 3 === 0 ? 1 : -1);
  }
  for (let i = 0; i < count; i++)
    opacityLogits[i] = logitFromProbability(Math.min(0.999, Math.max(0.001, raw[at++]! / 255)));
  for (let i = 0; i < count; i++)
    for (let k = 0; k < 3; k++) sh[3 * numBasis * i + k] = (raw[at++]! / 255 - 0.5) / COLOR_SCALE;
  for (let k = 0; k < 3 * count; k++) logScales[k] = raw[at++]! / 16 - 10;
  for (let i = 0; i < count; i++, at += rotationBytes) {
    if (version === 3) unpackQuaternion(view.getUint32(at, true), quats, 4 * i);
    else {
      const xyz = [0, 1, 2].map((k) => raw[at + k]! / 127.5 - 1);
      const w = Math.sqrt(Math.max(0, 1 - xyz[0]! ** 2 - xyz[1]! ** 2 - xyz[2]! ** 2));
      quats.set([w, xyz[0]!, -xyz[1]!, -xyz[2]!], 4 * i);
    }
  }
  for (let i = 0; i < count; i++) {
    for (let b = 1; b < numBasis; b++) {
      for (let c = 0; c < 3; c++) sh[3 * numBasis * i + 3 * b + c] = (FLIP[b]! * (raw[at++]! - 128)) / 128;
    }
  }
  return cloud;
}

/** Two bits for the largest component, ten bits (sign and nine) for each of the others; order x, y, z, w. */
function packQuaternion(quats: ArrayLike<number>, start: number): number {
  const norm = Math.hypot(quats[start], quats[start + 1], quats[start + 2], quats[start + 3]);
  const xyzw = [quats[start + 1], -quats[start + 2], -quats[start + 3], quats[start]].map((value) => value / norm);
  let largest = 0;
  for (let k = 1; k < 4; k++) if (Math.abs(xyzw[k]!) > Math.abs(xyzw[largest]!)) largest = k;
  const isNegated = xyzw[largest]! < 0;
  let packed = largest;
  for (let k = 0; k < 4; k++) {
    if (k === largest) continue;
    const sign = xyzw[k]! < 0 !== isNegated ? 1 : 0;
    const magnitude = Math.min(511, Math.round((511 * Math.abs(xyzw[k]!)) / SQRT_HALF));
    packed = packed * 1024 + sign * 512 + magnitude;
  }
  return packed >>> 0;
}

function unpackQuaternion(packed: number, quats: { [index: number]: number }, start: number): void {
  const largest = packed >>> 30;
  const xyzw = [0, 0, 0, 0];
  let rest = packed;
  let squares = 0;
  for (let k = 3; k >= 0; k--) {
    if (k === largest) continue;
    const value = (SQRT_HALF * (rest & 511)) / 511;
    xyzw[k] = rest & 512 ? -value : value;
    squares += value * value;
    rest >>>= 10;
  }
  xyzw[largest] = Math.sqrt(Math.max(0, 1 - squares));
  quats[start] = xyzw[3]!;
  quats[start + 1] = xyzw[0]!;
  quats[start + 2] = -xyzw[1]!;
  quats[start + 3] = -xyzw[2]!;
}
