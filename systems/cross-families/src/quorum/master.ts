/** The master program of column generation: few quorums, all node rows; kept warm in HiGHS between rounds.
 *
 *  Rows: (f, x): Σ loads of columns − L_f ≤ 0;  Σ reads = 1;  Σ writes = 1;  each limit − its slack ≤ limit.
 *  Rows are scaled to order 1 for the solver; prices are handed out unscaled, and the final vertex is exact. */
import type { Highs } from 'highs';
import { familiesError } from '../families-errors.ts';
import { loadHighs } from '../highs.ts';
import { solveExactly } from './exact-solve.ts';
import {
  add,
  commonDenominator,
  compare,
  multiply,
  ONE,
  rationalFromNumber,
  subtract,
  toNumber,
  ZERO,
} from './rational.ts';
import type { Rational } from './rational.ts';

type Metric = 'load' | 'network' | 'latency';
type Side = 'read' | 'write';

export interface MasterShape {
  readonly numNodes: number;
  readonly objective: Metric;
  readonly fractions: readonly { readonly read: Rational; readonly write: Rational; readonly probability: Rational }[];
  /** 1 / capacity per node. */
  readonly readCost: readonly Rational[];
  readonly writeCost: readonly Rational[];
  readonly limits: Readonly<Record<Metric, Rational | undefined>>;
  readonly meanReadFraction: Rational;
}

export interface Column {
  readonly side: Side;
  readonly members: readonly number[];
  readonly latencyMs: number;
}

export interface MasterPoint {
  readonly value: number;
  /** prices[f][x] ≥ 0. */
  readonly prices: readonly (readonly number[])[];
  readonly limitPrices: Readonly<Record<Metric, number>>;
}

export interface ExactVertex {
  readonly value: Rational;
  readonly columns: readonly (Column & { readonly probability: Rational })[];
  readonly prices: readonly (readonly Rational[])[];
  readonly limitPrices: Readonly<Record<Metric, Rational>>;
}

export interface Master {
  readonly numColumns: number;
  /** @returns false if the column is there already */
  addColumn(column: Column): boolean;
  solve(phase: 'feasibility' | 'objective'): MasterPoint;
  /** Dual value of the sum of a side's probabilities: the price a new quorum has to undercut. */
  sideValue(side: Side): number;
  exactVertex(): ExactVertex;
  dispose(): void;
}

const METRICS: readonly Metric[] = ['load', 'network', 'latency'];
const BASIC = 1;

/** Creates the master without columns. */
export async function createMaster(shape: MasterShape): Promise<Master> {
  return new HighsMaster(await loadHighs(), shape);
}

class HighsMaster implements Master {
  private readonly shape: MasterShape;
  private readonly model: ReturnType<Highs['createModel']>;
  private readonly highs: Highs;
  private readonly columns: Column[] = [];
  private readonly known = new Set<string>();
  private readonly limited: readonly Metric[];
  private readonly sumRow: Readonly<Record<Side, number>>;
  private readonly limitRow: ReadonlyMap<Metric, number>;
  /** Capacity and latency units that bring rows to order 1. */
  private readonly capacityUnit: number;
  private latencyUnit = 1;
  private phase: 'feasibility' | 'objective' | undefined;
  private rowDual: Float64Array = new Float64Array(0);
  private readonly firstColumn: number;

