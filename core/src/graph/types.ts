/** The graph IR: a model, a training step, a distributed step and a plan are all one of these.
 *  The meaning of every op is ONNX's (plus `com.microsoft` fusions and our domain `tenfold.dist`).
 *
 *  Invariants (checked by verifyGraph): values are defined once (by an input, an initializer, a state or one node);
 *  nodes are in topological order; every value has a static shape and a dtype; names are unique.
 *  Graphs are values: passes return new graphs and never change their argument. */
import type { Dtype, Shape, Tensor } from '../tensor/index.ts';
import type { OpName } from './ops/op-names.ts';

/** Index into `Graph.values`. */
export type ValueId = number;

export interface GraphValue {
  readonly id: ValueId;
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
}

export type AttributeValue = number | string | boolean | readonly number[] | readonly string[] | Tensor;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export type Phase = 'forward' | 'backward' | 'update';
/** In the backward phase: does the node compute a gradient of an activation or of a weight? */
export type GradRole = 'dX' | 'dW' | 'none';

/** The notes that passes and systems read; never part of the meaning. */
export interface NodeNotes {
  /** Dotted path of the logical model, e.g. `layers.3.mlp.fc1`. */
  readonly module: string;
  readonly phase: Phase;
  readonly role: GradRole;
  /** Collectives only: name of the process group (mesh axis or explicit list). */
  readonly group?: string;
  /** Collectives only: `ring`, `tree`, `rank-order`. */
  readonly algorithm?: string;
}

export interface GraphNode {
  readonly name: string;
  readonly op: OpName;
  /** An optional input that is absent is -1. */
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly attributes: Attributes;
  readonly notes: NodeNotes;
}

/** A parameter, optimiser moment or buffer that lives in the session between runs.
 *  `next` undefined: read-only (frozen). The session ping-pongs `value` and `next` without copies. */
export interface GraphState {
  readonly name: string;
  readonly value: ValueId;
  readonly next?: ValueId;
  readonly kind: 'parameter' | 'optimizer' | 'buffer';
}

export interface Graph {
  readonly name: string;
  readonly values: readonly GraphValue[];
  readonly nodes: readonly GraphNode[];
  /** Fed at every run. */
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly states: readonly GraphState[];
  /** Constants, stored with the graph. */
  readonly initializers: ReadonlyMap<ValueId, Tensor>;
}
