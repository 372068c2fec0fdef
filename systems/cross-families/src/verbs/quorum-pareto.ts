/** quorum pareto: systems on up to five nodes that no other beats in load, latency and availability at once. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { parseWorkload, plainNodes } from '../quorum/nodes.ts';
import { paretoFront } from '../quorum/pareto.ts';
import { nodesFromParams } from './system-params.ts';

interface ParetoParams {
  readonly nodes: string;
  readonly size: number;
  readonly readFraction: string;
  readonly resilience: number;
}

export async function run(params: ParetoParams, context: VerbContext): Promise<VerbResult> {
  const nodes =
    (await nodesFromParams(params.nodes, context)) ??
    plainNodes(Array.from({ length: params.size }, (_, index) => `n${index + 1}`));
  const front = await paretoFront(nodes, parseWorkload(params.readFraction), params.resilience, {
    signal: context.signal,
    onProgress: (done, total) => context.progress({ phase: 'systems', done, total }),
  });
  return {
    ok: front.points.length > 0,
    value: front,
    report: {
      title: `Pareto front on ${nodes.length} nodes`,
      verdict: { tone: 'good', text: `${front.points.length} of ${front.numSystems} systems are beaten by no other.` },
      blocks: [
        {
          kind: 'plot',
          mark: 'dot',
          caption: 'Unbeaten systems: load against time of the fastest quorums',
          x: { label: 'load' },
          y: { label: 'latency', unit: 'ms' },
          series: [
            {
              name: 'systems',
              points: front.points.map((point) => ({ x: point.load, y: point.latencyMs, label: point.reads })),
            },
          ],
        },
        {
          kind: 'table',
          columns: [
            { key: 'reads', label: 'reads' },
            { key: 'load', label: 'load', format: 'number', digits: 6 },
            { key: 'latencyMs', label: 'latency', unit: 'ms', format: 'number', digits: 1 },
            { key: 'unavailability', label: 'unavailable', format: 'percent', digits: 6 },
          ],
          rows: front.points.map((point) => ({ ...point })),
        },
      ],
    },
  };
}
