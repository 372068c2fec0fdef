/** quorum export: a system as JSON, quoracle program, TLA+ constants, ZooKeeper groups, LaTeX or CSV. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { exportSystem } from '../quorum/export.ts';
import type { ExportFormat } from '../quorum/export.ts';
import { parseWorkload } from '../quorum/nodes.ts';
import { optimalStrategy } from '../quorum/strategy.ts';
import { systemFromParams } from './system-params.ts';
import type { SystemParams } from './system-params.ts';

interface ExportParams extends SystemParams {
  readonly format: ExportFormat;
  readonly readFraction: string;
}

const MEDIA: Readonly<Record<ExportFormat, { readonly name: string; readonly mediaType: string }>> = {
  json: { name: 'quorums.json', mediaType: 'application/json' },
  quoracle: { name: 'quorums.py', mediaType: 'text/x-python' },
  tla: { name: 'Quorums.tla', mediaType: 'text/plain' },
  zookeeper: { name: 'zoo-groups.cfg', mediaType: 'text/plain' },
  latex: { name: 'strategy.tex', mediaType: 'text/plain' },
  csv: { name: 'strategy.csv', mediaType: 'text/csv' },
};

export async function run(params: ExportParams, context: VerbContext): Promise<VerbResult> {
  const system = await systemFromParams(params, context);
  const needsStrategy = params.format === 'latex' || params.format === 'csv';
  const strategy = needsStrategy
    ? await optimalStrategy(system, parseWorkload(params.readFraction), { signal: context.signal })
    : undefined;
  const text = exportSystem(system, params.format, strategy);
  return {
    ok: true,
    value: { format: params.format, text },
    report: {
      title: `Quorum system as ${params.format}`,
      verdict: { tone: 'good', text: `Written as ${MEDIA[params.format].name}.` },
      blocks: [{ kind: 'code', text, language: params.format }],
    },
    artifacts: [{ ...MEDIA[params.format], bytes: new TextEncoder().encode(text) }],
  };
}
