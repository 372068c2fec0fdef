/** PSNR and SSIM on an analytic pair whose values are known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeChannelPsnr, computeMeanSsim, computePsnr } from '../src/metrics/image-metrics.ts';
import type { RgbImage } from '../src/types.ts';

const [H, W] = [48, 64];

function pair(): { readonly p: RgbImage; readonly q: RgbImage } {
  const p = new Float32Array(3 * H * W);
  const q = new Float32Array(3 * H * W);
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      const values = [0.5 + 0.5 * Math.sin(0.2 * x + 0.1 * y), 0.5 + 0.5 * Math.cos(0.15 * x), (x + y) / 112];
      values.forEach((value, c) => {
        p[3 * (y * W + x) + c] = value;
        q[3 * (y * W + x) + c] = Math.min(1, Math.max(0, 0.9 * value + 0.03 * Math.sin(0.7 * x) * Math.cos(0.9 * y)));
      });
    }
  }
  return { p: { widthPx: W, heightPx: H, data: p }, q: { widthPx: W, heightPx: H, data: q } };
}

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual} ${expected}`);

test('PSNR and SSIM of the analytic pair have their known values', () => {
  const { p, q } = pair();
  close(computePsnr(q, p), 24.35253);
  [24.000469, 24.007584, 25.146641].forEach((value, c) => close(computeChannelPsnr(q, p)[c]!, value));
  close(computeMeanSsim(q, p), 0.946052);
});

test('the released profile counts masked pixels as perfect and the correct one leaves them out', () => {
  const { p, q } = pair();
  const mask = new Uint8Array(H * W).fill(1);
  for (let y = 10; y < 30; y++) mask.fill(0, y * W + 20, y * W + 40);
  close(computePsnr(q, p, mask), 24.35214);
  close(computeMeanSsim(q, p, { mask, profile: 'euvs-released' }), 0.959119);
  const corner = new Uint8Array(H * W);
  corner[0] = 1;
  close(computeMeanSsim(q, p, { mask: corner, profile: 'euvs-released' }), 0.999965);
  assert.ok(Number.isNaN(computeMeanSsim(q, p, { mask: corner })));
});

test('images of different size are refused with both sizes in the text', () => {
  const { p } = pair();
  assert.throws(() => computePsnr({ ...p, widthPx: 48, heightPx: 64 }, p), {
    message:
      'computePsnr: image and mask of 64 × 48 pixels, got 48 × 64. Give images and masks of the size of the camera. TF-VIEW-003',
  });
});
