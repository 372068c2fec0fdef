/** What a rewrite reads of an op and how it adds nodes in its place. */
import type { Attributes, GraphNode, GraphValue, OpName, ValueId } from '../../../graph/index.ts';
import type { Dtype, Shape, Tensor } from '../../../tensor/index.ts';

/** Adds the nodes of one rewritten op. */
export interface Expansion {
  readonly node: GraphNode;
  /** Sums must come in a fixed order. */
  readonly isDeterministic: boolean;
  valueOf(id: ValueId): GraphValue;
  /** Dtype before int64 was narrowed. */
  originalDtype(id: ValueId): Dtype;
  /** A node with an output of its own, of the dtype of the rewritten op's first output unless said otherwise. */
  add(
    op: OpName,
    inputs: readonly ValueId[],
    result: { shape: Shape; dtype?: Dtype },
    attributes?: Attributes,
  ): ValueId;
  /** A fresh value, for addWithOutputs. */
  define(suffix: string, dtype: Dtype, shape: Shape): ValueId;
  addWithOutputs(op: OpName, inputs: readonly ValueId[], outputs: readonly ValueId[], attributes?: Attributes): void;
  /** The last node of an output: it makes the original node's value. */
  finish(op: OpName, inputs: readonly ValueId[], attributes?: Attributes, output?: number): void;
  scalar(value: number, dtype: Dtype): ValueId;
  constant(tensor: Tensor): ValueId;
}

export type Rewrite = (expansion: Expansion) => void;
