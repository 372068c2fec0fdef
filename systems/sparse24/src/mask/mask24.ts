/** Making, applying and comparing 2:4 masks. */
import type { Tensor } from '@tenfold/core/tensor';
import { sparseError } from '../sparse-errors.ts';
import type { Mask24, MaskSet } from '../types.ts';

/** Kept places of each code, lower first. */
export const KEPT_FIRST = Uint8Array.of(0, 0, 0, 1, 1, 2);
export const KEPT_SECOND = Uint8Array.of(1, 2, 3, 2, 3, 3);
/** Four bits of each code, bit i = place i kept. */
export const CODE_BITS = Uint8Array.of(0b0011, 0b0101, 0b1001, 0b0110, 0b1010, 0b1100);
const CODE_OF_BITS = Int8Array.from({ length: 16 }, (_, bits) => CODE_BITS.indexOf(bits));

/** Weights that a mask may cover: the projections of attention and MLP, as in the released code; never embeddings, head or norms. */
const PRUNABLE = /(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj|out_proj|fc1|fc2)\.weight$/;

/** Whether a mask covers the tensor; one without elements has nothing to mask. */
export function isPrunable(name: string, shape: readonly number[]): boolean {
  return shape.length === 2 && shape[0]! * shape[1]! > 0 && PRUNABLE.test(name);
}

/** Matrices that GPT-2 style Conv1D modules store as [in, out]: blocks of four along a row would run over outputs. */
const CONV1D = /\.(c_attn|c_fc|c_proj)\.weight$/;

/** @throws TF-SPARSE-010 if the checkpoint holds Conv1D matrices */
export function refuseConv1d(names: readonly string[], location: string): void {
  const name = names.find((candidate) => CONV1D.test(candidate));
  if (name === undefined) return;
  throw sparseError('TF-SPARSE-010', {
    subject: 'mask',
    expected: 'matrices stored as [out, in]',
    actual: `"${name}", stored by Conv1D as [in, out]`,
    location,
    hints: ['Save the model with Linear layers (transpose the weight); blocks of four must run along the inputs.'],
  });
}

/** @throws TF-SPARSE-001 if the inner size is no multiple of 4 */
export function assertMaskable(name: string, shape: readonly number[]): asserts shape is readonly [number, number] {
  if (shape.length === 2 && shape[1]! % 4 === 0) return;
  throw sparseError('TF-SPARSE-001', {
    subject: 'mask',
    expected: 'an inner size that is a multiple of 4',
    actual: `[${shape.join(', ')}]`,
    location: `tensor "${name}"`,
  });
}

/** Keeps the two largest scores of every block; at ties the earlier place.
 *  @param scores  numel of the matrix, larger is kept @param code  [numel / 4] written */
export function topTwoCodes(scores: ArrayLike<number>, codes: Uint8Array, isMagnitude = false): Uint8Array {
  for (let block = 0; block < codes.length; block++) {
    const at = block * 4;
    let [a, b, c, d] = [scores[at]!, scores[at + 1]!, scores[at + 2]!, scores[at + 3]!];
    if (isMagnitude) [a, b, c, d] = [Math.abs(a), Math.abs(b), Math.abs(c), Math.abs(d)];
    // How many of the others come before each place; the two with fewer than two before them stay.
    const beforeA = Number(b > a) + Number(c > a) + Number(d > a);
    const beforeB = Number(a >= b) + Number(c > b) + Number(d > b);
    const beforeC = Number(a >= c) + Number(b >= c) + Number(d > c);
    const bits = Number(beforeA < 2) | (Number(beforeB < 2) << 1) | (Number(beforeC < 2) << 2);
    const isThird = bits === 3 || bits === 5 || bits === 6;
    codes[block] = CODE_OF_BITS[isThird ? bits : bits | 8]!;
  }
  return codes;
}

export function maskFromScores(
  shape: readonly [number, number],
  scores: ArrayLike<number>,
  isMagnitude = false,
): Mask24 {
  return { shape, codes: topTwoCodes(scores, new Uint8Array((shape[0] * shape[1]) / 4), isMagnitude) };
}

/** The magnitude mask. @throws TF-SPARSE-002 naming the first weight that is not finite */
export function magnitudeMask(name: string, tensor: Tensor<'float32'>): Mask24 {
  assertMaskable(name, tensor.shape);
  assertFinite(name, tensor.data);
  return maskFromScores(tensor.shape, tensor.data, true);
}

export function assertFinite(name: string, data: Float32Array): void {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw sparseError('TF-SPARSE-002', {
    subject: 'mask',
    expected: 'finite weights',
    actual: String(data[at]),
    location: `tensor "${name}", element ${at}`,
  });
}

/** A copy with the masked-out weights at +0; kept weights keep their bits.
 *  @throws TF-SPARSE-006 if the shapes differ */
export function applyMask(weights: Float32Array, mask: Mask24, name = 'weights'): Float32Array {
  assertFits(name, weights.length, mask);
  const masked = new Float32Array(weights.length);
  const { codes } = mask;
  for (let block = 0; block < codes.length; block++) {
    const at = block * 4;
    const first = at + KEPT_FIRST[codes[block]!]!;
    const second = at + KEPT_SECOND[codes[block]!]!;
    masked[first] = weights[first]!;
    masked[second] = weights[second]!;
  }
  return masked;
}

function assertFits(name: string, length: number, mask: Mask24): void {
  if (mask.codes.length * 4 === length) return;
  throw sparseError('TF-SPARSE-006', {
    subject: 'applyMask',
    expected: `a mask of ${length / 4} blocks`,
    actual: String(mask.codes.length),
    location: `tensor "${name}"`,
  });
}

/** Share of mask entries (weights, not blocks) that differ, over all matrices that both sets have. */
export function maskDifference(a: MaskSet, b: MaskSet): number {
  let differing = 0;
  let total = 0;
  for (const [name, share] of differenceByMatrix(a, b)) {
    const size = a.get(name)!.codes.length;
    differing += share * size;
    total += size;
  }
  return total === 0 ? 0 : differing / total;
}

/** The same for every matrix that both sets have, by name. */
export function differenceByMatrix(a: MaskSet, b: MaskSet): Map<string, number> {
  const shares = new Map<string, number>();
  for (const [name, left] of a) {
    const right = b.get(name);
    if (right === undefined) continue;
    let differing = 0;
    for (let i = 0; i < left.codes.length; i++) {
      let bits = CODE_BITS[left.codes[i]!]! ^ CODE_BITS[right.codes[i]!]!;
      for (; bits !== 0; bits &= bits - 1) differing++;
    }
    shares.set(name, left.codes.length === 0 ? 0 : differing / (left.codes.length * 4));
  }
  return shares;
}

/** Blocks by number of entries that are not zero (−0 counts as zero), 0…4. */
export function supportHistogram(weights: Float32Array): Float64Array {
  const histogram = new Float64Array(5);
  for (let at = 0; at + 3 < weights.length; at += 4) {
    let count = 0;
    for (let i = at; i < at + 4; i++) if (weights[i] !== 0) count++;
    histogram[count] = histogram[count]! + 1;
  }
  return histogram;
}
