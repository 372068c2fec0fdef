/** Precision recipes as a pass: rounds values by pairs of Cast nodes where low-precision training would store them, so
 *  that the f32 graph shows the arithmetic of BF16, FP16 or FP8 training on any engine (products accumulate in f32).
 *
 *  Pre: sound f32 graph. Post: same inputs, outputs and states (plus FP8 scaling states); the update phase, master
 *  weights and weight gradients (role dW) stay f32. Collectives of activations carry the storage dtype.
 *  Source: public behaviour of NVIDIA Transformer Engine's recipes; OCP MX specification for `mx`. */
import type { Tensor } from '../../tensor/index.ts';
import { OP_PROPERTIES } from '../ops/op-properties.ts';
import type { Graph, GraphNode, GraphValue, ValueId } from '../types.ts';
import { findProducers, transformGraph, type TransformContext } from '../passes/transform-graph.ts';
import {
  currentScale,
  delayedScale,
  roundInBlocks,
  roundThrough,
  roundUnderScale,
  type DelayedState,
  type Fp8Format,
} from './fp8-scaling.ts';

export interface Fp8Recipe {
  /** `current`: scale from the present tensor; `delayed`: from earlier steps; `block`: 1×128 and 128×128 (weights) blocks
   *  with power-of-two scales; `mx`: 32-element blocks with E8M0 scales. */
  readonly scaling: 'current' | 'delayed' | 'block' | 'mx';
  /** `hybrid`: E4M3 forward, E5M2 for gradients; `e4m3`: everywhere. Default hybrid; always e4m3 for block and mx. */
  readonly format?: 'hybrid' | 'e4m3';
  /** Delayed only; default 1024. */
  readonly historyLength?: number;
  /** Delayed only; scale is divided by 2^margin. Default 0. */
  readonly margin?: number;
  /** Reduce amax over the ranks of this group (tensors that are sharded). */
  readonly amaxGroup?: { readonly group: string; readonly groupSize: number };
}

export interface PrecisionRecipe {
  /** What activations and their gradients are stored in. */
  readonly storage: 'float32' | 'bfloat16' | 'float16';
  /** Operands of MatMul, Gemm and FusedMatMul. */
  readonly fp8?: Fp8Recipe;
  /** Nodes whose results and operands stay f32 (router, norm statistics, loss). */
  readonly keepFloat32?: (node: GraphNode) => boolean;
}

export interface PrecisionResult {
  readonly graph: Graph;
  /** Initial values of the scaling states. */
  readonly stateValues: Readonly<Record<string, Tensor>>;
}

const BLOCK_SIZE = 128;
const MX_BLOCK_SIZE = 32;

