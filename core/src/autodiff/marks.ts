/** Marks on parts of a graph that is being built: custom gradients and checkpointed segments. They belong to the builder,
 *  not to the graph: `backward` on the same builder obeys them. Marks may nest; the outermost counts. */
import type { BuilderCore, GraphBuilder, GraphValue } from '../graph/index.ts';

/** Nodes [start, end) of the builder. */
interface NodeRange {
  readonly start: number;
  readonly end: number;
}

export interface CustomGradientCall {
  readonly builder: GraphBuilder;
  /** As given to `customGradient` (recomputed copies inside checkpointed segments). */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** One per output, full shape, zeros where none arrived. */
  readonly outputGradients: readonly GraphValue[];
}

/** One gradient per input; undefined means zero. */
export type CustomRule = (call: CustomGradientCall) => readonly (GraphValue | undefined)[];

export interface CustomRegion extends NodeRange {
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly rule: CustomRule;
}

export type Segment = NodeRange;

interface Marks {
  readonly regions: CustomRegion[];
  readonly segments: Segment[];
}

const marksOfBuilder = new WeakMap<BuilderCore, Marks>();

export function marksOf(builder: BuilderCore): Marks {
  let marks = marksOfBuilder.get(builder);
  if (!marks) marksOfBuilder.set(builder, (marks = { regions: [], segments: [] }));
  return marks;
}

/** Builds `forward` and replaces its gradient by `rule`.
 *  @param inputs  what gradients flow to; values that `forward` uses besides get none
 *  @returns the outputs of `forward`
 *  @throws TF-GRAD-004 in `backward` if the rule returns a wrong number, dtype or shape */
export function customGradient(
  builder: GraphBuilder,
  inputs: readonly GraphValue[],
  forward: (inputs: readonly GraphValue[]) => readonly GraphValue[],
  rule: CustomRule,
): readonly GraphValue[] {
  const start = builder.nodes.length;
  const outputs = forward(inputs);
  marksOf(builder).regions.push({ start, end: builder.nodes.length, inputs, outputs, rule });
  return outputs;
}

/** Builds `body` and keeps none of its inner values for the backward pass: they are computed again there, from the values
 *  that enter. Memory for time: about one more forward pass of the body.   Source: Chen et al. 2016 (arXiv 1604.06174). */
export function checkpoint<T>(builder: BuilderCore, body: () => T): T {
  const start = builder.nodes.length;
  const result = body();
  marksOf(builder).segments.push({ start, end: builder.nodes.length });
  return result;
}

/** For each node the outermost range it lies in. */
export function outermostRanges<R extends NodeRange>(ranges: readonly R[], numNodes: number): (R | undefined)[] {
  const found = new Array<R | undefined>(numNodes).fill(undefined);
  const widestFirst = [...ranges].sort((a, b) => b.end - b.start - (a.end - a.start));
  for (const range of widestFirst) {
    for (let i = range.start; i < range.end; i++) found[i] ??= range;
  }
  return found;
}
