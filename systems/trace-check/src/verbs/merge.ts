/** merge: one logical tensor of a trace as a safetensors file. */
import { resolve } from 'node:path';
import { nearestNameHints } from '@tenfold/core/base';
import { writeSafetensors } from '@tenfold/core/data';
import { tensorFromArray } from '@tenfold/core/tensor';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { mergeWhole } from '../check/merge.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import { traceError } from '../trace-check-errors.ts';
import { withOutput } from './output-target.ts';
import { assertValues, withTraces } from './trace-folders.ts';

interface MergeParams {
  readonly run: string;
  readonly id: string;
  readonly output: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(
  { run: folder, id, output, dryRun, force }: MergeParams,
  context: VerbContext,
): Promise<VerbResult> {
  const target = { subject: 'merge', context, dryRun, force };
  const merge = async ([trace]: readonly TraceRun[]): Promise<VerbResult> => {
    assertValues(trace, 'merge');
    const tensor = trace.tensors.get(id);
    if (!tensor)
      throw traceError('TF-TRACE-012', {
        subject: 'merge',
        expected: 'an id of the trace',
        actual: JSON.stringify(id),
        location: folder,
        hints: nearestNameHints(id, trace.tensors.keys()),
      });
    const { data, merger } = mergeWhole(tensor);
    const numUncovered = merger.numUncovered();
    const path = resolve(context.workingFolder, output);
    if (!dryRun) await writeSafetensors(path, [[id, tensorFromArray('float32', tensor.global, data)]], { force });
    const replica = merger.replica();
    return {
      ok: numUncovered === 0 && replica === undefined,
      value: { id, shape: tensor.global, numUncovered, replica: replica ?? null, path },
      report: {
        title: id,
        verdict: {
          tone: numUncovered > 0 || replica ? 'warn' : 'good',
          text: `${dryRun ? 'Would write' : 'Wrote'} [${tensor.global.join(', ')}] from ${tensor.shards.length} ranks to ${output}${numUncovered > 0 ? `; ${numUncovered} elements are held by no rank and are zero` : ''}${replica ? '; copies differ' : ''}.`,
        },
        blocks: [
          {
            kind: 'figures',
            figures: [
              { label: 'elements', value: tensor.numel, format: 'count' },
              { label: 'held by no rank', value: numUncovered, format: 'count' },
              { label: 'copies that differ', value: replica?.numDiffering ?? 0, format: 'count' },
            ],
          },
        ],
      },
    };
  };
  return withOutput([output], target, () => withTraces([folder], context, merge));
}
