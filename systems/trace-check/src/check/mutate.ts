/** Would I have caught it? Synthetic faults put into a clean trace, judged by the tolerances of that trace. */
import { parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { TensorKind } from '../types.ts';
import { mergeWhole } from './merge.ts';
import type { Tolerances } from './tolerance.ts';
import { atOnce, type Steps } from './turns.ts';

export interface Fault {
  readonly name: string;
  readonly text: string;
  /** Changed copy of a tensor of the given shape, or undefined where the fault makes no sense. */
  readonly apply: (data: Float32Array, shape: readonly number[]) => Float32Array | undefined;
}

export interface FaultRow {
  readonly fault: string;
  readonly text: string;
  readonly numTried: number;
  readonly numCaught: number;
  /** Smallest error that was caught and largest that was not; NaN if none. */
  readonly smallestCaught: number;
  readonly largestMissed: number;
  /** A tensor in which it stays unseen. */
  readonly missedIn: string;
}

export const FAULTS: readonly Fault[] = [
  { name: 'scale-2', text: 'twice as large', apply: (data) => data.map((x) => 2 * x) },
  { name: 'scale-1.1', text: '10 % too large', apply: (data) => data.map((x) => 1.1 * x) },
  {
    name: 'drop-half',
    text: 'every other element zero',
    apply: (data) => data.map((x, i) => (i % 2 ? x : 0)),
  },
  { name: 'swap-halves', text: 'halves of the first dimension exchanged', apply: swapHalves },
  { name: 'one-row', text: 'one row zeroed (an off-by-one mask)', apply: zeroRow },
  { name: 'shift-row', text: 'rows shifted by one (wrong positions)', apply: shiftRows },
  { name: 'one-element', text: 'one element has the wrong sign', apply: flipLargest },
];

const JUDGED: ReadonlySet<TensorKind> = new Set(['in', 'out', 'din', 'dout', 'wgrad', 'main_grad']);
const MAX_ELEMENTS = 1 << 22;

/** @param tolerances  of the same trace */
export function mutateRun(run: TraceRun, tolerances: Tolerances): FaultRow[] {
  return atOnce(mutateSteps(run, tolerances));
}

/** The same, a fault of a tensor a step. */
export function* mutateSteps(run: TraceRun, tolerances: Tolerances): Steps<FaultRow[]> {
  const rows = FAULTS.map((fault) => ({
    fault: fault.name,
    text: fault.text,
    numTried: 0,
    numCaught: 0,
    smallestCaught: NaN,
    largestMissed: NaN,
    missedIn: '',
  }));
  for (const tensor of run.tensors.values()) {
    const tolerance = tolerances.get(tensor.id);
    if (!tolerance || !JUDGED.has(parseId(tensor.id).kind) || tensor.numel > MAX_ELEMENTS) continue;
    const { data } = mergeWhole(tensor);
    for (const [at, fault] of FAULTS.entries()) {
      yield;
      const changed = fault.apply(data, tensor.global);
      if (!changed) continue;
      const rel = relativeChange(changed, data);
      if (!(rel > 0)) continue;
      const row = rows[at];
      row.numTried++;
      if (rel > tolerance.tau && tolerance.status !== 'inconclusive') {
        row.numCaught++;
        if (!(row.smallestCaught <= rel)) row.smallestCaught = rel;
      } else if (!(row.largestMissed >= rel)) {
        row.largestMissed = rel;
        row.missedIn = tensor.id;
      }
    }
  }
  return rows;
}

function relativeChange(a: Float32Array, b: Float32Array): number {
  let dd = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dd += (a[i] - b[i]) ** 2;
    bb += b[i] ** 2;
  }
  return Math.sqrt(dd / bb);
}

function swapHalves(data: Float32Array, shape: readonly number[]): Float32Array | undefined {
  if (shape.length === 0 || shape[0] % 2 !== 0) return undefined;
  const half = data.length / 2;
  return Float32Array.from(data, (_, i) => data[(i + half) % data.length]);
}

function zeroRow(data: Float32Array, shape: readonly number[]): Float32Array | undefined {
  if (shape.length < 2) return undefined;
  const width = shape.at(-1)!;
  const row = Math.floor(data.length / width / 2);
  return data.map((x, i) => (Math.floor(i / width) === row ? 0 : x));
}

function shiftRows(data: Float32Array, shape: readonly number[]): Float32Array | undefined {
  if (shape.length < 2) return undefined;
  const width = shape.at(-1)!;
  return Float32Array.from(data, (_, i) => data[(i + width) % data.length]);
}

function flipLargest(data: Float32Array): Float32Array {
  let at = 0;
  for (let i = 1; i < data.length; i++) if (Math.abs(data[i]) > Math.abs(data[at])) at = i;
  const changed = data.slice();
  changed[at] = -changed[at];
  return changed;
}
