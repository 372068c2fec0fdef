/** Resize (nearest, linear, cubic) as one sparse linear map per axis, applied axis after axis. */
import { input, integers, numberAttribute, splitAtAxis, stringAttribute } from '../kernel-call.ts';
import type { Kernel, KernelCall } from '../kernel-call.ts';

interface Tap {
  readonly index: number;
  readonly weight: number;
}

interface AxisSizes {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

/** Position in the source of the centre of output element `at`. */
function sourceCoordinate(at: number, { from, to, scale }: AxisSizes, mode: string): number {
  if (mode === 'asymmetric') return at / scale;
  if (mode === 'align_corners') return to === 1 ? 0 : (at * (from - 1)) / (to - 1);
  if (mode === 'pytorch_half_pixel' && to === 1) return 0;
  return (at + 0.5) / scale - 0.5;
}

const NEAREST: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Keys 1981 cubic convolution weights of taps −1, 0, 1, 2 at fraction t. */
function cubicWeights(t: number, a: number): readonly number[] {
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** Taps of every output position along one axis. */
function axisTaps(call: KernelCall, sizes: AxisSizes): readonly (readonly Tap[])[] {
  const mode = stringAttribute(call, 'mode', 'nearest');
  const coordinates = stringAttribute(call, 'coordinate_transformation_mode', 'half_pixel');
  const clamp = (index: number): number => Math.min(Math.max(index, 0), sizes.from - 1);
  return Array.from({ length: sizes.to }, (_, at) => {
    const x = sourceCoordinate(at, sizes, coordinates);
    if (mode === 'nearest') {
      const round = NEAREST[stringAttribute(call, 'nearest_mode', 'round_prefer_floor')]!;
      return [{ index: clamp(round(x)), weight: 1 }];
    }
    if (mode === 'linear') {
      const inside = clamp(x);
      const left = Math.floor(inside);
      const fraction = inside - left;
      return [
        { index: left, weight: 1 - fraction },
        { index: clamp(left + 1), weight: fraction },
      ];
    }
    const left = Math.floor(x);
    const weights = cubicWeights(x - left, numberAttribute(call, 'cubic_coeff_a', -0.75));
    return weights.map((weight, tap) => ({ index: clamp(left - 1 + tap), weight }));
  });
}

export const resize: Kernel = (call) => {
  const x = input(call, 0);
  const sizes = integers(call, 'sizes');
  const scales = call.node.attributes['scales'] as readonly number[] | undefined;
  const shape = [...x.shape];
  let data = x.data;
  for (let axis = 0; axis < shape.length; axis++) {
    const from = shape[axis]!;
    const to = sizes[axis]!;
    const scale = scales?.[axis] ?? to / from;
    if (from === to && scale === 1) continue;
    const taps = axisTaps(call, { from, to, scale });
    const { outer, inner } = splitAtAxis(shape, axis);
    const out = new Float64Array(outer * to * inner);
    for (let o = 0; o < outer; o++) {
      for (let at = 0; at < to; at++) {
        for (const { index, weight } of taps[at]!) {
          const source = (o * from + index) * inner;
          const target = (o * to + at) * inner;
          for (let i = 0; i < inner; i++) out[target + i]! += weight * data[source + i]!;
        }
      }
    }
    data = out;
    shape[axis] = to;
  }
  return [data];
};
