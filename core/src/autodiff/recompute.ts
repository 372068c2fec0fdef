/** Recomputation of checkpointed segments. A value inside a segment is computed again by a copy of its node, only when a
 *  gradient asks for it. Copies read the values that enter the segment through a barrier: x + 0·[dy arrived], so that an
 *  engine can neither merge them with the originals nor run them before the gradient reaches the segment. */
import type { GraphBuilder, GraphNode, GraphValue, ValueId } from '../graph/index.ts';
import { DTYPES } from '../tensor/index.ts';
import type { Segment } from './marks.ts';

export interface Recomputer {
  /** The value to use in the backward pass for a forward value read by a node of the segment.
   *  @param arrived  a gradient that has reached the segment */
  valueFor(segment: Segment, value: GraphValue, arrived: () => GraphValue | undefined): GraphValue;
}

export interface RecomputeInput {
  readonly builder: GraphBuilder;
  readonly nodes: readonly GraphNode[];
  /** Index of the node that makes each value, -1 for inputs, states and constants. */
  readonly producers: Int32Array;
  /** Values that outlive their segment: graph outputs, next states. */
  readonly kept: ReadonlySet<ValueId>;
  readonly isWeight: (id: ValueId) => boolean;
}

export function createRecomputer(input: RecomputeInput, segmentOf: readonly (Segment | undefined)[]): Recomputer {
  const { builder, nodes, producers } = input;
  const leaving = valuesLeavingSegments(input, segmentOf);
  const copies = new Map<ValueId, GraphValue>();
  const zeros = new Map<string, GraphValue>();

  /** A zero of the dtype that exists only once the gradient does: [t < t] for one of its elements, false even for NaN. */
  function arrivedZero(segment: Segment, dtype: GraphValue['dtype'], arrived: () => GraphValue | undefined) {
    const key = `${segment.start}:${dtype}`;
    const known = zeros.get(key);
    if (known) return known;
    const gradient = arrived();
    let zero: GraphValue | undefined;
    if (gradient) {
      const element = firstElement(gradient);
      zero = builder.cast(builder.less(element, element), dtype);
    }
    if (zero) zeros.set(key, zero);
    return zero;
  }

  /** A scalar has no axes to slice: it is its own first element. */
  function firstElement(value: GraphValue): GraphValue {
    const { shape } = value;
    if (shape.length === 0) return value;
    const corner = builder.slice(value, {
      starts: shape.map(() => 0),
      ends: shape.map(() => 1),
      axes: shape.map((_, axis) => axis),
    });
    return builder.reshape(corner, []);
  }

  function valueFor(segment: Segment, value: GraphValue, arrived: () => GraphValue | undefined): GraphValue {
    const known = copies.get(value.id);
    if (known) return known;
    const producer = producers[value.id]!;
    const isInside = producer >= segment.start && producer < segment.end;
    if (isInside && leaving.has(value.id)) return value;
    if (!isInside) {
      const isActivation = producer >= 0 && DTYPES[value.dtype].kind === 'float' && !input.isWeight(value.id);
      const zero = isActivation ? arrivedZero(segment, value.dtype, arrived) : undefined;
      if (zero === undefined) return value;
      const entered = builder.add(value, zero);
      copies.set(value.id, entered);
      return entered;
    }
    const node = nodes[producer]!;
    const inputs = node.inputs.map((id) => (id < 0 ? undefined : valueFor(segment, builder.values[id]!, arrived)));
    const outputs = builder.node(node.op, inputs, node.attributes, {
      numOutputs: node.outputs.length,
      notes: { ...node.notes, phase: 'backward' },
    });
    node.outputs.forEach((id, i) => {
      if (!leaving.has(id)) copies.set(id, outputs[i]!);
    });
    return copies.get(value.id)!;
  }

  return { valueFor };
}

/** Values made in a segment and read outside it: they stay in memory anyway. */
function valuesLeavingSegments(
  { nodes, producers, kept }: RecomputeInput,
  segmentOf: readonly (Segment | undefined)[],
): ReadonlySet<ValueId> {
  const leaving = new Set<ValueId>(kept);
  nodes.forEach((node, index) => {
    for (const id of node.inputs) {
      if (id < 0 || producers[id]! < 0) continue;
      const segment = segmentOf[producers[id]!];
      if (segment && segment !== segmentOf[index]) leaving.add(id);
    }
  });
  return leaving;
}
