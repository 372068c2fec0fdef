/** The state of a lowering: values, prims, and the helpers that add to them. */
import { numbersFromTensor, numel } from '../../tensor/index.ts';
import type { Dtype, Shape } from '../../tensor/index.ts';
import type { Graph, ValueId } from '../../graph/index.ts';
import { broadcastAccess } from './accesses.ts';
import { NoKernel } from './prims.ts';
import type { Kind, MapCode, Operand, Prim, PrimValue } from './prims.ts';

const KINDS: Readonly<Partial<Record<Dtype, Kind>>> = {
  float32: 'f32',
  float16: 'f16',
  int32: 'i32',
  int64: 'i32',
  bool: 'bool',
};

export function kindOf(dtype: Dtype): Kind {
  const kind = KINDS[dtype];
  if (kind === undefined) throw new NoKernel(`dtype ${dtype}`);
  return kind;
}

/** Constants up to this size are looked at for being all alike. */
const MOST_LOOKED_AT = 1 << 16;

export interface Lowering {
  readonly values: PrimValue[];
  readonly prims: Prim[];
  /** The op and node that prims are added for. */
  at(op: string, node: string): void;
  define(kind: Kind, shape: Shape, splat?: number): ValueId;
  /** Says that a graph value is another shape of a value, or a known number. */
  alias(id: ValueId, source: ValueId): void;
  fill(id: ValueId, number: number): void;
  /** Adds a map; operands broadcast to its shape unless an access is given. @returns `out`, or a fresh value */
  map(
    operands: readonly (ValueId | Operand)[],
    code: MapCode,
    result: { readonly out?: ValueId; readonly shape?: Shape; readonly kind?: Kind },
  ): ValueId;
  /** Over the last `width` elements of each row. */
  reduce(how: 'sum' | 'max' | 'min', input: ValueId, width: number, result: { out?: ValueId; shape: Shape }): ValueId;
  add(prim: Prim): void;
  readonly op: string;
  readonly node: string;
  /** The value in memory, for kernels that cannot take a known number. */
  stored(id: ValueId): ValueId;
  /** Another shape of a value. */
  reshaped(id: ValueId, shape: Shape): ValueId;
}

export function createLowering(graph: Graph): Lowering {
  const values: PrimValue[] = graph.values.map((value): PrimValue => {
    const constant = graph.initializers.get(value.id);
    const kind = kindOf(value.dtype);
    const base = { kind, shape: value.shape, root: value.id };
    if (constant === undefined || numel(value.shape) > MOST_LOOKED_AT) return base;
    const numbers = numbersFromTensor(constant);
    const isAlike = numbers.length > 0 && numbers.every((number) => number === numbers[0]);
    return isAlike && Number.isFinite(numbers[0]) ? { ...base, splat: numbers[0] } : base;
  });
  const prims: Prim[] = [];
  let [op, node] = ['', ''];
  const lowering: Lowering = {
    values,
    prims,
    get op() {
      return op;
    },
    get node() {
      return node;
    },
    at(nextOp, nextNode) {
      [op, node] = [nextOp, nextNode];
    },
    define(kind, shape, splat) {
      values.push({ kind, shape, root: values.length, ...(splat === undefined ? {} : { splat }) });
      return values.length - 1;
    },
    alias(id, source) {
      const { root, splat } = values[source];
      values[id] = { ...values[id], root, ...(splat === undefined ? {} : { splat }) };
    },
    fill(id, number) {
      values[id] = { ...values[id], splat: number };
    },
    map(operands, code, { out, shape, kind }) {
      const made = out ?? lowering.define(kind ?? 'f32', shape!);
      const own = values[made].shape;
      prims.push({
        kind: 'map',
        op,
        node,
        operands: operands.map((operand) =>
          typeof operand === 'number'
            ? { value: operand, access: broadcastAccess(own, values[operand].shape) }
            : operand,
        ),
        out: made,
        code,
      });
      return made;
    },
    reduce(how, input, width, { out, shape }) {
      const made = out ?? lowering.define(values[input].kind === 'f16' ? 'f32' : values[input].kind, shape);
      prims.push({ kind: 'reduce', op, node, how, input: lowering.stored(input), out: made, width });
      return made;
    },
    add: (prim) => void prims.push(prim),
    stored(id) {
      const { splat, kind, shape } = values[id];
      if (splat === undefined) return id;
      const made = lowering.define(kind, shape);
      return lowering.map([], (_args, types) => literal(kind, splat, types), { out: made });
    },
    reshaped(id, shape) {
      values.push({ ...values[id], shape });
      return values.length - 1;
    },
  };
  return lowering;
}

/** A number as a WGSL value of a kind. */
export function literal(kind: Kind, number: number, { F, I, B }: { F: string; I: string; B: string }): string {
  if (kind === 'bool') return `${B}(${number !== 0})`;
  if (kind === 'i32') return `${I}(${Math.trunc(number)})`;
  return `${F}(${Math.fround(number)})`;
}
