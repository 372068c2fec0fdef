/** What the verbs return, as the page reads it. */
import type { CheckResult, EvidenceColumn, Hint, Status } from '../src/types.ts';

export interface PageFinding {
  readonly id: string;
  readonly kind: string;
  readonly module: string;
  readonly iteration: number;
  readonly microBatch: number | null;
  readonly status: Status;
  readonly rel: number | null;
  readonly tau: number | null;
  readonly ePert: number | null;
  readonly alpha: number | null;
  readonly cosine: number | null;
  readonly note: string | null;
  readonly hints: readonly Hint[];
}

export interface PageCheck {
  readonly verdict: CheckResult['verdict'];
  readonly text: string;
  readonly culprit: { readonly id: string; readonly module: string; readonly column: EvidenceColumn } | null;
  readonly findings: readonly PageFinding[];
  readonly baselines: CheckResult['baselines'];
  readonly shardMap?: ShardMap | null;
  readonly losses?: { readonly reference: readonly number[]; readonly candidate: readonly number[] };
}

export interface ShardMap {
  readonly id: string;
  readonly shape: readonly number[];
  readonly blocks: readonly {
    readonly rank: number;
    readonly rows: readonly [number, number];
    readonly columns: readonly [number, number];
  }[];
}

const COLUMNS = ['in', 'out', 'dout', 'din', 'wgrad', 'main_grad', 'delta'] as const;

export interface ErrorGrid {
  readonly modules: readonly string[];
  readonly kinds: readonly string[];
  /** log10(error / tolerance), the worst of the micro-batches; NaN where there is no tensor. */
  readonly values: Float64Array;
  /** Worst finding of each cell. */
  readonly cells: readonly (PageFinding | undefined)[];
}

const LEAST_RATIO = 1e-3;

/** Modules in order of execution against kinds, forward left, backward right.
 *  @param factor  tolerances are multiplied by this */
export function errorGrid(findings: readonly PageFinding[], factor: number): ErrorGrid {
  const shown = findings.filter(
    ({ iteration, kind }) => iteration === 0 && (COLUMNS as readonly string[]).includes(kind),
  );
  const moduleOf = ({ module }: PageFinding): string => module.replace(/\.(weight|bias)$/, '');
  const modules = [...new Set(shown.map(moduleOf))].sort(byLayer);
  const values = new Float64Array(modules.length * COLUMNS.length).fill(NaN);
  const cells: (PageFinding | undefined)[] = Array.from({ length: values.length });
  for (const finding of shown) {
    const at = modules.indexOf(moduleOf(finding)) * COLUMNS.length + COLUMNS.indexOf(finding.kind as 'in');
    const ratio = ratioOf(finding, factor);
    if (!(values[at] >= ratio)) [values[at], cells[at]] = [ratio, finding];
  }
  return { modules, kinds: COLUMNS, values, cells };
}

function ratioOf({ rel, tau, status }: PageFinding, factor: number): number {
  if (status === 'MISSING' || status === 'REPLICA_DIVERGED') return 2;
  if (rel === null || tau === null || tau === 0) return NaN;
  return Math.log10(Math.max(rel / (tau * factor), LEAST_RATIO));
}

function byLayer(a: string, b: string): number {
  const rank = (name: string): number => {
    if (name.startsWith('embedding')) return -1;
    const layer = /layers\.(\d+)/.exec(name);
    return layer ? Number(layer[1]) : 1e6;
  };
  return rank(a) - rank(b);
}
