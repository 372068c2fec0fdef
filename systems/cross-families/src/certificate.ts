/** Certificates as the solvers write them. */
import { problemToJson } from './problem.ts';
import type { Certificate, FamilyRule, Problem, UpperBound } from './types.ts';

export function certificate(
  problem: Problem,
  value: bigint,
  upper: bigint,
  tuple: readonly FamilyRule[],
  bound: UpperBound,
): Certificate {
  return {
    schema: 'families/1',
    problem: problemToJson(problem),
    claim: { value: String(value), upper: String(upper), kind: value === upper ? 'maximum' : 'bounds' },
    tuple,
    upper: bound,
  };
}

export function mipBound(choice: { gap: number; upper: bigint; numNodes: number }): UpperBound {
  return { type: 'mip', gap: choice.gap, bound: String(choice.upper), nodes: choice.numNodes };
}
