/** What the verbs return, as the page reads it, and the grids it draws. */
import type { CheckResult, CloseUp, EvidenceColumn, Hint, Status } from '../src/types.ts';

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
  readonly maxAbs: number | null;
  readonly note: string | null;
  readonly hints: readonly Hint[];
}

export interface PageCheck {
  readonly verdict: CheckResult['verdict'];
  readonly text: string;
  readonly culprit: { readonly id: string; readonly module: string; readonly column: EvidenceColumn } | null;
  readonly findings: readonly PageFinding[];
  readonly baselines: CheckResult['baselines'];
  readonly closeUps?: readonly CloseUp[];
  readonly losses?: { readonly reference: readonly number[]; readonly candidate: readonly number[] };
  readonly bugText?: string | null;
}

const FORWARD = ['in', 'out'] as const;
const BACKWARD = ['dout', 'din'] as const;
const WEIGHTS = ['wgrad', 'main_grad', 'delta'] as const;

/** Columns of the map: the order of a step from left to right. */
export const KIND_GROUPS: readonly { readonly name: string; readonly kinds: readonly string[] }[] = [
  { name: 'forward', kinds: FORWARD },
  { name: 'backward', kinds: BACKWARD },
  { name: 'weights', kinds: WEIGHTS },
];
const COLUMNS: readonly string[] = [...FORWARD, ...BACKWARD, ...WEIGHTS];
const KIND_TEXTS: Readonly<Record<string, string>> = {
  in: 'input',
  out: 'output',
  dout: 'gradient of the output',
  din: 'gradient of the input',
  wgrad: 'weight gradient of one micro-batch',
  main_grad: 'weight gradient after all sums',
  delta: 'change of the weight',
};
export const kindText = (kind: string): string => KIND_TEXTS[kind] ?? kind;

export interface MapRow {
  readonly module: string;
  /** Layer index, or undefined before and after the layers. */
  readonly layer: number | undefined;
  readonly name: string;
  /** Worst finding per column. */
  readonly cells: readonly (PageFinding | undefined)[];
}

/** Modules in the order of execution against kinds; each cell is the worst of its micro-batches and slots. */
export function mapRows(findings: readonly PageFinding[]): MapRow[] {
  const rows = new Map<string, (PageFinding | undefined)[]>();
  const order: string[] = [];
  for (const finding of findings) {
    const column = COLUMNS.indexOf(finding.kind);
    if (finding.iteration !== 0 || column < 0) continue;
    const module = finding.module.replace(/\.(weight|bias)$/, '');
    let cells = rows.get(module);
    if (!cells) {
      rows.set(module, (cells = new Array<PageFinding | undefined>(COLUMNS.length).fill(undefined)));
      order.push(module);
    }
    if (badness(finding) > badness(cells[column])) cells[column] = finding;
  }
  return order
    .map((module, at) => ({ module, at, layer: layerOf(module) }))
    .sort((a, b) => rankOf(a.module, a.layer) - rankOf(b.module, b.layer) || a.at - b.at)
    .map(({ module, layer }) => ({
      module,
      layer,
      name: module.replace(/^decoder\.(layers\.\d+\.)?/, '').replace(/^self_attention\./, ''),
      cells: rows.get(module)!,
    }));
}

const GRAVITY: Readonly<Record<Status, number>> = {
  FAIL: 3e9,
  REPLICA_DIVERGED: 2e9,
  MISSING: 1e9,
  INCONCLUSIVE: 0,
  PASS: 0,
  SKIPPED: -1,
};

function badness(finding: PageFinding | undefined): number {
  if (!finding) return -2;
  return GRAVITY[finding.status] + Math.min(1e8, ratioOf(finding) ?? 0);
}

/** Error over tolerance. */
export function ratioOf({ rel, tau }: Pick<PageFinding, 'rel' | 'tau'>): number | undefined {
  return rel === null || tau === null || tau === 0 ? undefined : rel / tau;
}

function layerOf(module: string): number | undefined {
  const match = /\blayers\.(\d+)\b/.exec(module);
  return match ? Number(match[1]) : undefined;
}

function rankOf(module: string, layer: number | undefined): number {
  if (layer !== undefined) return layer;
  return module.startsWith('embedding') ? -1 : 1e6;
}

export interface Curves {
  readonly candidate: readonly { readonly x: number; readonly y: number; readonly label: string }[];
  readonly tolerance: readonly { readonly x: number; readonly y: number }[];
  readonly rounding: readonly { readonly x: number; readonly y: number }[];
  readonly fixed: readonly { readonly x: number; readonly y: number }[];
}

/** The published bound on gradients: k·C^(L+1−l)·eps with C 1.03; `fixedBound` is its most permissive value, at depth 33. */
const GROWTH = 1.03;
const FIXED_DEPTH = 33;

/** Error along the depth of the model for one kind, worst micro-batch per module, in the order of the pass.
 *  @param factor  tolerances are multiplied by this */
export function curvesOf(rows: readonly MapRow[], kind: 'out' | 'din', factor: number, fixedBound: number): Curves {
  const column = COLUMNS.indexOf(kind);
  const shown = rows.filter(({ cells }) => cells[column]?.tau);
  if (kind === 'din') shown.reverse();
  const numLayers = new Set(rows.flatMap(({ layer }) => (layer === undefined ? [] : [layer]))).size;
  const candidate: { x: number; y: number; label: string }[] = [];
  const [tolerance, rounding, fixed]: { x: number; y: number }[][] = [[], [], []];
  shown.forEach(({ cells, module, layer }, x) => {
    const { rel, tau, ePert } = cells[column]!;
    if (rel !== null && rel > 0) candidate.push({ x, y: rel, label: module });
    tolerance.push({ x, y: tau! * factor });
    if (ePert !== null && ePert > 0) rounding.push({ x, y: ePert });
    const forwardDepth = layer === undefined ? (module.startsWith('embedding') ? 0 : numLayers + 1) : layer + 1;
    const depth = kind === 'out' ? forwardDepth : numLayers + 1 - forwardDepth;
    fixed.push({ x, y: fixedBound * GROWTH ** (depth - FIXED_DEPTH) });
  });
  return { candidate, tolerance, rounding, fixed };
}
