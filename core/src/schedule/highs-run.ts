/** One HiGHS solve in this thread (blocking). The worker calls it; so may a page that has its own worker.
 *  The answer says exactly what was proved: HiGHS calls a solve "optimal" as soon as its gap option is met, so
 *  `optimal` here additionally needs a gap of numerically zero. */
import loadHighs, { type Highs } from 'highs';
import { objectiveAt, violationAt, type MipModel } from './mip-model.ts';

/** `optimal`: proved. `within-gap`: proved to the relative gap that was asked for. `feasible`: a limit came first; see gap.
 *  `unknown`: a limit came before any solution, or the solver could not tell. */
export type MipStatus =
  | 'optimal'
  | 'within-gap'
  | 'feasible'
  | 'infeasible'
  | 'unbounded'
  | 'infeasible-or-unbounded'
  | 'unknown';

export interface MipSolution {
  readonly status: MipStatus;
  /** What ended the solve: `done`, or the limit that was reached. */
  readonly stoppedBy: 'done' | 'time-limit' | 'node-limit' | 'other';
  /** NaN without a solution. */
  readonly objective: number;
  /** Proved bound on the objective (lower when minimizing); ±Infinity if nothing is proved. */
  readonly bound: number;
  /** |objective − bound| / max(1e-9, |objective|); Infinity without a solution or a bound. */
  readonly gap: number;
  /** Integer variables are rounded to integers. Empty without a solution. */
  readonly x: Float64Array;
  /** Largest violation of the model at x, recomputed here. */
  readonly violation: number;
  readonly numNodes: number;
  readonly solveMs: number;
}

export interface MipOptions {
  readonly timeLimitMs?: number;
  readonly maxNodes?: number;
  /** Stop once the relative gap is proved to be this small. Default 0: exact. */
  readonly relativeGap?: number;
  /** Start from this point (it may be incomplete: NaN = free). */
  readonly start?: Float64Array;
  readonly seed?: number;
}

/** Gaps below it are rounding errors of the solver. */
const ZERO_GAP = 1e-9;
/** Points that violate the model by more are no solutions (HiGHS' own feasibility tolerance is 1e-6). */
const MAX_VIOLATION = 2e-6;
const PRIMAL_FEASIBLE = 2;

// The package's types describe its CommonJS build; the ES module's default export is the loader itself.
const load = loadHighs as unknown as (typeof loadHighs)['default'];
let loading: Promise<Highs> | undefined;

export async function runHighs(model: MipModel, options: MipOptions = {}): Promise<MipSolution> {
  const highs = await (loading ??= load());
  const { objectiveSense, modelStatus, variableType } = highs.constants;
  const { timeLimitMs, maxNodes, relativeGap = 0, start, seed = 0 } = options;
  const startedMs = performance.now();
  using solver = highs.createModel({
    numCols: model.numVariables,
    numRows: model.numConstraints,
    sense: model.sense === 'minimize' ? objectiveSense.minimize : objectiveSense.maximize,
    colCost: model.cost,
    colLower: model.lower,
    colUpper: model.upper,
    rowLower: model.constraintLower,
    rowUpper: model.constraintUpper,
    integrality: Array.from(model.isInteger, (flag) => (flag ? variableType.integer : variableType.continuous)),
    matrix: {
      format: 'csr',
      numRows: model.numConstraints,
      numCols: model.numVariables,
      starts: model.rowStarts,
      indices: model.columnIds,
      values: model.coefficients,
    },
  });
  solver.options.set({ output_flag: false, mip_rel_gap: relativeGap, mip_abs_gap: 0, random_seed: seed });
  if (timeLimitMs !== undefined) solver.options.set('time_limit', timeLimitMs / 1000);
  if (maxNodes !== undefined) solver.options.set('mip_max_nodes', maxNodes);
  if (start) {
    const known = [...start.keys()].filter((j) => !Number.isNaN(start[j]!));
    solver.setSolution({ indices: Int32Array.from(known), values: Float64Array.from(known, (j) => start[j]!) });
  }
  solver.run();

  const code = solver.getModelStatus();
  const isMip = model.isInteger.includes(1);
  const none = { objective: NaN, gap: Infinity, x: new Float64Array(0), violation: 0 };
  const common = {
    stoppedBy: stopReason(code, modelStatus),
    bound: model.sense === 'minimize' ? -Infinity : Infinity,
    numNodes: isMip ? Math.max(0, Number(solver.info.get('mip_node_count'))) : 0,
    solveMs: performance.now() - startedMs,
  };
  if (code === modelStatus.infeasible) return { status: 'infeasible', ...none, ...common };
  if (code === modelStatus.unbounded) return { status: 'unbounded', ...none, ...common };
  if (code === modelStatus.unboundedOrInfeasible) return { status: 'infeasible-or-unbounded', ...none, ...common };
  const isOptimal = code === modelStatus.optimal || code === modelStatus.empty;
  if (!isOptimal && solver.info.get('primal_solution_status') !== PRIMAL_FEASIBLE)
    return { status: 'unknown', ...none, ...common };

  const x = roundedIntegers(model, solver.getSolution().colValue);
  const violation = violationAt(model, x);
  if (violation > MAX_VIOLATION) return { status: 'unknown', ...none, ...common, violation };
  const objective = objectiveAt(model, x);
  const proved = isMip ? Number(solver.info.get('mip_dual_bound')) : isOptimal ? objective : common.bound;
  const bound = Math.abs(proved) >= highs.infinity ? common.bound : proved;
  const gap = Math.abs(objective - bound) / Math.max(ZERO_GAP, Math.abs(objective));
  const isExact = gap <= ZERO_GAP || Math.abs(objective - bound) <= ZERO_GAP;
  const status = !isOptimal ? 'feasible' : isExact ? 'optimal' : 'within-gap';
  return { status, ...common, objective, bound, gap: isExact ? 0 : gap, x, violation };
}

function stopReason(code: number, modelStatus: Highs['constants']['modelStatus']): MipSolution['stoppedBy'] {
  if (code === modelStatus.timeLimit) return 'time-limit';
  if (code === modelStatus.solutionLimit || code === modelStatus.iterationLimit) return 'node-limit';
  const done: number[] = [
    modelStatus.optimal,
    modelStatus.empty,
    modelStatus.infeasible,
    modelStatus.unbounded,
    modelStatus.unboundedOrInfeasible,
  ];
  return done.includes(code) ? 'done' : 'other';
}

function roundedIntegers({ isInteger }: MipModel, values: Float64Array): Float64Array {
  return values.map((value, j) =>
    isInteger[j] && Math.abs(value - Math.round(value)) < 1e-5 ? Math.round(value) : value,
  );
}
