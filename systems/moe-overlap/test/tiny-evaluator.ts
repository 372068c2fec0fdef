/** Float64 meaning of the axis rules, written for clarity; the tests cut operands and compare with the whole. */
import type { Rng } from '@tenfold/core/base';
import type { OverlapOp } from '../src/types.ts';

export interface Value {
  readonly shape: readonly number[];
  readonly data: number[];
}

export function randomValue(shape: readonly number[], rng: Rng): Value {
  return { shape, data: Array.from({ length: product(shape) }, () => rng.normal()) };
}

/** Part `part` of `numParts` along an axis; the whole value for -1. */
export function sliceAxis(value: Value, axis: number, part: number, numParts: number): Value {
  if (axis < 0) return value;
  const size = value.shape[axis]! / numParts;
  const shape = value.shape.map((own, index) => (index === axis ? size : own));
  return build(shape, (at) =>
    read(
      value,
      at.map((own, index) => (index === axis ? own + part * size : own)),
    ),
  );
}

export function evaluateOp(op: OverlapOp, ins: readonly Value[], outShape: readonly number[]): Value[] {
  const [a, b, bias] = ins as [Value, Value, Value | undefined];
  const axis = op.axis ?? a.shape.length - 1;
  switch (op.rule) {
    case 'matmul':
    case 'batch-matmul': {
      const inner = a.shape.at(-1)!;
      return [
        build([...a.shape.slice(0, -1), b.shape.at(-1)!], (at) => {
          let sum = bias ? read(bias, at.slice(-1)) : 0;
          const batch = b.shape.length > 2 ? at.slice(0, -2) : [];
          for (let k = 0; k < inner; k++) sum += read(a, [...at.slice(0, -1), k]) * read(b, [...batch, k, at.at(-1)!]);
          return sum;
        }),
      ];
    }
    case 'elementwise':
      return [build(a.shape, (at) => read(a, at) * broadcastRead(ins[1] ?? a, at))];
    case 'norm':
      return [
        build(a.shape, (at) => {
          let sum = 0;
          for (let k = 0; k < a.shape[axis]!; k++) sum += Math.exp(read(a, at.with(axis, k)));
          return Math.exp(read(a, at)) / sum;
        }),
      ];
    case 'reshape':
      return [{ shape: outShape, data: a.data }];
    case 'transpose':
      return [
        build(
          op.permutation!.map((from) => a.shape[from]!),
          (at) =>
            read(
              a,
              a.shape.map((_, from) => at[op.permutation!.indexOf(from)]!),
            ),
        ),
      ];
    case 'split':
      return op.outs.map((_, index) => sliceAxis(a, axis, index, op.outs.length));
    case 'concat':
      return [
        build(
          a.shape.map((size, index) => (index === axis ? size * ins.length : size)),
          (at) => read(ins[Math.floor(at[axis]! / a.shape[axis]!)]!, at.with(axis, at[axis]! % a.shape[axis]!)),
        ),
      ];
    case 'reduce':
      return [
        build(
          a.shape.filter((_, index) => index !== axis),
          (at) => {
            let sum = 0;
            for (let k = 0; k < a.shape[axis]!; k++) sum += read(a, at.toSpliced(axis, 0, k));
            return sum;
          },
        ),
      ];
    case 'embedding':
      // Ids are made from the random values by hashing them into the table.
      return [
        build([...b.shape, a.shape[1]!], (at) =>
          read(a, [Math.floor(Math.abs(read(b, at.slice(0, -1))) * 7) % a.shape[0]!, at.at(-1)!]),
        ),
      ];
    default:
      throw new Error(`no meaning for ${op.rule}`);
  }
}

function build(shape: readonly number[], at: (index: number[]) => number): Value {
  const data = Array.from({ length: product(shape) }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (const size of shape.toReversed()) {
      index.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    return at(index);
  });
  return { shape, data };
}

function read({ shape, data }: Value, index: readonly number[]): number {
  return data[shape.reduce((flat, size, axis) => flat * size + index[axis]!, 0)]!;
}

function broadcastRead(value: Value, index: readonly number[]): number {
  const own = index.slice(index.length - value.shape.length);
  return read(
    value,
    own.map((at, axis) => (value.shape[axis] === 1 ? 0 : at)),
  );
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}
