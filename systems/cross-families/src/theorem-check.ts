/** The theorem against exhaustive search: every instance up to given n and m. */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { closedForm } from './closed-form.ts';
import { searchExact } from './exact/search.ts';
import { extremalInRange } from './extremal.ts';
import { normaliseProblem, regimeOf } from './problem.ts';
import type { Problem } from './types.ts';

export interface TheoremCheck {
  readonly numInRange: number;
  readonly numOutOfRange: number;
  /** In range: instances where value or labelled count differs from the search. Has to stay empty. */
  readonly disagreements: readonly Disagreement[];
  /** Out of range: instances where the closed form is too small; it must not be used there. */
  readonly numFormulaTooSmall: number;
  /** Out of range: instances where the closed form exceeds the search; has to stay 0, it is a lower bound. */
  readonly numFormulaTooLarge: number;
}

export interface Disagreement {
  readonly problem: Problem;
  readonly formula: bigint;
  readonly search: bigint;
  readonly formulaLabelled: bigint;
  readonly searchLabelled: bigint | undefined;
}

export interface TheoremCheckOptions {
  readonly maxN: number;
  readonly maxFamilies: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

const INSTANCES_BETWEEN_YIELDS = 64;

/** All multisets of m non-empty size sets for 2 ≤ m ≤ maxFamilies and 2 ≤ n ≤ maxN. */
export async function checkTheorem(options: TheoremCheckOptions): Promise<TheoremCheck> {
  const disagreements: Disagreement[] = [];
  let numInRange = 0;
  let numOutOfRange = 0;
  let numFormulaTooSmall = 0;
  let numFormulaTooLarge = 0;
  const instances: Problem[] = [];
  for (let n = 2; n <= options.maxN; n++)
    for (let m = 2; m <= options.maxFamilies; m++)
      for (const sizes of sizeMultisets(n, m)) instances.push(normaliseProblem({ n, sizes }).problem);
  for (const [done, problem] of instances.entries()) {
    if (done % INSTANCES_BETWEEN_YIELDS === 0) {
      throwIfCancelled(options.signal, 'checkTheorem');
      options.onProgress?.(done, instances.length);
      await yieldToEventLoop();
    }
    const formula = closedForm(problem).value;
    const isInRange = regimeOf(problem) === 'theorem';
    const search = searchExact(problem, { counting: isInRange });
    if (!isInRange) {
      numOutOfRange++;
      if (formula < search.value) numFormulaTooSmall++;
      if (formula > search.value) numFormulaTooLarge++;
      continue;
    }
    numInRange++;
    const { labelled } = extremalInRange(problem);
    if (formula !== search.value || labelled !== search.labelled)
      disagreements.push({
        problem,
        formula,
        search: search.value,
        formulaLabelled: labelled,
        searchLabelled: search.labelled,
      });
  }
  return { numInRange, numOutOfRange, disagreements, numFormulaTooSmall, numFormulaTooLarge };
}

/** Multisets of m non-empty subsets of 1..n, as lists of sizes; uniform: of one size each. */
export function* sizeMultisets(n: number, m: number, isUniform = false): Generator<number[][]> {
  const subsets = isUniform
    ? Array.from({ length: n }, (_, index) => [index + 1])
    : Array.from({ length: 2 ** n - 1 }, (_, index) =>
        Array.from({ length: n }, (__, e) => e + 1).filter((e) => ((index + 1) >> (e - 1)) & 1),
      );
  const grow = function* (first: number, chosen: number[][]): Generator<number[][]> {
    if (chosen.length === m) {
      yield chosen;
      return;
    }
    for (let index = first; index < subsets.length; index++) yield* grow(index, [...chosen, subsets[index]!]);
  };
  yield* grow(0, []);
}
