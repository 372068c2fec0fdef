/** Values by lexicographically first layers (spec §2.5): a mixed-integer program over thresholds of layer sizes.
 *
 *  u_{i,k,c} = "layer (i, k) has at least c sets" at those sizes c alone that an optimum can have. For t = 1 it is exact
 *  for weighted sums and products, with inner conditions and with any conflict graph. It gives values, never lists. */
import { throwIfCancelled } from '@tenfold/core/base';
import { binomial } from './binomial.ts';
import { loadHighs } from './highs.ts';
import { partnerCount, partnerSteps } from './order.ts';
import { layerHasPartner, layersConflict, layerWeight } from './problem.ts';
import type { Problem } from './types.ts';

export interface LayerChoice {
  /** True if HiGHS closed the gap. */
  readonly complete: boolean;
  readonly value: bigint;
  readonly upper: bigint;
  readonly gap: number;
  readonly numNodes: number;
  /** prefix[i] = size k → number of lexicographically first k-sets in F_i. */
  readonly prefix: readonly ReadonlyMap<number, bigint>[];
}

export interface LayerChoiceOptions {
  readonly timeLimitSec?: number;
  readonly signal?: AbortSignal | undefined;
}

interface Layer {
  readonly i: number;
  readonly k: number;
  readonly weight: bigint;
  /** Possible sizes > 0, ascending; one column each. */
  readonly sizes: bigint[];
  readonly firstColumn: number;
}

interface Row {
  readonly lower: number;
  readonly upper: number;
  readonly entries: readonly (readonly [number, number])[];
}

/** Columns up to which the layer-size program is tried. */
export const MAX_LAYER_COLUMNS = 8000;
/** Objective values below this are told apart by the solver's absolute tolerance. */
const MAX_EXACT_OBJECTIVE = 1e9;
/** Tangents added to the logarithms before giving up; each round is one program. */
const MAX_TANGENT_ROUNDS = 200;

/** Number of columns the program would have; it decides between exact and bounds. */
export function countLayerColumns(problem: Problem): number {
  let count = 0;
  for (const [i, list] of problem.sizes.entries())
    for (const k of list)
      for (const [j, others] of problem.sizes.entries())
        for (const l of others) if (layersConflict(problem, i, k, j, l)) count += Number(binomial(k + l, k));
  return count;
}

/** Solves the layer-size program.
 *  @throws TF-BASE-001 if cancelled between programs */
export async function chooseLayers(problem: Problem, options: LayerChoiceOptions = {}): Promise<LayerChoice> {
  const layers = createLayers(problem);
  const rows = conflictRows(problem, layers);
  if (!problem.allowEmpty) rows.push(...nonEmptyRows(problem, layers));
  const numThresholds = layers.reduce((sum, layer) => sum + layer.sizes.length, 0);
  rows.push(...starRows(problem, layers, numThresholds));
  if (problem.objective === 'product') return chooseProduct(problem, layers, rows, options);
  const costs = [
    ...layers.flatMap((layer) => gaps(layer).map((gap) => Number(gap * layer.weight))),
    ...problem.sizes.map(() => 0),
  ];
  const run = await runProgram(costs, rows, options);
  const prefix = prefixOf(problem, layers, run.column);
  const value = weightedTotal(problem, prefix);
  const scale = costs.reduce((sum, cost) => sum + cost, 0);
  const slack = scale < MAX_EXACT_OBJECTIVE ? 0.5 : scale * 1e-6;
  const bound = BigInt(Math.floor(run.bound + slack));
  const complete = run.optimal && scale < MAX_EXACT_OBJECTIVE && bound <= value;
  return { complete, value, upper: complete ? value : max(bound, value), gap: run.gap, numNodes: run.numNodes, prefix };
}

/** Product: maximise Σ log T_i with T_i the total of family i, by tangents of the logarithm. A tangent is exact at its
 *  point, so a repeated point proves itself optimal. */
