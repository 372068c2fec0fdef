/** Brings attributes of ONNX nodes, old and new opsets alike, into the form of op-schemas.ts. */
import { padsFromAutoPad, type AutoPad } from '../build/auto-pad.ts';
import type { OpName } from '../ops/op-names.ts';
import type { GraphValue } from '../types.ts';

export type RawAttributes = Record<string, unknown>;

export interface AdaptPlace {
  readonly inputs: readonly (GraphValue | undefined)[];
  readonly numOutputs: number;
  readonly opset: number;
  /** @throws TF-GRAPH-012 */
  readonly fail: (expected: string, actual?: string) => never;
}

type Adapt = (attributes: RawAttributes, place: AdaptPlace) => RawAttributes;

/** Said by shapes, meant for old runtimes, or of no effect on the result. */
const IGNORED: ReadonlySet<string> = new Set([
  'allowzero',
  'stash_type',
  'spatial',
  'is_test',
  'consumed_inputs',
  'storage_order',
]);

const list = (value: unknown) => value as readonly number[] | undefined;

function explicitPads(attributes: RawAttributes, kernel: readonly number[], { inputs }: AdaptPlace): RawAttributes {
  const { auto_pad: autoPad, ...rest } = attributes;
  if (autoPad === undefined || autoPad === 'NOTSET') return rest;
  const strides = list(rest['strides']);
  const dilations = list(rest['dilations']);
  const pads = padsFromAutoPad({
    autoPad: autoPad as AutoPad,
    sizes: inputs[0]!.shape.slice(2),
    kernel,
    ...(strides === undefined ? {} : { strides }),
    ...(dilations === undefined ? {} : { dilations }),
  });
  return { ...rest, pads };
}

const pool: Adapt = (attributes, place) => explicitPads(attributes, list(attributes['kernel_shape']) ?? [], place);

const ADAPTERS: Partial<Record<OpName, Adapt>> = {
  RotaryEmbedding: ({ num_heads: _saidByTheShape, ...rest }) => rest,
  Conv(attributes, place) {
    const { kernel_shape: _kernel, ...rest } = attributes;
    return explicitPads(rest, place.inputs[1]!.shape.slice(2), place);
  },
  ConvTranspose(attributes, place) {
    const { kernel_shape: _kernel, auto_pad: autoPad, output_shape: outputShape, ...rest } = attributes;
    const isAuto = autoPad !== undefined && autoPad !== 'NOTSET' && autoPad !== 'VALID';
    const wanted = list(outputShape);
    if (!isAuto && wanted === undefined) return rest;
    const [x, w] = place.inputs as readonly [GraphValue, GraphValue];
    const begins: number[] = [];
    const ends: number[] = [];
    for (let i = 0; i < x.shape.length - 2; i++) {
      const stride = list(rest['strides'])?.[i] ?? 1;
      const extent = (w.shape[i + 2]! - 1) * (list(rest['dilations'])?.[i] ?? 1) + 1;
      const outputPadding = list(rest['output_padding'])?.[i] ?? 0;
      const target = wanted?.at(i - (x.shape.length - 2)) ?? x.shape[i + 2]! * stride;
      const total = Math.max(0, stride * (x.shape[i + 2]! - 1) + outputPadding + extent - target);
      const begin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : total - Math.floor(total / 2);
      begins.push(begin);
      ends.push(total - begin);
    }
    return { ...rest, pads: [...begins, ...ends] };
  },
  MaxPool: pool,
  AveragePool: pool,
  Split(attributes, { inputs, numOutputs }) {
    const { num_outputs: _count, ...rest } = attributes;
    if (rest['split'] !== undefined) return rest;
    const axis = (rest['axis'] as number | undefined) ?? 0;
    const size = inputs[0]!.shape.at(axis) ?? 0;
    const part = Math.ceil(size / numOutputs);
    const split = Array.from({ length: numOutputs }, (_, i) => Math.min(part, size - i * part));
    return { ...rest, split };
  },
  Pad(attributes, { inputs, fail }) {
    const { axes, ...rest } = attributes;
    const given = list(axes);
    if (given === undefined) return rest;
    const rank = inputs[0]!.shape.length;
    const pads = list(rest['pads']);
    if (pads === undefined) return fail('pads must be a constant');
    const full = new Array<number>(2 * rank).fill(0);
    for (const [i, axis] of given.entries()) {
      const fromFront = axis < 0 ? axis + rank : axis;
      full[fromFront] = pads[i]!;
      full[fromFront + rank] = pads[i + given.length]!;
    }
    return { ...rest, pads: full };
  },
  Resize(attributes, { inputs, fail }) {
    const {
      exclude_outside: _outside,
      extrapolation_value: _value,
      antialias,
      keep_aspect_ratio_policy: policy,
      axes,
      ...rest
    } = attributes;
    if ((antialias ?? 0) !== 0 || axes !== undefined || (policy ?? 'stretch') !== 'stretch')
      fail('Resize without antialias, axes and aspect ratio policy');
    const scales = list(rest['scales']);
    if (rest['sizes'] !== undefined) return { ...rest, scales: undefined };
    if (scales === undefined) return fail('Resize with constant sizes or scales');
    const sizes = inputs[0]!.shape.map((size, axis) => Math.floor(size * scales[axis]!));
    return { ...rest, sizes, scales };
  },
  Cast: (attributes) => attributes,
};

/** Complete and clean attributes for the builder. */
export function adaptAttributes(op: OpName, attributes: RawAttributes, place: AdaptPlace): RawAttributes {
  const adapted = ADAPTERS[op]?.(attributes, place) ?? attributes;
  return Object.fromEntries(
    Object.entries(adapted).filter(([name, value]) => value !== undefined && !IGNORED.has(name)),
  );
}
