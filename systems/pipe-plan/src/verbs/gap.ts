/** gap: how far from the optimum. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { deviceFillGap, jointFillGap } from '../fill-gap.ts';
import { partitionGaps, profileGaps } from '../gap.ts';
import { loadModel } from './inputs.ts';

/** Exact searches and integer programs take longer than partitions. */
const MOST_JOINT = 150;
const MOST_PROGRAMS = 40;

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
  if (model === undefined) {
    context.progress({ phase: 'fillings' });
    rows.push(jointFillGap(Math.min(instances, MOST_JOINT), context.seed));
    rows.push(await deviceFillGap(Math.min(instances, MOST_PROGRAMS), context.seed));
  }
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
          caption: 'Against brute force (partitions), exact search (joint filling) and an integer program (per device)',
          columns: [
            { key: 'name', label: 'program' },
            { key: 'numCases', label: 'cases', format: 'count' },
            { key: 'numOptimal', label: 'optimal', format: 'count' },
            { key: 'meanGap', label: 'mean gap', format: 'percent', digits: 3 },
            { key: 'worstGap', label: 'worst gap', format: 'percent', digits: 3 },
          ],
          rows: rows.map((row) => ({ ...row })),
        },
      ],
    },
  };
}