async function chooseProduct(
  problem: Problem,
  layers: readonly Layer[],
  rows: readonly Row[],
  options: LayerChoiceOptions,
): Promise<LayerChoice> {
  const m = problem.sizes.length;
  // Thresholds, one column a family for leaving the star, then the logarithms.
  const numColumns = layers.reduce((sum, layer) => sum + layer.sizes.length, 0) + m;
  const costs = [...Array<number>(numColumns).fill(0), ...Array<number>(m).fill(1)];
  const tangents: Row[] = [];
  const totalOf = (i: number): [number, number][] =>
    layers
      .filter((layer) => layer.i === i)
      .flatMap((layer) =>
        gaps(layer).map((gap, c): [number, number] => [layer.firstColumn + c, Number(gap * layer.weight)]),
      );
  // A star has a total of at least 1 in every family, so no optimum has less, and log T stays finite.
  const positive = problem.sizes.map((_, i): Row => ({ lower: 1, upper: Infinity, entries: totalOf(i) }));
  const addTangent = (i: number, at: number): void => {
    // log T ≤ log at + (T − at) / at
    const entries: [number, number][] = [[numColumns + i, 1]];
    for (const [column, size] of totalOf(i)) entries.push([column, -size / at]);
    tangents.push({ lower: -Infinity, upper: Math.log(at) - 1, entries });
  };
  for (let i = 0; i < m; i++) {
    const top = layers.filter((layer) => layer.i === i).reduce((sum, l) => sum + l.weight * l.sizes.at(-1)!, 0n);
    for (let at = 1; at < Number(top); at *= 2) addTangent(i, at);
    addTangent(i, Number(top));
  }
  let best: { value: bigint; prefix: Map<number, bigint>[] } | undefined;
  let numNodes = 0;
  let upper = 0n;
  let gap = 0;
  for (let round = 0; round < MAX_TANGENT_ROUNDS; round++) {
    throwIfCancelled(options.signal, 'chooseLayers');
    const run = await runProgram(costs, [...rows, ...positive, ...tangents], options, numColumns);
    numNodes += run.numNodes;
    gap = run.gap;
    const prefix = prefixOf(problem, layers, run.column);
    const totals = prefix.map((sizes, i) => familyTotal(problem, sizes, i));
    const value = totals.reduce((product, total) => product * total, 1n);
    if (!best || value > best.value) best = { value, prefix };
    const bound = Math.exp(run.bound);
    upper = BigInt(Math.floor(bound * (1 + 1e-7) + 1e-6));
    if (run.optimal && upper <= best.value && bound < MAX_EXACT_OBJECTIVE / 100)
      return { complete: true, value: best.value, upper: best.value, gap: 0, numNodes, prefix: best.prefix };
    for (const [i, total] of totals.entries()) addTangent(i, Number(total));
  }
  return { complete: false, value: best!.value, upper: max(upper, best!.value), gap, numNodes, prefix: best!.prefix };
}

function createLayers(problem: Problem): Layer[] {
  const layers: Layer[] = [];
  let firstColumn = 0;
  for (const [i, list] of problem.sizes.entries()) {
    for (const k of list) {
      const sizes = possibleSizes(problem, i, k);
      layers.push({ i, k, weight: layerWeight(problem, i, k), sizes, firstColumn });
      firstColumn += sizes.length;
    }
  }
  return layers;
}

/** Sizes an optimum can have: as many sets as some size of a partner layer leaves room for, or all. */
function possibleSizes(problem: Problem, i: number, k: number): bigint[] {
  const { n } = problem;
  const all = binomial(n, k);
  if (!layerHasPartner(problem, i, k)) return [all];
  const sizes = new Set<bigint>([all]);
  for (const [j, others] of problem.sizes.entries())
    for (const l of others) {
      if (!layersConflict(problem, i, k, j, l)) continue;
      if (i === j && l === k) {
        // Inner condition of one layer: at most C(n−1, k−1) sets (Erdős, Ko, Rado), as first sets the star.
        sizes.add(binomial(n - 1, k - 1));
        continue;
      }
      for (const { partners } of partnerSteps(n, l, k)) sizes.add(partners);
    }
  sizes.delete(0n);
  return [...sizes].sort((a, b) => (a < b ? -1 : 1));
}

function gaps(layer: Layer): bigint[] {
  return layer.sizes.map((size, c) => size - (c === 0 ? 0n : layer.sizes[c - 1]!));
}

function conflictRows(problem: Problem, layers: readonly Layer[]): Row[] {
  const rows: Row[] = [];
  for (const [index, layer] of layers.entries()) {
    for (let c = 1; c < layer.sizes.length; c++)
      rows.push(pairRow(layer.firstColumn + c, 1, layer.firstColumn + c - 1, -1, 0));
    for (const other of layers.slice(index)) {
      if (!layersConflict(problem, layer.i, layer.k, other.i, other.k)) continue;
      let weakest = Infinity;
      for (const [c, size] of layer.sizes.entries()) {
        const room = partnerCount(problem.n, layer.k, other.k, size);
        const d = other.sizes.findIndex((candidate) => candidate > room);
        // u_c falls with c, so a conflict of (c, d) holds for all larger pairs; only new, smaller d say more.
        if (d < 0 || d >= weakest) continue;
        weakest = d;
        if (layer !== other) rows.push(pairRow(layer.firstColumn + c, 1, other.firstColumn + d, 1, 1));
        else if (d <= c) rows.push({ lower: 0, upper: 0, entries: [[layer.firstColumn + c, 1]] });
      }
    }
  }
  return rows;
}

