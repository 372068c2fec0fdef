/** quorum strategy: the optimal strategy of a system under limits, with exact certificate and capacity curve. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { quorumCertificate, quorumCertificateArtifact } from '../quorum/certificate.ts';
import { formatExpression } from '../quorum/expression.ts';
import { assertLatencies, parseWorkload } from '../quorum/nodes.ts';
import { showRational, strategyBlocks, strategyJson, systemJson } from '../quorum/report.ts';
import { optimalStrategy } from '../quorum/strategy.ts';
import type { Objective, StrategyOptions } from '../quorum/strategy.ts';
import { systemFromParams } from './system-params.ts';
import type { SystemParams } from './system-params.ts';

export interface StrategyParams extends SystemParams {
  readonly readFraction: string;
  readonly objective: Objective;
  readonly loadLimit?: number | undefined;
  readonly networkLimit?: number | undefined;
  readonly latencyLimitMs?: number | undefined;
  readonly failures: number;
}

const CURVE_STEPS = 10;

export async function run(params: StrategyParams, context: VerbContext): Promise<VerbResult> {
  const system = await systemFromParams(params, context);
  const workload = parseWorkload(params.readFraction);
  if (needsLatencies(params)) assertLatencies(system.nodes, 'quorum strategy');
  const strategy = await optimalStrategy(system, workload, {
    ...strategyOptions(params),
    signal: context.signal,
    onProgress: (round, value) =>
      context.progress({ phase: 'columns', done: round, note: `value ${value.toPrecision(6)}` }),
  });
  const curve: { x: number; y: number }[] = [];
  for (let step = 0; step <= CURVE_STEPS; step++) {
    const readFraction = step / CURVE_STEPS;
    const point = await optimalStrategy(system, [{ readFraction, probability: 1 }], {
      failures: params.failures,
      signal: context.signal,
    });
    curve.push({ x: readFraction, y: point.metrics.capacity });
  }
  const isExact = strategy.gap.num === 0n;
  const isPlain = params.objective === 'load' && params.failures === 0;
  const hasLimits = params.networkLimit !== undefined || params.latencyLimitMs !== undefined;
  return {
    ok: isExact,
    value: { ...systemJson(system), ...strategyJson(strategy), capacityCurve: curve },
    artifacts: isPlain && !hasLimits ? [quorumCertificateArtifact(quorumCertificate(system, workload, strategy))] : [],
    report: {
      title: `Strategy for ${formatExpression(system.reads)}`,
      verdict: {
        tone: isExact ? 'good' : 'warn',
        text: `Optimal ${params.objective} ${showRational(strategy.value)}, ${isExact ? 'proved exactly (gap 0)' : `gap ${showRational(strategy.gap)}`}.`,
      },
      blocks: [
        ...strategyBlocks(system, strategy),
        {
          kind: 'plot',
          caption: 'Best capacity by share of reads, each point with its own optimal strategy',
          mark: 'line',
          x: { label: 'share of reads' },
          y: { label: 'capacity' },
          series: [{ name: 'capacity', points: curve }],
        },
      ],
    },
  };
}

export function needsLatencies(params: Pick<StrategyParams, 'objective' | 'latencyLimitMs'>): boolean {
  return params.objective === 'latency' || params.latencyLimitMs !== undefined;
}

export function strategyOptions(
  params: Pick<StrategyParams, 'objective' | 'loadLimit' | 'networkLimit' | 'latencyLimitMs' | 'failures'>,
): StrategyOptions {
  return {
    objective: params.objective,
    failures: params.failures,
    ...(params.loadLimit === undefined ? {} : { loadLimit: params.loadLimit }),
    ...(params.networkLimit === undefined ? {} : { networkLimit: params.networkLimit }),
    ...(params.latencyLimitMs === undefined ? {} : { latencyLimitMs: params.latencyLimitMs }),
  };
}