  constructor(highs: Highs, shape: MasterShape) {
    this.highs = highs;
    this.shape = shape;
    const { numNodes, fractions } = shape;
    const numNodeRows = numNodes * fractions.length;
    this.limited = METRICS.filter((metric) => shape.limits[metric] !== undefined);
    this.sumRow = { read: numNodeRows, write: numNodeRows + 1 };
    this.limitRow = new Map(this.limited.map((metric, index) => [metric, numNodeRows + 2 + index]));
    const costs = [...shape.readCost, ...shape.writeCost].map(toNumber);
    this.capacityUnit = 1 / Math.min(...costs);
    const latencyLimit = shape.limits.latency;
    if (latencyLimit) this.latencyUnit = Math.max(1e-9, toNumber(latencyLimit));
    this.firstColumn = fractions.length + this.limited.length;
    const numRows = numNodeRows + 2 + this.limited.length;
    this.model = highs.createModel();
    this.model.options.set({ output_flag: false, presolve: 'off', solver: 'simplex' });
    const inf = highs.infinity;
    const lower = [...Array<number>(numNodeRows).fill(-inf), 1, 1, ...this.limited.map(() => -inf)];
    const upper = [
      ...Array<number>(numNodeRows).fill(0),
      1,
      1,
      ...this.limited.map((metric) => this.scaledLimit(metric)),
    ];
    this.model.addRows({
      lower: Float64Array.from(lower),
      upper: Float64Array.from(upper),
      matrix: {
        format: 'csr',
        numRows,
        numCols: 0,
        starts: new Int32Array(numRows + 1),
        indices: new Int32Array(0),
        values: new Float64Array(0),
      },
    });
    for (const [f, { probability }] of fractions.entries()) {
      const entries: [number, number][] = [];
      for (let x = 0; x < numNodes; x++) entries.push([f * numNodes + x, -1]);
      const loadRow = this.limitRow.get('load');
      if (loadRow !== undefined) entries.push([loadRow, toNumber(probability)]);
      this.model.addCol(0, 0, inf, sparse(entries));
    }
    for (const metric of this.limited) this.model.addCol(0, 0, inf, sparse([[this.limitRow.get(metric)!, -1]]));
  }

  get numColumns(): number {
    return this.columns.length;
  }

  addColumn(column: Column): boolean {
    const key = `${column.side} ${column.members.join(',')}`;
    if (this.known.has(key)) return false;
    this.known.add(key);
    this.columns.push(column);
    const { numNodes, fractions } = this.shape;
    const entries: [number, number][] = [];
    const nodeCost = column.side === 'read' ? this.shape.readCost : this.shape.writeCost;
    for (const [f, fraction] of fractions.entries())
      for (const x of column.members) {
        const value = toNumber(fraction[column.side]) * toNumber(nodeCost[x]!) * this.capacityUnit;
        if (value !== 0) entries.push([f * numNodes + x, value]);
      }
    entries.push([this.sumRow[column.side], 1]);
    const network = this.limitRow.get('network');
    if (network !== undefined) entries.push([network, toNumber(this.share(column.side)) * column.members.length]);
    const latency = this.limitRow.get('latency');
    if (latency !== undefined)
      entries.push([latency, (toNumber(this.share(column.side)) * column.latencyMs) / this.latencyUnit]);
    this.model.addCol(this.costOf(column), 0, this.highs.infinity, sparse(entries.filter(([, value]) => value !== 0)));
    return true;
  }

  solve(phase: 'feasibility' | 'objective'): MasterPoint {
    if (phase !== this.phase) this.enter(phase);
    const { modelStatus } = this.model.run();
    if (modelStatus !== this.highs.constants.modelStatus.optimal)
      throw familiesError('TF-FAMILIES-017', {
        subject: 'optimalStrategy',
        expected: 'the linear program to have an optimum',
        actual: `solver status ${modelStatus}`,
      });
    this.rowDual = this.model.getSolution().rowDual;
    const { numNodes, fractions } = this.shape;
    // Duals of ≤ rows are ≤ 0 in a minimisation; prices are their negatives, unscaled.
    const load = this.capacityUnit / this.objectiveUnit();
    const prices = fractions.map((_, f) =>
      Array.from({ length: numNodes }, (__, x) => Math.max(0, -this.rowDual[f * numNodes + x]!) * load),
    );
    return { value: this.model.getObjectiveValue() / this.objectiveUnit(), prices, limitPrices: this.limitPrices() };
  }

  sideValue(side: Side): number {
    return this.rowDual[this.sumRow[side]]! / this.objectiveUnit();
  }

  dispose(): void {
    this.model.dispose();
  }