/** At most one family leaves the star: one column a family, at least the threshold just above the star in each of its
 *  layers of size at most n/2, and the columns add up to at most 1. Holds where all pairs must meet; much tighter than pairs. */
function starRows(problem: Problem, layers: readonly Layer[], firstColumn: number): Row[] {
  if (problem.conflicts !== undefined) return [];
  const rows: Row[] = [];
  for (const layer of layers) {
    if (2 * layer.k > problem.n) continue;
    const star = binomial(problem.n - 1, layer.k - 1);
    const above = layer.sizes.findIndex((size) => size > star);
    if (above >= 0) rows.push(pairRow(layer.firstColumn + above, 1, firstColumn + layer.i, -1, 0));
  }
  if (rows.length === 0) return [];
  return [...rows, { lower: -Infinity, upper: 1, entries: problem.sizes.map((_, i) => [firstColumn + i, 1] as const) }];
}

function pairRow(a: number, x: number, b: number, y: number, upper: number): Row {
  return {
    lower: -Infinity,
    upper,
    entries: [
      [a, x],
      [b, y],
    ],
  };
}

function nonEmptyRows(problem: Problem, layers: readonly Layer[]): Row[] {
  return problem.sizes.map((_, i) => ({
    lower: 1,
    upper: Infinity,
    entries: layers.filter((layer) => layer.i === i).map((layer) => [layer.firstColumn, 1] as const),
  }));
}

interface ProgramRun {
  readonly optimal: boolean;
  readonly column: Float64Array;
  readonly bound: number;
  readonly gap: number;
  readonly numNodes: number;
}

async function runProgram(
  costs: readonly number[],
  rows: readonly Row[],
  options: LayerChoiceOptions,
  numBinary = costs.length,
): Promise<ProgramRun> {
  const highs = await loadHighs();
  const starts = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (const row of rows) {
    for (const [column, value] of row.entries) {
      indices.push(column);
      values.push(value);
    }
    starts.push(indices.length);
  }
  const { variableType, objectiveSense, modelStatus } = highs.constants;
  const numCols = costs.length;
  return highs.withModel(
    {
      numCols,
      numRows: rows.length,
      sense: objectiveSense.maximize,
      colCost: costs,
      colLower: costs.map((_, c) => (c < numBinary ? 0 : -highs.infinity)),
      colUpper: costs.map((_, c) => (c < numBinary ? 1 : highs.infinity)),
      rowLower: rows.map((row) => (row.lower === -Infinity ? -highs.infinity : row.lower)),
      rowUpper: rows.map((row) => (row.upper === Infinity ? highs.infinity : row.upper)),
      integrality: costs.map((_, c) => (c < numBinary ? variableType.integer : variableType.continuous)),
      matrix: { format: 'csr', numRows: rows.length, numCols, starts, indices, values },
    },
    (model) => {
      model.options.set({
        output_flag: false,
        mip_rel_gap: 0,
        mip_abs_gap: 0,
        ...(options.timeLimitSec === undefined ? {} : { time_limit: options.timeLimitSec }),
      });
      const { modelStatus: status } = model.run();
      return {
        optimal: status === modelStatus.optimal,
        column: model.getSolution().colValue,
        bound: Number(model.info.get('mip_dual_bound')),
        gap: Number(model.info.get('mip_gap')),
        numNodes: Number(model.info.get('mip_node_count')),
      };
    },
  );
}

function prefixOf(problem: Problem, layers: readonly Layer[], column: Float64Array): Map<number, bigint>[] {
  const prefix = problem.sizes.map(() => new Map<number, bigint>());
  for (const layer of layers) {
    let size = 0n;
    for (const [c, candidate] of layer.sizes.entries()) if (column[layer.firstColumn + c]! > 0.5) size = candidate;
    prefix[layer.i]!.set(layer.k, size);
  }
  return prefix;
}

function familyTotal(problem: Problem, sizes: ReadonlyMap<number, bigint>, i: number): bigint {
  let total = 0n;
  for (const [k, size] of sizes) total += size * layerWeight(problem, i, k);
  return total;
}

function weightedTotal(problem: Problem, prefix: readonly ReadonlyMap<number, bigint>[]): bigint {
  return prefix.reduce((sum, sizes, i) => sum + familyTotal(problem, sizes, i), 0n);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
