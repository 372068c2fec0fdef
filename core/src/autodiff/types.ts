/** The nouns of reverse mode. */
import type { AttributesOf, GraphBuilder, GraphNode, GraphValue, OpName } from '../graph/index.ts';
import type { LeanOps } from './lean-ops.ts';

/** A gradient that is zero but for scattered updates: what GatherElements and TopK hand back.
 *  Kept apart because log-softmax and sums use it without the dense tensor. */
export interface SparseGradient {
  readonly kind: 'sparse';
  readonly axis: number;
  readonly indices: GraphValue;
  readonly updates: GraphValue;
  /** False when no index can occur twice, so that plain writing suffices. */
  readonly hasDuplicates: boolean;
}

/** What a rule sees. Invariant of all gradients here: a gradient has the dtype of its value and a shape that broadcasts
 *  to the value's shape (a mean's gradient stays one number); whoever needs every element asks for `dyFull`. */
export interface GradContext<Op extends OpName = OpName> {
  readonly builder: GraphBuilder;
  readonly lean: LeanOps;
  readonly node: GraphNode;
  readonly attributes: AttributesOf<Op>;
  readonly numInputs: number;
  readonly numOutputs: number;
  /** Forward value of an input (a recomputed copy inside checkpointed segments). */
  x(index: number): GraphValue;
  /** Do two inputs hold the same value? */
  isSameInput(a: number, b: number): boolean;
  /** Does this input need a gradient? */
  needs(index: number): boolean;
  /** Forward value of an output; outputs that the node does not have throw. */
  y(index?: number): GraphValue;
  /** Gradient of an output, broadcastable to its shape; zero if none arrived. */
  dy(index?: number): GraphValue;
  /** Gradient of an output in its full shape (zeros if none arrived). */
  dyFull(index?: number): GraphValue;
  /** The gradient as it arrived, if it is one sparse contribution. */
  dySparse(): SparseGradient | undefined;
  /** The number a constant scalar input holds. */
  constantOf(index: number): number | undefined;
  /** Builds a value once per node; later calls with the key return it. */
  once<T>(key: string, build: () => T): T;
  /** Throws TF-GRAD-002 with a reason. */
  refuse(reason: string): never;
}

/** Gradient of one input, or undefined where another input's gradient already holds it (x · x) or it is zero. */
export type InputGradient<Op extends OpName = OpName> = (
  context: GradContext<Op>,
  index: number,
) => GraphValue | SparseGradient | undefined;

export type GradientRule<Op extends OpName = OpName> =
  | InputGradient<Op>
  /** The gradient is zero wherever it is defined; nothing flows back. */
  | { readonly zero: string }
  /** Reaching this op from the loss is an error, for this reason. */
  | { readonly none: string };

export type RulesOf<Ops extends OpName> = { readonly [Op in Ops]: GradientRule<Op> };
