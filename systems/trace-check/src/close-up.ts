/** Close-ups of tensors for the page: which rank holds which block with which error, how large the differences are, and
 *  the worst rows. Made while both traces are open, for the tensors that people will look at. */
import { withDeltas } from './check/deltas.ts';
import { mergeWhole } from './check/merge.ts';
import { KINDS } from './trace/canonical-id.ts';
import { runsOfBox } from './trace/box-runs.ts';
import type { LogicalTensor, TraceRun } from './trace/trace-run.ts';
import type { CheckResult, CloseUp, CloseUpBlock, Finding } from './types.ts';

const LEAST_DECADE = -9;
const NUM_BINS = 22;
const MAX_CLOSE_UPS = 96;
const MAX_ELEMENTS = 1 << 20;
const MAX_WORST_ROWS = 6;

/** Close-ups of the first evidence, of what failed, and of the worst tensor per module and kind, in this order. */
export function closeUpsOf(result: CheckResult, reference: TraceRun, candidate: TraceRun): CloseUp[] {
  if (reference.info.level !== 'full' || candidate.info.level !== 'full') return [];
  const [a, b] = [withDeltas(candidate), withDeltas(reference)];
  const ids = new Set<string>(result.culprit ? [result.culprit.id, ...Object.values(result.firsts)] : []);
  for (const finding of worstOfCells(result.findings)) ids.add(finding.id);
  const closeUps: CloseUp[] = [];
  for (const id of ids) {
    const [cand, ref] = [a.tensors.get(id), b.tensors.get(id)];
    if (!cand || !ref || ref.numel > MAX_ELEMENTS || closeUps.length >= MAX_CLOSE_UPS) continue;
    const isScaled = KINDS[result.findings.find((finding) => finding.id === id)!.kind].isLossScaled;
    closeUps.push(closeUpOf(cand, ref, isScaled ? reference.info.lossFactor / candidate.info.lossFactor : 1));
  }
  return closeUps;
}

/** The finding with the largest error over tolerance per (module, kind), worst first. */
function worstOfCells(findings: readonly Finding[]): Finding[] {
  const worst = new Map<string, Finding>();
  const ratio = ({ rel, tau }: Finding): number => (Number.isFinite(rel / tau) ? rel / tau : 0);
  for (const finding of findings) {
    if (finding.iteration !== 0 || finding.kind === 'param' || finding.kind === 'param_next') continue;
    const key = `${finding.module} ${finding.kind}`;
    const known = worst.get(key);
    if (!known || ratio(finding) > ratio(known)) worst.set(key, finding);
  }
  return [...worst.values()].sort((x, y) => ratio(y) - ratio(x));
}

function closeUpOf(candidate: LogicalTensor, reference: LogicalTensor, scale: number): CloseUp {
  const { id, global } = reference;
  const expected = mergeWhole(reference).data;
  const actual = mergeWhole(candidate).data;
  if (scale !== 1) for (let i = 0; i < actual.length; i++) actual[i] *= scale;
  return {
    id,
    shape: global,
    placements: placementsOf(candidate),
    blocks: blocksOf(candidate, expected, scale),
    ...histogramOf(actual, expected),
    worstRows: worstRowsOf(actual, expected, global),
  };
}

/** Placements of the axes that have more than one rank here. */
function placementsOf({ shards }: LogicalTensor): Record<string, string> {
  const isShared = (axis: string): boolean => shards.some(({ coords }) => coords[axis] !== shards[0].coords[axis]);
  return Object.fromEntries(Object.entries(shards[0].entry.placements ?? {}).filter(([axis]) => isShared(axis)));
}

function blocksOf({ shards, global, id }: LogicalTensor, expected: Float32Array, scale: number): CloseUpBlock[] {
  const last = global.length - 1;
  return shards.flatMap(({ rank, entry, read }) => {
    const local = new Float32Array(entry.local.reduce((total, size) => total * size, 1));
    read(0, local.length, local, 0);
    const isPending = (entry.partial ?? []).length > 0;
    return entry.boxes.map((box) => {
      let [dd, bb] = [0, 0];
      const { starts, locals, length } = runsOfBox(box, entry.flat ? [expected.length] : global, entry.local, id);
      for (let r = 0; r < starts.length; r++)
        for (let i = 0; i < length; i++) {
          dd += (local[locals[r] + i] * scale - expected[starts[r] + i]) ** 2;
          bb += expected[starts[r] + i] ** 2;
        }
      const [{ 0: g }, { 0: n }] = [box.g, box.n];
      const width = global.length < 2 || last === 0 ? 1 : expected.length / global[0];
      const rows = entry.flat ? ([Math.floor(g / width), Math.ceil((g + n) / width)] as const) : ([g, g + n] as const);
      const columns =
        entry.flat || last < 1
          ? ([0, last < 1 ? 1 : global[last]] as const)
          : ([box.g[last], box.g[last] + box.n[last]] as const);
      return { rank, rows, columns, rel: isPending || bb === 0 ? null : Math.sqrt(dd / bb) };
    });
  });
}

function histogramOf(
  actual: Float32Array,
  expected: Float32Array,
): Pick<CloseUp, 'histogram' | 'leastDecade' | 'numEqual'> {
  const histogram = new Array<number>(NUM_BINS).fill(0);
  let square = 0;
  for (const value of expected) square += value * value;
  const rms = Math.sqrt(square / Math.max(1, expected.length)) || 1;
  let numEqual = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]) / rms;
    if (difference === 0) {
      numEqual++;
      continue;
    }
    const bin = Math.floor(2 * (Math.log10(difference) - LEAST_DECADE));
    histogram[Math.min(NUM_BINS - 1, Math.max(0, Number.isFinite(bin) ? bin : NUM_BINS - 1))]++;
  }
  return { histogram, leastDecade: LEAST_DECADE, numEqual };
}

function worstRowsOf(actual: Float32Array, expected: Float32Array, shape: readonly number[]): CloseUp['worstRows'] {
  if (shape.length < 2) return [];
  const width = shape.at(-1)!;
  const rows = Array.from({ length: expected.length / width }, (_, row) => {
    let [dd, bb] = [0, 0];
    for (let i = row * width; i < (row + 1) * width; i++) {
      dd += (actual[i] - expected[i]) ** 2;
      bb += expected[i] ** 2;
    }
    return { row, dd, bb };
  });
  const total = rows.reduce((sum, { dd }) => sum + dd, 0);
  if (!(total > 0)) return [];
  return rows
    .sort((x, y) => y.dd - x.dd)
    .slice(0, MAX_WORST_ROWS)
    .map(({ row, dd, bb }) => ({
      row: indexText(row, shape.slice(0, -1)),
      share: dd / total,
      rel: bb > 0 ? Math.sqrt(dd / bb) : null,
    }));
}

/** Row number as indices of the leading dimensions. */
function indexText(row: number, shape: readonly number[]): string {
  const indices: number[] = [];
  for (let d = shape.length - 1; d >= 0; d--) {
    indices.unshift(row % shape[d]);
    row = Math.floor(row / shape[d]);
  }
  return `[${indices.join(', ')}]`;
}
