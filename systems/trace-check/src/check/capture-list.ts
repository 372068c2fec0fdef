/** Which tensors a second, targeted run should record in full: what failed, with what stands beside it. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { CheckResult, TensorKind } from '../types.ts';

const NEIGHBOURS: readonly TensorKind[] = ['in', 'out', 'din', 'dout'];
const MAX_PROBLEMS = 32;

/** Ids in causal order, for the collector's option `tensors`. */
export function captureListOf({ findings }: CheckResult): string[] {
  const ids = new Set<string>();
  const problems = findings.filter(({ status }) => status !== 'PASS' && status !== 'SKIPPED');
  for (const { id } of problems.slice(0, MAX_PROBLEMS)) {
    const { slot: _slot, ...fields } = parseId(id);
    if (fields.kind === 'delta') {
      for (const kind of ['param', 'param_next', 'main_grad'] as const) ids.add(formatId({ ...fields, kind }));
      continue;
    }
    ids.add(id);
    if (NEIGHBOURS.includes(fields.kind))
      for (const other of findings)
        if (other.module === fields.module && parseId(other.id).microBatch === fields.microBatch) ids.add(other.id);
  }
  return [...ids].filter((id) => !id.includes('/delta/'));
}