/** Cost: O(nodes). */
export function applyPrecision(
  graph: Graph,
  { storage, fp8, keepFloat32 = () => false }: PrecisionRecipe,
): PrecisionResult {
  const producers = findProducers(graph);
  const parameters = new Set(graph.states.filter((state) => state.kind === 'parameter').map((state) => state.value));
  const delayed: DelayedState = {
    stateValues: {},
    historyLength: fp8?.historyLength ?? 1024,
    margin: fp8?.margin ?? 0,
  };
  const rounded = new Map<string, GraphValue>();

  /** Rounds once for all readers. */
  function once(key: string, make: () => GraphValue): GraphValue {
    const known = rounded.get(key);
    if (known !== undefined) return known;
    const made = make();
    rounded.set(key, made);
    return made;
  }

  function stored(id: ValueId, { map, builder }: TransformContext): GraphValue {
    const value = map(id);
    // Results are rounded where they arise; only what comes from outside is left.
    if (storage === 'float32' || value.dtype !== 'float32' || producers[id] !== undefined) return value;
    return once(`${id}`, () => roundThrough(builder, value, storage));
  }

  function quantised(id: ValueId, axis: number, context: TransformContext, recipe: Fp8Recipe): GraphValue {
    const { builder } = context;
    const isGradient = producers[id]?.notes.phase === 'backward';
    const isBlocked = recipe.scaling === 'block' || recipe.scaling === 'mx';
    const format: Fp8Format = isGradient && !isBlocked && recipe.format !== 'e4m3' ? 'float8e5m2' : 'float8e4m3fn';
    const value = stored(id, context);
    if (isBlocked && value.shape.length < 2) return value;
    return once(`${id}|${format}|${isBlocked ? axis : ''}`, () => {
      if (recipe.scaling === 'mx') {
        return roundInBlocks(builder, value, axis, { along: MX_BLOCK_SIZE, across: 1, rule: 'mx' }, format);
      }
      if (recipe.scaling === 'block') {
        const across = parameters.has(id) ? BLOCK_SIZE : 1;
        return roundInBlocks(builder, value, axis, { along: BLOCK_SIZE, across, rule: 'pow2' }, format);
      }
      const ownAmax = builder.reduceMax(builder.abs(value));
      const amax =
        recipe.amaxGroup === undefined
          ? ownAmax
          : builder.allReduce(ownAmax, { ...recipe.amaxGroup, reduction: 'max' });
      const scale =
        recipe.scaling === 'current'
          ? currentScale(builder, amax, format)
          : delayedScale(builder, amax, format, graph.values[id]!.name, delayed);
      return roundUnderScale(builder, value, scale, format);
    });
  }

  const changed = transformGraph(graph, (node, context) => {
    const example = graph.values[node.outputs[0] ?? node.inputs[0] ?? -1];
    const isOurs = node.notes.phase !== 'update' && example?.dtype === 'float32' && !keepFloat32(node);
    const { isLayout, isCollective } = OP_PROPERTIES[node.op];
    if (!isOurs) return undefined;
    if (isCollective) return storage === 'float32' ? undefined : sentAs(storage, node, context);
    const axes = fp8 === undefined ? undefined : contractionAxes(graph, node);
    const inputs = node.inputs.map((id, i) => {
      if (id < 0) return undefined;
      const axis = axes?.[i];
      return axis === undefined ? stored(id, context) : quantised(id, axis, context, fp8!);
    });
    const outputs = context.builder.node(node.op, inputs, node.attributes, {
      name: node.name,
      numOutputs: node.outputs.length,
      notes: node.notes,
    });
    const keepsResult = storage === 'float32' || isLayout || node.notes.role === 'dW';
    if (keepsResult) return outputs;
    return outputs.map((value) => (value.dtype === 'float32' ? roundThrough(context.builder, value, storage) : value));
  });
  return { graph: changed, stateValues: delayed.stateValues };
}

/** Activations and their gradients travel in the storage dtype, and reductions round at every hop; weight gradients
 *  are reduced in f32. */
function sentAs(
  storage: 'bfloat16' | 'float16',
  node: GraphNode,
  { builder, inputs }: TransformContext,
): readonly GraphValue[] | undefined {
  if (node.notes.role === 'dW') return undefined;
  const attributes = node.op === 'Recv' ? { ...node.attributes, dtype: storage } : node.attributes;
  const narrow = inputs.map((value) => value && builder.cast(value, storage));
  const options = { name: node.name, numOutputs: node.outputs.length, notes: node.notes };
  return builder.node(node.op, narrow, attributes, options).map((value) => builder.cast(value, 'float32'));
}

/** For each operand of a matrix product the axis that is summed over; undefined for other nodes. */
function contractionAxes(graph: Graph, node: GraphNode): readonly (number | undefined)[] | undefined {
  if (node.op !== 'MatMul' && node.op !== 'Gemm' && node.op !== 'FusedMatMul') return undefined;
  const [rankA, rankB] = node.inputs.map((id) => graph.values[id]?.shape.length ?? 0) as [number, number];
  const isSwappedA = node.attributes['transA'] === 1;
  const isSwappedB = node.attributes['transB'] === 1;
  return [isSwappedA ? Math.max(rankA - 2, 0) : rankA - 1, isSwappedB ? rankB - 1 : Math.max(rankB - 2, 0)];
}
