/** Params shared by the verbs on families. */
import { familiesError } from '../families-errors.ts';
import { normaliseProblem, parseSizes } from '../problem.ts';
import type { Problem } from '../types.ts';

export interface ProblemParams {
  readonly n: number;
  readonly sets: string;
  readonly t: number;
  readonly weights: string;
  readonly selfIntersecting: string;
  readonly conflicts: string;
  readonly objective?: 'sum' | 'product';
  readonly allowEmpty?: boolean;
}

/** @throws TF-FAMILIES-001 with the field that does not fit */
export function problemFromParams(params: ProblemParams): { readonly problem: Problem; readonly notes: string[] } {
  const sizes = parseSizes(params.sets);
  return normaliseProblem({
    n: params.n,
    sizes,
    t: params.t,
    ...(params.weights.trim() === '' ? {} : { weights: parseWeights(params.weights) }),
    ...(params.objective ? { objective: params.objective } : {}),
    ...(params.allowEmpty ? { allowEmpty: true } : {}),
    selfIntersecting: numbersOf(params.selfIntersecting, 'selfIntersecting').map((i) => i - 1),
    ...(params.conflicts.trim() === '' ? {} : { conflicts: pairsOf(params.conflicts) }),
  });
}

function parseWeights(text: string): bigint[][] {
  return text.split('|').map((family, i) =>
    family
      .split(/[\s,]+/)
      .filter((part) => part !== '')
      .map((part) => {
        if (!/^\d+$/.test(part)) throw malformed('whole weights of at least 0', part, `weights[${i}]`);
        return BigInt(part);
      }),
  );
}

function numbersOf(text: string, field: string): number[] {
  return text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => {
      if (!/^[1-9]\d*$/.test(part)) throw malformed('family numbers from 1', part, field);
      return Number(part);
    });
}

function pairsOf(text: string): [number, number][] {
  return text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([1-9]\d*)-([1-9]\d*)$/.exec(part);
      if (!match) throw malformed('pairs like 1-2', part, 'conflicts');
      return [Number(match[1]) - 1, Number(match[2]) - 1];
    });
}

function malformed(expected: string, actual: string, location: string): Error {
  return familiesError('TF-FAMILIES-001', { subject: 'parseParams', expected, actual, location });
}
