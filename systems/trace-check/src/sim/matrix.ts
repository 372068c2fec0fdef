/** The detection matrix: every clean mesh must pass, every bug must be found at its place. */
import type { RankPool } from '@tenfold/core/ranks';
import { nearestNameHints, throwIfCancelled } from '@tenfold/core/base';
import { traceError } from '../trace-check-errors.ts';
import { checkTrace } from '../check/check-trace.ts';
import type { CheckResult, EvidenceColumn, TracePrecision } from '../types.ts';
import { BUGS, findBug, type Bug } from './bugs.ts';
import { createSimConfig, referenceConfig, type SimConfig } from './sim-config.ts';
import { simulateAndCheck, type ReferenceSet } from './simulate.ts';

type Changes = Parameters<typeof createSimConfig>[0];

/** Meshes whose traces must agree with one device. */
export const CLEAN_MESHES: readonly { readonly name: string; readonly changes: Changes }[] = [
  { name: 'tp2', changes: { mesh: { tp: 2 } } },
  { name: 'tp4', changes: { mesh: { tp: 4 } } },
  { name: 'tp2 tree', changes: { mesh: { tp: 2 }, algorithm: 'tree' } },
  { name: 'tp4 tree', changes: { mesh: { tp: 4 }, algorithm: 'tree' } },
  { name: 'tp2 sp', changes: { mesh: { tp: 2 }, isSequenceParallel: true } },
  { name: 'tp4 sp', changes: { mesh: { tp: 4 }, isSequenceParallel: true } },
  { name: 'cp2', changes: { mesh: { cp: 2 } } },
  { name: 'cp4', changes: { mesh: { cp: 4 } } },
  { name: 'dp2', changes: { mesh: { dp: 2 } } },
  { name: 'dp4', changes: { mesh: { dp: 4 } } },
  { name: 'dp2 zero', changes: { mesh: { dp: 2 }, isZero: true } },
  { name: 'pp2', changes: { mesh: { pp: 2 } } },
  { name: 'pp4', changes: { mesh: { pp: 4 } } },
  { name: 'pp2 vpp2', changes: { mesh: { pp: 2 }, numChunks: 2 } },
  { name: 'recompute 2', changes: { recompute: 2 } },
  { name: 'tp2 cp2', changes: { mesh: { tp: 2, cp: 2 } } },
  { name: 'tp2 cp2 sp', changes: { mesh: { tp: 2, cp: 2 }, isSequenceParallel: true } },
  { name: 'tp2 dp2', changes: { mesh: { tp: 2, dp: 2 } } },
  { name: 'tp2 pp2', changes: { mesh: { tp: 2, pp: 2 } } },
  { name: 'pp2 dp2 zero', changes: { mesh: { pp: 2, dp: 2 }, isZero: true } },
  { name: 'pp2 tied', changes: { mesh: { pp: 2 }, model: { isTied: true } } },
  { name: 'tp2 tied', changes: { mesh: { tp: 2 }, model: { isTied: true } } },
  { name: 'moe tp2 sp', changes: { mesh: { tp: 2 }, isSequenceParallel: true, model: { numExperts: 4 } } },
  { name: 'moe ep2', changes: { mesh: { ep: 2 }, model: { numExperts: 4 } } },
];

export const MATRIX_PRECISIONS: readonly SimConfig['precision'][] = ['float32', 'bfloat16', 'float8'];

export interface CleanRow {
  readonly mesh: string;
  readonly precision: TracePrecision;
  readonly verdict: CheckResult['verdict'];
  readonly numFailed: number;
  readonly numInconclusive: number;
  /** Largest error / tolerance. */
  readonly maxRatio: number;
  readonly isSketchSame: boolean | null;
  readonly first: string;
}

export interface BugRow {
  readonly number: number;
  readonly label: string;
  readonly bug: string;
  readonly text: string;
  readonly isFound: boolean;
  readonly isRightPlace: boolean;
  readonly isRightHint: boolean | null;
  readonly column: EvidenceColumn | null;
  readonly expected: EvidenceColumn;
  readonly first: string;
  readonly hint: string;
  readonly rel: number | null;
  readonly tau: number | null;
  readonly lossChange: number | null;
  /** First failing id per kind of evidence. */
  readonly firsts: CheckResult['firsts'];
  readonly numStaticFails: number;
  readonly numCosineFails: number;
  readonly isSketchSame: boolean | null;
}

export interface MatrixOptions {
  readonly meshes?: readonly string[];
  readonly precisions?: readonly SimConfig['precision'][];
  /** Names or labels; default: all. */
  readonly bugs?: readonly string[];
  /** Also check by sketches and compare the verdicts. */
  readonly buckets?: number;
  /** References of earlier calls, and where those of this one are kept; default: as few as possible are. */
  readonly references?: Map<string, ReferenceSet>;
  readonly signal?: AbortSignal;
  readonly onRow?: (name: string, done: number, total: number) => void;
}

export interface MatrixResult {
  readonly clean: readonly CleanRow[];
  readonly bugs: readonly BugRow[];
}

