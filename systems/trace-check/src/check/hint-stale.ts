/** Values of another micro-batch or of the step before. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { LogicalTensor, TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { relativeTo } from './hint-reductions.ts';
import { mergeWhole } from './merge.ts';

/** Choosing between two values per element must leave less than this share of the error. */
const STALE_RESIDUAL = 0.1;
/** The surplus of a gradient that was not cleared is an older one to within this: the runs may have parted a little. */
const UNCLEARED_RESIDUAL = 0.02;

/** Equal to another micro-batch or to the step before, or made of values of the present and the step before. */
export function explainStale(
  id: string,
  actual: Float32Array,
  reference: TraceRun,
  finding: Finding,
): Hint | undefined {
  const { tau } = finding;
  const fields = parseId(id);
  const others = [
    ...(fields.iteration > 0 ? [{ ...fields, iteration: fields.iteration - 1 }] : []),
    ...(fields.microBatch === undefined
      ? []
      : [fields.microBatch - 1, fields.microBatch + 1].map((microBatch) => ({ ...fields, microBatch }))),
  ];
  for (const other of others) {
    const tensor = reference.tensors.get(formatId(other));
    if (!tensor || tensor.numel !== actual.length) continue;
    if (relativeTo(actual, mergeWhole(tensor).data, 1) <= Math.max(tau, 1e-6))
      return { kind: 'stale', text: `stale: equals ${formatId(other)} of the reference` };
  }
  return explainStaleElements(id, actual, reference, finding);
}

/** Every element is that of the present or that of the step before. */
function explainStaleElements(
  id: string,
  actual: Float32Array,
  reference: TraceRun,
  { tau, rel }: Finding,
): Hint | undefined {
  const fields = parseId(id);
  const [now, before] = [0, 1].map((ago) =>
    reference.tensors.get(formatId({ ...fields, iteration: fields.iteration - ago })),
  );
  if (fields.iteration === 0 || !now || !before || before.numel !== actual.length) return undefined;
  const [present, past] = [mergeWhole(now).data, mergeWhole(before).data];
  let [numStale, dd, bb] = [0, 0, 0];
  for (let i = 0; i < actual.length; i++) {
    const [d, stale] = [Math.abs(actual[i] - present[i]), Math.abs(actual[i] - past[i])];
    if (stale < d) numStale++;
    dd += Math.min(d, stale) ** 2;
    bb += present[i] ** 2;
  }
  if (numStale === 0 || !(Math.sqrt(dd / bb) <= Math.min(Math.max(tau, 1e-6), rel * STALE_RESIDUAL))) return undefined;
  const share = ((100 * numStale) / actual.length).toFixed(0);
  return {
    kind: 'stale',
    text: `stale: ${share} % of the elements equal ${formatId({ ...fields, iteration: fields.iteration - 1 })} of the reference, the rest is right: parameters of the step before were still in use`,
  };
}

/** What the gradient has too much is the gradient of the step before, or of all steps before. */
export function explainUncleared(
  id: string,
  actual: Float32Array,
  expected: Float32Array,
  reference: TraceRun,
): Hint | undefined {
  const fields = parseId(id);
  if (fields.kind !== 'main_grad' || fields.iteration === 0) return undefined;
  const surplus = actual.map((value, i) => value - expected[i]);
  const sum = new Float32Array(actual.length);
  for (let iteration = fields.iteration - 1; iteration >= 0; iteration--) {
    const before = reference.tensors.get(formatId({ ...fields, iteration }));
    if (!before || before.numel !== actual.length) return undefined;
    const { data } = mergeWhole(before);
    for (let i = 0; i < sum.length; i++) sum[i] += data[i];
    if (relativeTo(surplus, sum, 1) > UNCLEARED_RESIDUAL) continue;
    const steps =
      fields.iteration - iteration === 1 ? 'the step before' : `${fields.iteration - iteration} steps before`;
    return { kind: 'stale', text: `holds the gradient of ${steps} too: gradients were not cleared between steps` };
  }
  return undefined;
}

/** A rank whose copy of a parameter did not take part in the step. */
export function explainStaleCopy(
  id: string,
  tensor: LogicalTensor,
  reference: TraceRun,
  finding: Finding,
): Hint | undefined {
  if (finding.kind !== 'param_next' && finding.kind !== 'delta') return undefined;
  const before = reference.tensors.get(formatId({ ...parseId(id), kind: 'param' }));
  if (!before) return undefined;
  const old = mergeWhole(before).data;
  const stale = tensor.shards.filter((shard) => {
    if (
      shard.entry.flat ||
      shard.entry.boxes.length !== 1 ||
      shard.entry.boxes[0].n.reduce((x, y) => x * y, 1) !== old.length
    )
      return false;
    const own = new Float32Array(old.length);
    shard.read(0, own.length, own, 0);
    return countEqual(own, finding.kind === 'delta' ? new Float32Array(old.length) : old) > old.length / 4;
  });
  if (stale.length === 0) return undefined;
  return {
    kind: 'stale',
    text: `stale: values from before the step on rank ${stale.map(({ rank }) => rank).join(', ')}`,
  };
}

function countEqual(a: Float32Array, b: Float32Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) count++;
  return count;
}
