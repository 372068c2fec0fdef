/** One gradient rule per op, or the reason why there is none. */
import type { OpName, SourceOp } from '../graph/index.ts';
import { AXIS_RULES, REDUCE_RULES } from './rules/axis.ts';
import { COLLECTIVE_RULES } from './rules/collective.ts';
import { CONTRACTION_RULES } from './rules/contraction.ts';
import { BINARY_RULES, UNARY_RULES } from './rules/elementwise.ts';
import { INDEX_RULES } from './rules/indexing.ts';
import { LAYOUT_RULES } from './rules/layout.ts';
import { POOL_RULES } from './rules/pool.ts';
import type { RulesOf } from './types.ts';

const SOURCE_RULES: RulesOf<SourceOp> = {
  ConstantOfShape: { none: 'it has no inputs' },
  Range: { none: 'it has no inputs' },
};

export const GRADIENT_RULES: RulesOf<OpName> = {
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

/** Outputs that gradients may flow into; the others (indices, saved statistics) are by-products. */
export const differentiableOutputs = (op: OpName): number => (op === 'Split' ? Infinity : 1);
