/** What a training step tells its kernels, and what they leave for the host. */
import { UNIFORM_WGSL } from './common-wgsl.ts';

/** Bytes of the struct Step. */
export const STEP_BYTES = 6 * 16;
/** Words of `records` before the losses: first step whose pairs did not fit (0: none), most pairs of a band in a step. */
export const RECORD_HEAD = 4;

export const STEP_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
struct Step {
  // number from 1, frame, place in the batch, seed of the noise
  info: vec4u,
  // means, quaternions, log scales, opacities: rate / (1 − β₁^step)
  rates: vec4f,
  // constant coefficient, others; √(1 − β₂^step); means without correction
  more: vec4f,
  // λ, L1 gradient, gradient by the SSIM map, 1 = released
  loss: vec4f,
  // 3 · open pixels, values that the map is averaged over, share of open pixels, 1 = absolute growth
  norm: vec4f,
  // rate / (1 − β₁^visit) and √(1 − β₂^visit) of the colour matrix, weight of the regularisers
  exposure: vec4f,
}
@group(0) @binding(1) var<uniform> step: Step;
`;

/** Kernels with a lasting effect do nothing from the first step on whose pairs did not fit; the host makes room and repeats these steps. */
export const IS_HALTED_WGSL = /* wgsl */ `
fn isHalted() -> bool { return records[0] != 0u; }
`;

/** Looks whether the pairs of the band fit. One thread. */
export const GATE_WGSL = /* wgsl */ `
${STEP_WGSL}
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read_write> records: array<u32>;
@compute @workgroup_size(1) fn main() {
  let numPairs = offsets[frame.counts.x];
  records[1] = max(records[1], numPairs);
  if (numPairs > frame.counts.w && records[0] == 0u) { records[0] = step.info.x; }
}
`;
