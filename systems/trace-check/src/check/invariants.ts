/** What must hold within one run, no reference needed: copies agree bitwise, recomputation repeats the forward pass,
 *  parameters with a gradient move, every layer exists once, tied parameters stay equal. */
import { formatId, layerOfModule, parseId } from '../trace/canonical-id.ts';
import { censusOfLayers } from '../trace/layer-map.ts';
import type { LogicalTensor, Shard, TraceRun } from '../trace/trace-run.ts';
import type { CanonicalId, TensorKind } from '../types.ts';
import { compareTensor } from './compare-tensor.ts';
import { withDeltas } from './deltas.ts';
import { atOnce, type Steps } from './turns.ts';
import { mergeWhole, createMerger, CHUNK_ELEMENTS } from './merge.ts';

export interface Violation {
  readonly rule: 'replicas' | 'recompute' | 'unchanged' | 'census' | 'tied' | 'scale';
  readonly id: string;
  readonly module: string;
  readonly text: string;
}

export interface InvariantResult {
  readonly violations: readonly Violation[];
  /** How many tensors each rule looked at. */
  readonly checked: Readonly<Record<Violation['rule'], number>>;
}

const REPLICATED: ReadonlySet<TensorKind> = new Set(['param', 'param_next', 'main_grad', 'route', 'amax', 'scale']);
const SAME_FACTORS = { reference: 1, candidate: 1 };

export function checkInvariants(original: TraceRun): InvariantResult {
  return atOnce(invariantSteps(original));
}

/** The same, a tensor a step. */
export function* invariantSteps(original: TraceRun): Steps<InvariantResult> {
  const run = withDeltas(original);
  const violations: Violation[] = [];
  const checked = { replicas: 0, recompute: 0, unchanged: 0, census: 0, tied: 0, scale: 0 };
  const report = (rule: Violation['rule'], id: CanonicalId, text: string): void =>
    void violations.push({ rule, id: formatId(id), module: id.module, text });
  const ordered = [...run.tensors.values()].sort((a, b) => a.seq - b.seq);
  for (const tensor of ordered) {
    yield;
    const id = parseId(tensor.id);
    if (REPLICATED.has(id.kind) && tensor.shards.length > 1) {
      const rule = id.kind === 'scale' || id.kind === 'amax' ? 'scale' : 'replicas';
      checked[rule]++;
      const replica = replicaOf(tensor, run);
      if (replica) {
        const where = `ranks ${replica.ranks.join(' and ')}, axis ${replica.axes.join(', ')}`;
        report(rule, id, `copies differ by ${replica.rel.toExponential(2)} (${where})`);
      }
    }
    if (id.kind === 'recompute_out') {
      const first = run.tensors.get(formatId({ ...id, kind: 'out' }));
      if (first) {
        checked.recompute++;
        const { isBitwise, rel } = compareTensor(first, tensor, SAME_FACTORS, bucketsOf(run));
        if (!isBitwise) report('recompute', id, `recomputed output differs from the first by ${rel.toExponential(2)}`);
      }
    }
    if (id.kind === 'delta' && hasGradient(run, id)) {
      checked.unchanged++;
      if (isZero(tensor)) report('unchanged', id, 'has a gradient and did not change in the step');
    }
  }
  checkCensus(run, checked, report);
  checkTied(run, checked, report);
  return { violations, checked };
}

function bucketsOf({ info }: TraceRun): number | undefined {
  return info.level === 'sketch' ? info.sketchBuckets : undefined;
}

function replicaOf(tensor: LogicalTensor, run: TraceRun) {
  return compareTensor(tensor, tensor, SAME_FACTORS, bucketsOf(run)).replica;
}

function hasGradient(run: TraceRun, id: CanonicalId): boolean {
  const gradient = run.tensors.get(formatId({ ...id, kind: 'main_grad' }));
  return gradient !== undefined && !isZero(gradient);
}

function isZero(tensor: LogicalTensor): boolean {
  const isDelta = parseId(tensor.id).kind === 'delta';
  if (!isDelta && tensor.shards.some(({ entry }) => entry.norm2 !== undefined))
    return tensor.shards.every(({ entry }) => entry.norm2 === 0);
  if (tensor.shards.some(({ entry }) => entry.norm2 !== undefined)) return tensor.shards.every(isZeroSketch);
  const merger = createMerger(tensor);
  const chunk = new Float32Array(Math.min(CHUNK_ELEMENTS, tensor.numel));
  for (let start = 0; start < tensor.numel; start += CHUNK_ELEMENTS) {
    const count = Math.min(CHUNK_ELEMENTS, tensor.numel - start);
    merger.fill(start, count, chunk);
    for (let i = 0; i < count; i++) if (chunk[i] !== 0) return false;
  }
  return true;
}

/** The difference of two sketches: its norm was never recorded, its buckets are read. */
function isZeroSketch({ read, numStored }: Shard): boolean {
  const buckets = new Float32Array(numStored ?? 0);
  read(0, buckets.length, buckets, 0);
  return buckets.every((value) => value === 0);
}

type Report = (rule: Violation['rule'], id: CanonicalId, text: string) => void;

function checkCensus(run: TraceRun, checked: Record<Violation['rule'], number>, report: Report): void {
  const { numLayers } = run.info;
  if (numLayers === undefined) return;
  checked.census += numLayers;
  const { missing, doubled } = censusOfLayers(ownedLayers(run), numLayers);
  const at = (layer: number): CanonicalId => ({ iteration: 0, kind: 'param', module: `decoder.layers.${layer}` });
  for (const layer of missing) report('census', at(layer), 'no rank owns this layer');
  for (const layer of doubled) report('census', at(layer), 'two pipeline stages own this layer');
}

/** One entry per layer and pipeline stage that names it. */
export function ownedLayers(run: TraceRun): number[] {
  const owners = new Set<string>();
  for (const { id, shards } of run.tensors.values()) {
    const layer = layerOfModule(id);
    if (layer !== undefined) for (const { coords } of shards) owners.add(`${layer}/${coords['pp'] ?? 0}`);
  }
  return [...owners].map((owner) => Number(owner.split('/')[0])).sort((a, b) => a - b);
}

function checkTied(run: TraceRun, checked: Record<Violation['rule'], number>, report: Report): void {
  for (const [first, second] of run.info.tied ?? [])
    for (const tensor of run.tensors.values()) {
      const id = parseId(tensor.id);
      if (id.module !== first || (id.kind !== 'param_next' && id.kind !== 'main_grad')) continue;
      const other = run.tensors.get(formatId({ ...id, module: second }));
      if (!other || run.info.level !== 'full') continue;
      checked.tied++;
      const [a, b] = [mergeWhole(tensor).data, mergeWhole(other).data];
      if (a.some((value, i) => value !== b[i])) report('tied', id, `differs from its copy ${second}`);
    }
}
