/** quorum pareto: systems on up to five nodes that no other beats in load, latency and availability at once. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { hasLatencies, parseWorkload, plainNodes } from '../quorum/nodes.ts';
import { nodesInWords } from '../quorum/report.ts';
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
  // What nobody gave is left out of the table and of the picture: latencies and probabilities of being up.
  const knowsLatency = hasLatencies(nodes);
  const knowsUp = nodes.every((node) => node.up !== undefined);
  return {
    ok: front.points.length > 0,
    value: front,
    report: {
      title: `Pareto front on ${nodesInWords(nodes.length)}`,
      verdict: {
        tone: 'good',
        text: `${front.points.length} of ${front.numSystems} systems ${front.points.length === 1 ? 'is' : 'are'} beaten by no other.`,
      },
      blocks: [
        ...(knowsLatency
          ? [
              {
                kind: 'plot' as const,
                mark: 'dot' as const,
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
            ]
          : []),
        {
          kind: 'table',
          columns: [
            { key: 'reads', label: 'reads' },
            { key: 'load', label: 'load', format: 'number', digits: 6 },
            ...(knowsLatency
              ? [{ key: 'latencyMs', label: 'latency', unit: 'ms', format: 'number' as const, digits: 1 }]
              : []),
            ...(knowsUp ? [{ key: 'unavailability', label: 'unavailable (share)', format: 'number' as const }] : []),
          ],
          rows: front.points.map((point) => ({ ...point })),
        },
      ],
    },
  };
}