  exactVertex(): ExactVertex {
    const { numNodes, fractions, objective, limits } = this.shape;
    const { colStatus, rowStatus } = this.model.getBasis();
    const tight: number[] = [];
    for (const [row, status] of rowStatus.entries()) if (status !== BASIC) tight.push(row);
    const basic: number[] = [];
    for (const [column, status] of colStatus.entries()) if (status === BASIC) basic.push(column);
    const positionOf = new Map(tight.map((row, position) => [row, position]));
    const matrix = tight.map(() => Array<Rational>(basic.length).fill(ZERO));
    for (const [position, column] of basic.entries())
      for (const [row, value] of this.exactEntries(column)) {
        const at = positionOf.get(row);
        if (at !== undefined) matrix[at]![position] = value;
      }
    const right = tight.map((row) => this.exactRight(row));
    const cost = basic.map((column) => this.exactCost(column));
    const values = solveRational(matrix, right);
    const duals = solveRational(transpose(matrix), cost);
    if (!values || !duals || values.some(({ num }) => num < 0n))
      throw familiesError('TF-FAMILIES-017', {
        subject: 'optimalStrategy',
        expected: 'the final basis to have an exact solution',
        actual: values ? 'a negative probability' : 'a singular basis',
      });
    const probabilityOf = new Map(basic.map((column, position) => [column, values[position]!]));
    const columns = this.columns.flatMap((column, index) => {
      const probability = probabilityOf.get(this.firstColumn + index);
      return probability === undefined || probability.num === 0n ? [] : [{ ...column, probability }];
    });
    const dualOf = (row: number): Rational => {
      const at = positionOf.get(row);
      const value = at === undefined ? ZERO : duals[at]!;
      return value.num < 0n ? { num: -value.num, den: value.den } : ZERO; // a price; a wrong sign counts as 0
    };
    const limitPrices = Object.fromEntries(
      METRICS.map((metric) => {
        const row = this.limitRow.get(metric);
        const own = row === undefined ? ZERO : dualOf(row);
        return [metric, metric === objective ? add(own, ONE) : own];
      }),
    ) as Record<Metric, Rational>;
    // Prices must add up to at most p_f times the price of load; a clipped sign is made good by rescaling.
    const prices = fractions.map(({ probability }, f) => {
      const row = Array.from({ length: numNodes }, (_, x) => dualOf(f * numNodes + x));
      const sum = row.reduce(add, ZERO);
      const allowed = multiply(probability, limitPrices.load);
      if (compare(sum, allowed) <= 0) return row;
      return row.map((price) => multiply(price, { num: allowed.num * sum.den, den: allowed.den * sum.num }));
    });
    return {
      value: this.exactValue(columns, limits),
      columns,
      prices,
      limitPrices: { ...limitPrices, load: limits.load === undefined ? ZERO : limitPrices.load },
    };
  }

  /** The objective of a strategy, straight from its definition. */
  private exactValue(columns: ExactVertex['columns'], limits: MasterShape['limits']): Rational {
    const { objective, fractions, numNodes } = this.shape;
    const loadOf = (): Rational => {
      let total = ZERO;
      for (const fraction of fractions) {
        const loads = Array<Rational>(numNodes).fill(ZERO);
        for (const { side, members, probability } of columns) {
          const cost = side === 'read' ? this.shape.readCost : this.shape.writeCost;
          for (const x of members) loads[x] = add(loads[x]!, multiply(multiply(probability, fraction[side]), cost[x]!));
        }
        const worst = loads.reduce((a, b) => (compare(a, b) < 0 ? b : a));
        total = add(total, multiply(fraction.probability, worst));
      }
      return total;
    };
    const linear = (metric: 'network' | 'latency'): Rational =>
      columns.reduce((sum, column) => {
        const amount =
          metric === 'network' ? rationalFromNumber(column.members.length) : rationalFromNumber(column.latencyMs);
        return add(sum, multiply(multiply(column.probability, this.share(column.side)), amount));
      }, ZERO);
    for (const metric of METRICS) {
      const limit = limits[metric];
      if (limit && compare(metric === 'load' ? loadOf() : linear(metric), limit) > 0)
        throw familiesError('TF-FAMILIES-017', {
          subject: 'optimalStrategy',
          expected: `the ${metric} limit to hold exactly`,
        });
    }
    return objective === 'load' ? loadOf() : linear(objective);
  }

  private exactEntries(column: number): [number, Rational][] {
    const { numNodes, fractions } = this.shape;
    const minusOne = { num: -1n, den: 1n };
    if (column < fractions.length) {
      const entries: [number, Rational][] = Array.from({ length: numNodes }, (_, x) => [
        column * numNodes + x,
        minusOne,
      ]);
      const loadRow = this.limitRow.get('load');
      if (loadRow !== undefined) entries.push([loadRow, fractions[column]!.probability]);
      return entries;
    }
    if (column < this.firstColumn) return [[this.limitRow.get(this.limited[column - fractions.length]!)!, minusOne]];
    const { side, members, latencyMs } = this.columns[column - this.firstColumn]!;
    const cost = side === 'read' ? this.shape.readCost : this.shape.writeCost;
    const entries: [number, Rational][] = [[this.sumRow[side], ONE]];
    for (const [f, fraction] of fractions.entries())
      for (const x of members) entries.push([f * numNodes + x, multiply(fraction[side], cost[x]!)]);
    const network = this.limitRow.get('network');
    if (network !== undefined) entries.push([network, multiply(this.share(side), rationalFromNumber(members.length))]);
    const latency = this.limitRow.get('latency');
    if (latency !== undefined) entries.push([latency, multiply(this.share(side), rationalFromNumber(latencyMs))]);
    return entries;
  }

