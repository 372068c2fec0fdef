/** Mixed-integer linear programs: min or max cᵀx  s.t.  lower ≤ A x ≤ upper, bounds, some x integer. */
import { scheduleError } from './schedule-errors.ts';

export interface MipModel {
  readonly sense: 'minimize' | 'maximize';
  readonly numVariables: number;
  readonly variableNames: readonly string[];
  readonly cost: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** 1: integer. */
  readonly isInteger: Uint8Array;
  readonly numConstraints: number;
  readonly constraintNames: readonly string[];
  readonly constraintLower: Float64Array;
  readonly constraintUpper: Float64Array;
  /** Compressed rows of A. */
  readonly rowStarts: Int32Array;
  readonly columnIds: Int32Array;
  readonly coefficients: Float64Array;
}

export interface VariableSpec {
  readonly name: string;
  /** Coefficient in the objective. Default 0. */
  readonly cost?: number;
  /** Default 0. */
  readonly lower?: number;
  /** Default ∞. */
  readonly upper?: number;
  readonly isInteger?: boolean;
}

export interface ConstraintSpec {
  readonly name?: string;
  /** (variable, coefficient); a variable named twice gets the sum. */
  readonly terms: readonly (readonly [variable: number, coefficient: number])[];
  /** Default −∞. */
  readonly lower?: number;
  /** Default ∞. */
  readonly upper?: number;
}

export interface MipModelBuilder {
  /** @returns the variable's id */
  addVariable(spec: VariableSpec): number;
  /** A 0/1 variable. */
  addBinary(name: string, cost?: number): number;
  addConstraint(spec: ConstraintSpec): void;
  build(): MipModel;
}

/** @throws (from its methods) TF-SCHEDULE-005 on NaN, crossed bounds or an unknown variable */
export function createMipModel(sense: 'minimize' | 'maximize'): MipModelBuilder {
  const variables: Required<VariableSpec>[] = [];
  const constraints: { name: string; lower: number; upper: number }[] = [];
  const rowStarts = [0];
  const columnIds: number[] = [];
  const coefficients: number[] = [];
  const builder: MipModelBuilder = {
    addVariable({ name, cost = 0, lower = 0, upper = Infinity, isInteger = false }) {
      if (!Number.isFinite(cost)) throw modelError('a finite cost', String(cost), `variable "${name}"`);
      if (!(lower <= upper)) throw modelError('lower ≤ upper', `[${lower}, ${upper}]`, `variable "${name}"`);
      return variables.push({ name, cost, lower, upper, isInteger }) - 1;
    },
    addBinary: (name, cost = 0) => builder.addVariable({ name, cost, lower: 0, upper: 1, isInteger: true }),
    addConstraint({ name = `constraint ${constraints.length}`, terms, lower = -Infinity, upper = Infinity }) {
      if (!(lower <= upper)) throw modelError('lower ≤ upper', `[${lower}, ${upper}]`, name);
      const sums = new Map<number, number>();
      for (const [variable, coefficient] of terms) {
        if (!variables[variable]) throw modelError('a known variable', `id ${variable}`, name);
        if (!Number.isFinite(coefficient)) throw modelError('a finite coefficient', String(coefficient), name);
        sums.set(variable, (sums.get(variable) ?? 0) + coefficient);
      }
      for (const [variable, coefficient] of sums) {
        columnIds.push(variable);
        coefficients.push(coefficient);
      }
      rowStarts.push(columnIds.length);
      constraints.push({ name, lower, upper });
    },
    build: () => ({
      sense,
      numVariables: variables.length,
      variableNames: variables.map(({ name }) => name),
      cost: Float64Array.from(variables, ({ cost }) => cost),
      lower: Float64Array.from(variables, ({ lower }) => lower),
      upper: Float64Array.from(variables, ({ upper }) => upper),
      isInteger: Uint8Array.from(variables, ({ isInteger }) => (isInteger ? 1 : 0)),
      numConstraints: constraints.length,
      constraintNames: constraints.map(({ name }) => name),
      constraintLower: Float64Array.from(constraints, ({ lower }) => lower),
      constraintUpper: Float64Array.from(constraints, ({ upper }) => upper),
      rowStarts: Int32Array.from(rowStarts),
      columnIds: Int32Array.from(columnIds),
      coefficients: Float64Array.from(coefficients),
    }),
  };
  return builder;
}

/** Value of the objective at x. */
export function objectiveAt({ cost }: MipModel, x: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < cost.length; j++) sum += cost[j]! * x[j]!;
  return sum;
}

/** Largest violation of any bound, constraint or integrality at x (0: feasible), relative to max(1, |bound|). */
export function violationAt(model: MipModel, x: ArrayLike<number>): number {
  let largest = 0;
  const check = (value: number, lower: number, upper: number): void => {
    const below = lower === -Infinity ? 0 : (lower - value) / Math.max(1, Math.abs(lower));
    const above = upper === Infinity ? 0 : (value - upper) / Math.max(1, Math.abs(upper));
    largest = Math.max(largest, below, above);
  };
  for (let j = 0; j < model.numVariables; j++) {
    check(x[j]!, model.lower[j]!, model.upper[j]!);
    if (model.isInteger[j]) largest = Math.max(largest, Math.abs(x[j]! - Math.round(x[j]!)));
  }
  for (let i = 0; i < model.numConstraints; i++) {
    let sum = 0;
    for (let k = model.rowStarts[i]!; k < model.rowStarts[i + 1]!; k++)
      sum += model.coefficients[k]! * x[model.columnIds[k]!]!;
    check(sum, model.constraintLower[i]!, model.constraintUpper[i]!);
  }
  return largest;
}

function modelError(expected: string, actual: string, location: string): Error {
  return scheduleError('TF-SCHEDULE-005', { subject: 'createMipModel', expected, actual, location });
}
