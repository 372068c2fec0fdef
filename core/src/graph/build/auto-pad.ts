/** Explicit pads from ONNX's auto_pad. */

export type AutoPad = 'SAME_UPPER' | 'SAME_LOWER' | 'VALID';

interface AutoPadInput {
  readonly autoPad: AutoPad;
  /** Spatial sizes of the input. */
  readonly sizes: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
}

/** Pads [begin…, end…] with which the output has ceil(size / stride) steps (SAME) or none (VALID). */
export function padsFromAutoPad({ autoPad, sizes, kernel, strides, dilations }: AutoPadInput): readonly number[] {
  const begins: number[] = [];
  const ends: number[] = [];
  for (const [i, size] of sizes.entries()) {
    const stride = strides?.[i] ?? 1;
    const extent = (kernel[i]! - 1) * (dilations?.[i] ?? 1) + 1;
    const total = autoPad === 'VALID' ? 0 : Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
    const small = Math.floor(total / 2);
    begins.push(autoPad === 'SAME_LOWER' ? total - small : small);
    ends.push(autoPad === 'SAME_LOWER' ? small : total - small);
  }
  return [...begins, ...ends];
}
