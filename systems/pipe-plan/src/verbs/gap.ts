/** gap: how far from the optimum. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { partitionGaps, profileGaps } from '../gap.ts';
import { loadModel } from './inputs.ts';

interface GapParams {
  readonly model?: string | undefined;
  readonly instances: number;
  readonly layers: number;
}

export async function run({ model, instances, layers }: GapParams, context: VerbContext): Promise<VerbResult> {
  const rows =
    model === undefined
      ? partitionGaps(instances, context.seed)
      : profileGaps((await loadModel(model, context)).backbones[0]!, layers);
  const [exact, scalar] = rows as [(typeof rows)[0], (typeof rows)[0]];
  const isExact = exact.numOptimal === exact.numCases;
  return {
    ok: isExact,
    value: rows,
    report: {
      title:
        model === undefined ? `Partition programs on ${instances} random instances` : `Partition programs on ${model}`,
      verdict: {
        tone: isExact ? 'good' : 'bad',
        text: `The exact program finds the optimum in ${exact.numOptimal} of ${exact.numCases} cases, the scalar one in ${scalar.numOptimal} (worst ${(100 * scalar.worstGap).toFixed(2)} % above).`,
      },
      blocks: [
        {
          kind: 'table',
          caption: 'Against brute force',
          columns: [
            { key: 'name', label: 'program' },
            { key: 'numCases', label: 'cases', format: 'count' },
            { key: 'numOptimal', label: 'optimal', format: 'count' },
            { key: 'worstGap', label: 'worst gap', format: 'percent', digits: 3 },
          ],
          rows: rows.map((row) => ({ ...row })),
        },
      ],
    },
  };
}
