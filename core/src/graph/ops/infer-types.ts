/** Shape and dtype inference: one rule an op. */
import type { Attributes } from '../types.ts';
import type { OpName } from './op-names.ts';
import type { OpSchema } from './attribute-specs.ts';
import { OP_SCHEMAS, type AttributesOf } from './op-schemas.ts';
import { failRule, type RuleInput, type TypeRule, type ValueType } from './rule-context.ts';
import { AXIS_RULES, REDUCE_RULES } from './rules-axis.ts';
import { COLLECTIVE_RULES } from './rules-collective.ts';
import { CONTRACTION_RULES, POOL_RULES } from './rules-contraction.ts';
import { BINARY_RULES, UNARY_RULES } from './rules-elementwise.ts';
import { INDEX_RULES } from './rules-index.ts';
import { LAYOUT_RULES, SOURCE_RULES } from './rules-layout.ts';

const TYPE_RULES: { readonly [Op in OpName]: TypeRule<Op> } = {
  ...UNARY_RULES,
  ...BINARY_RULES,
  ...CONTRACTION_RULES,
  ...POOL_RULES,
  ...REDUCE_RULES,
  ...AXIS_RULES,
  ...INDEX_RULES,
  ...LAYOUT_RULES,
  ...SOURCE_RULES,
  ...COLLECTIVE_RULES,
};

interface NodeToInfer {
  readonly op: OpName;
  readonly nodeName: string;
  readonly inputs: readonly (RuleInput | undefined)[];
  /** Complete, see completeAttributes. */
  readonly attributes: Attributes;
  /** Default: the outputs that are not optional. */
  readonly numOutputs?: number;
}

/** Types of a node's outputs.
 *  @throws TF-GRAPH-001 on a wrong count, TF-GRAPH-002 on shapes, TF-GRAPH-003 on dtypes, TF-GRAPH-004 on attributes */
export function inferTypes(node: NodeToInfer): readonly ValueType[] {
  checkCounts(node);
  const numOutputs = node.numOutputs ?? defaultNumOutputs(node.op, node.attributes);
  const rule = TYPE_RULES[node.op] as TypeRule<OpName>;
  const types = rule({
    op: node.op,
    nodeName: node.nodeName,
    inputs: node.inputs,
    attributes: node.attributes as AttributesOf<OpName>,
    numOutputs,
  });
  if (numOutputs < 0 || numOutputs > types.length)
    failRule(node, 'TF-GRAPH-001', `${node.op} has at most ${types.length} outputs`, `${numOutputs}`);
  return types.slice(0, numOutputs);
}

/** Outputs of an op when the caller does not say how many. */
export function defaultNumOutputs(op: OpName, attributes: Attributes): number {
  const outputs: readonly string[] = OP_SCHEMAS[op].outputs;
  if (op === 'Split') return ((attributes['split'] as readonly number[] | undefined) ?? []).length;
  return outputs.filter((name) => !name.endsWith('?')).length;
}

function checkCounts(node: NodeToInfer): void {
  const schema: OpSchema = OP_SCHEMAS[node.op];
  const isVariadic = schema.inputs.at(-1)?.endsWith('...') ?? false;
  const most = isVariadic ? Infinity : schema.inputs.length;
  const isMissing = schema.inputs.some((name, i) => !name.endsWith('?') && node.inputs[i] === undefined);
  if (!isMissing && node.inputs.length <= most) return;
  failRule(
    node,
    'TF-GRAPH-001',
    `${node.op} takes ${schema.inputs.join(', ') || 'no inputs'}`,
    `${node.inputs.length} inputs`,
  );
}
