/** The compact .splat layout: 32 bytes a Gaussian, largest and most opaque first. Position and scale f32, colour and quaternion 8 bits. */
import { createCloud } from '../cloud.ts';
import { logitFromProbability, sigmoid } from '../reals.ts';
import { SH_C0, shCoefficientCount } from '../splat/spherical-harmonics.ts';
import type { GaussianCloud } from '../types.ts';
import { viewError } from '../view-errors.ts';

const ROW_BYTES = 32;

export function encodeSplatFile(cloud: GaussianCloud): Uint8Array {
  const { count, means, quats, logScales, opacityLogits, sh, shDegree } = cloud;
  const stride = 3 * shCoefficientCount(shDegree);
  const weight = (i: number) =>
    Math.exp(logScales[3 * i] + logScales[3 * i + 1] + logScales[3 * i + 2]) * sigmoid(opacityLogits[i]);
  const weights = Float64Array.from({ length: count }, (_, i) => weight(i));
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => weights[b] - weights[a] || a - b);
  const bytes = new Uint8Array(ROW_BYTES * count);
  const view = new DataView(bytes.buffer);
  const byte = (value: number) => Math.min(255, Math.max(0, Math.round(value)));
  order.forEach((i, r) => {
    const at = ROW_BYTES * r;
    for (let k = 0; k < 3; k++) {
      view.setFloat32(at + 4 * k, means[3 * i + k], true);
      view.setFloat32(at + 12 + 4 * k, Math.exp(logScales[3 * i + k]), true);
      bytes[at + 24 + k] = byte(255 * (0.5 + SH_C0 * sh[stride * i + k]));
    }
    bytes[at + 27] = byte(255 * sigmoid(opacityLogits[i]));
    const norm = Math.hypot(quats[4 * i], quats[4 * i + 1], quats[4 * i + 2], quats[4 * i + 3]);
    for (let k = 0; k < 4; k++) bytes[at + 28 + k] = byte((128 * quats[4 * i + k]) / norm + 128);
  });
  return bytes;
}

/** @throws TF-VIEW-005 if the length is no multiple of 32 */
export function decodeSplatFile(bytes: Uint8Array, name = 'the splat data'): GaussianCloud {
  if (bytes.length % ROW_BYTES !== 0) {
    throw viewError('TF-VIEW-005', {
      subject: 'decodeSplatFile',
      expected: `a multiple of ${ROW_BYTES} bytes`,
      actual: `${bytes.length}`,
      location: name,
      hints: ['The file looks truncated; copy it again.'],
    });
  }
  const count = bytes.length / ROW_BYTES;
  const cloud = createCloud(count, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < count; i++) {
    const at = ROW_BYTES * i;
    for (let k = 0; k < 3; k++) {
      cloud.means[3 * i + k] = view.getFloat32(at + 4 * k, true);
      cloud.logScales[3 * i + k] = Math.log(Math.max(1e-12, view.getFloat32(at + 12 + 4 * k, true)));
      cloud.sh[3 * i + k] = (bytes[at + 24 + k] / 255 - 0.5) / SH_C0;
    }
    cloud.opacityLogits[i] = logitFromProbability(Math.min(0.999, Math.max(0.001, bytes[at + 27] / 255)));
    for (let k = 0; k < 4; k++) cloud.quats[4 * i + k] = (bytes[at + 28 + k] - 128) / 128;
  }
  return cloud;
}
