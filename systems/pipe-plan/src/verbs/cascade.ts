/** cascade: several backbones on one cluster. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { compareCascade } from '../cascade/compare-cascade.ts';
import { presetCluster, type ClusterName } from '../cluster.ts';
import { planTitle } from '../report.ts';
import { loadModel } from './inputs.ts';

interface CascadeParams {
  readonly model: string;
  readonly devices: number;
  readonly cluster: ClusterName;
  readonly batch: number;
}

export async function run(
  { model: name, devices, cluster, batch }: CascadeParams,
  context: VerbContext,
): Promise<VerbResult> {
  const model = await loadModel(name, context);
  context.progress({ phase: 'planning backbones' });
  const rows = compareCascade(model, presetCluster(cluster, devices), batch);
  const [best] = rows;
  return {
    ok: true,
    value: rows,
    report: {
      title: planTitle({ model, cluster: presetCluster(cluster, devices) }),
      verdict: {
        tone: 'good',
        text: `Fastest is ${best!.method}: ${best!.iterationMs.toFixed(1)} ms an iteration (${best!.settings}).`,
      },
      blocks: [
        {
          kind: 'table',
          caption: 'Ways to train all backbones in one iteration, simulated',
          columns: [
            { key: 'method', label: 'method' },
            { key: 'settings', label: 'settings' },
            { key: 'pipelineMs', label: 'without frozen part', unit: 'ms', digits: 1 },
            { key: 'iterationMs', label: 'iteration, filled', unit: 'ms', digits: 1 },
          ],
          rows: rows.map((row) => ({ ...row })),
        },
      ],
    },
  };
}