/** Runs that share a reference follow each other, so that few references are kept in memory. */
export async function runMatrix(pool: RankPool, options: MatrixOptions = {}): Promise<MatrixResult> {
  const { meshes, precisions = MATRIX_PRECISIONS, bugs, signal, onRow, buckets } = options;
  const names = CLEAN_MESHES.map(({ name }) => name);
  const unknown = meshes?.find((mesh) => !names.includes(mesh));
  if (unknown !== undefined)
    throw traceError('TF-TRACE-016', {
      subject: 'matrix',
      expected: `a mesh of the matrix (${names.join(' · ')})`,
      actual: JSON.stringify(unknown),
      hints: nearestNameHints(unknown, names),
    });
  const cleanJobs = precisions.flatMap((precision) =>
    CLEAN_MESHES.filter(({ name }) => !meshes || meshes.includes(name)).map(({ name, changes }) => ({
      name,
      config: createSimConfig({ ...changes, precision }),
    })),
  );
  const chosen = bugs?.map((text) => findBug(text, 'matrix'));
  const bugJobs = BUGS.filter((bug) => !chosen || chosen.includes(bug));
  const jobs = [
    ...cleanJobs.map((job) => ({ ...job, bug: undefined })),
    ...bugJobs.map((bug) => ({ name: bug.name as string, config: { ...bug.config, bug: bug.name }, bug })),
  ].map((job, order) => ({ ...job, order, key: JSON.stringify(referenceConfig(job.config)) }));
  const firstOrder = new Map<string, number>();
  for (const { key, order } of jobs) if (!firstOrder.has(key)) firstOrder.set(key, order);
  jobs.sort((a, b) => firstOrder.get(a.key)! - firstOrder.get(b.key)! || a.order - b.order);

  const clean: { order: number; row: CleanRow }[] = [];
  const found: { order: number; row: BugRow }[] = [];
  let cache = options.references ?? new Map<string, ReferenceSet>();
  let done = 0;
  for (const { name, config, bug, order, key } of jobs) {
    throwIfCancelled(signal, 'runMatrix');
    if (!options.references && !cache.has(key)) cache = new Map();
    onRow?.(name, done++, jobs.length);
    const { result, candidate, set } = await simulateAndCheck(pool, config, { cache, signal });
    const isSketchSame = buckets === undefined ? null : sameBySketch(result, set, candidate.trace, buckets);
    if (bug) found.push({ order, row: bugRow(bug, result, isSketchSame) });
    else clean.push({ order, row: cleanRow(name, config, result, isSketchSame) });
  }
  const inOrder = <Row>(rows: { order: number; row: Row }[]): Row[] =>
    rows.sort((a, b) => a.order - b.order).map(({ row }) => row);
  return { clean: inOrder(clean), bugs: inOrder(found) };
}

/** Whether sketches lead to the same verdict and the same first column. */
function sameBySketch(
  full: CheckResult,
  { reference, perturbed }: ReferenceSet,
  candidate: Parameters<typeof checkTrace>[0]['candidate'],
  buckets: number,
): boolean {
  const sketch = checkTrace({
    reference: reference.trace,
    candidate,
    perturbed: perturbed.map(({ trace }) => trace),
    buckets,
  });
  return sketch.verdict === full.verdict && sketch.culprit?.column === full.culprit?.column;
}

function cleanRow(mesh: string, { precision }: SimConfig, result: CheckResult, isSketchSame: boolean | null): CleanRow {
  const { counts, verdict, maxRatio, culprit } = result;
  return {
    mesh,
    precision,
    verdict,
    numFailed: counts.FAIL + counts.REPLICA_DIVERGED + counts.MISSING,
    numInconclusive: counts.INCONCLUSIVE,
    maxRatio,
    isSketchSame,
    first: counts.FAIL + counts.REPLICA_DIVERGED + counts.MISSING > 0 ? (culprit?.id ?? '') : '',
  };
}

function bugRow(bug: Bug, result: CheckResult, isSketchSame: boolean | null): BugRow {
  const { culprit, findings, baselines, firsts, verdict } = result;
  const finding = findings.find(({ id }) => id === culprit?.id);
  const finite = (value: number | undefined): number | null =>
    value !== undefined && Number.isFinite(value) ? value : null;
  return {
    number: bug.number,
    label: bug.label,
    bug: bug.name,
    text: bug.text,
    isFound: verdict === 'divergence',
    isRightPlace: culprit !== undefined && bug.firstId.test(culprit.id) && culprit.column === bug.column,
    isRightHint: bug.hint === undefined ? null : (finding?.hints.some(({ kind }) => kind === bug.hint) ?? false),
    column: culprit?.column ?? null,
    expected: bug.column,
    first: culprit?.id ?? '',
    hint: finding?.hints[0]?.text ?? finding?.note ?? '',
    rel: finite(finding?.rel),
    tau: finite(finding?.tau),
    lossChange: baselines.lossChange,
    firsts,
    numStaticFails: baselines.numStaticFails,
    numCosineFails: baselines.numCosineFails,
    isSketchSame,
  };
}