  private exactRight(row: number): Rational {
    if (row < this.sumRow.read) return ZERO;
    if (row <= this.sumRow.write) return ONE;
    return this.shape.limits[this.limited[row - this.sumRow.write - 1]!]!;
  }

  private exactCost(column: number): Rational {
    const { fractions, objective } = this.shape;
    if (column < fractions.length) return objective === 'load' ? fractions[column]!.probability : ZERO;
    if (column < this.firstColumn || objective === 'load') return ZERO;
    const { side, members, latencyMs } = this.columns[column - this.firstColumn]!;
    return multiply(this.share(side), rationalFromNumber(objective === 'network' ? members.length : latencyMs));
  }

  private share(side: Side): Rational {
    return side === 'read' ? this.shape.meanReadFraction : subtract(ONE, this.shape.meanReadFraction);
  }

  private scaledLimit(metric: Metric): number {
    const limit = toNumber(this.shape.limits[metric]!);
    return metric === 'load' ? limit * this.capacityUnit : metric === 'latency' ? limit / this.latencyUnit : limit;
  }

  /** How many solver units one unit of the true objective has. */
  private objectiveUnit(): number {
    return this.phase === 'objective' && this.shape.objective === 'load' ? this.capacityUnit : 1;
  }

  private costOf(column: Column): number {
    if (this.phase !== 'objective' || this.shape.objective === 'load') return 0;
    return (
      toNumber(this.share(column.side)) *
      (this.shape.objective === 'network' ? column.members.length : column.latencyMs)
    );
  }

  private limitPrices(): Record<Metric, number> {
    const unit = this.objectiveUnit();
    const scale: Record<Metric, number> = { load: this.capacityUnit, network: 1, latency: 1 / this.latencyUnit };
    const price = (metric: Metric): number => {
      const row = this.limitRow.get(metric);
      const own = row === undefined ? 0 : (Math.max(0, -this.rowDual[row]!) * scale[metric]) / unit;
      return this.phase === 'objective' && metric === this.shape.objective ? own + 1 : own;
    };
    return { load: price('load'), network: price('network'), latency: price('latency') };
  }

  private enter(phase: 'feasibility' | 'objective'): void {
    this.phase = phase;
    const { fractions, objective } = this.shape;
    for (const [f, { probability }] of fractions.entries())
      this.model.changeColCost(f, phase === 'objective' && objective === 'load' ? toNumber(probability) : 0);
    for (const index of this.limited.keys()) {
      this.model.changeColCost(fractions.length + index, phase === 'feasibility' ? 1 : 0);
      this.model.changeColBounds(fractions.length + index, 0, phase === 'feasibility' ? this.highs.infinity : 0);
    }
    for (const [index, column] of this.columns.entries())
      this.model.changeColCost(this.firstColumn + index, this.costOf(column));
  }
}

function sparse(entries: readonly (readonly [number, number])[]): { indices: Int32Array; values: Float64Array } {
  const sorted = [...entries].sort((a, b) => a[0] - b[0]);
  return { indices: Int32Array.from(sorted, ([row]) => row), values: Float64Array.from(sorted, ([, value]) => value) };
}

function transpose(matrix: readonly (readonly Rational[])[]): Rational[][] {
  return (matrix[0] ?? []).map((_, column) => matrix.map((row) => row[column]!));
}

function solveRational(matrix: readonly (readonly Rational[])[], right: readonly Rational[]): Rational[] | undefined {
  const rows: bigint[][] = [];
  const sides: bigint[] = [];
  for (const [i, row] of matrix.entries()) {
    const scale = commonDenominator([...row, right[i]!]);
    rows.push(row.map(({ num, den }) => (num === 0n ? 0n : num * (scale / den))));
    sides.push(right[i]!.num * (scale / right[i]!.den));
  }
  return solveExactly(rows, sides);
}
