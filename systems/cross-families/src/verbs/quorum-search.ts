/** quorum search: the best system on given nodes; all systems up to six nodes, else a heuristic with its gap. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { familiesError } from '../families-errors.ts';
import { formatExpression } from '../quorum/expression.ts';
import { searchHeuristically } from '../quorum/local-search.ts';
import { assertLatencies, parseWorkload, plainNodes } from '../quorum/nodes.ts';
import { nodesInWords, showRational, strategyBlocks, strategyJson, systemJson } from '../quorum/report.ts';
import { searchSystems } from '../quorum/search.ts';
import type { QuorumNode, Workload } from '../quorum/types.ts';
import { needsLatencies, strategyOptions } from './quorum-strategy.ts';
import type { StrategyParams } from './quorum-strategy.ts';
import { nodesFromParams } from './system-params.ts';

interface SearchParams extends Omit<StrategyParams, 'reads' | 'writes'> {
  readonly size: number;
  readonly resilience: number;
  readonly budgetSec: number;
}

const MAX_EXHAUSTIVE_NODES = 6;

export async function run(params: SearchParams, context: VerbContext): Promise<VerbResult> {
  const nodes =
    (await nodesFromParams(params.nodes, context)) ??
    plainNodes(Array.from({ length: params.size }, (_, index) => `n${index + 1}`));
  const workload = parseWorkload(params.readFraction);
  if (needsLatencies(params)) assertLatencies(nodes, 'quorum search');
  return nodes.length <= MAX_EXHAUSTIVE_NODES
    ? exhaustive(params, nodes, workload, context)
    : heuristic(params, nodes, workload, context);
}

async function exhaustive(
  params: SearchParams,
  nodes: readonly QuorumNode[],
  workload: Workload,
  context: VerbContext,
): Promise<VerbResult> {
  const { failures: used = 0, signal: _, ...limits } = strategyOptions(params);
  const found = await searchSystems(
    { nodes, workload, resilience: params.resilience, failures: used, ...limits },
    {
      signal: context.signal,
      onProgress: (done, total, best) =>
        context.progress({
          phase: 'systems',
          done,
          ...(total === undefined ? {} : { total }),
          note: Number.isFinite(best) ? `best ${best.toPrecision(6)}` : 'none found yet',
        }),
    },
  );
  const { system, strategy } = found;
  return {
    ok: true,
    value: {
      ...systemJson(system),
      ...strategyJson(strategy),
      numSystems: found.numSystems,
      isComplete: true,
    },
    report: {
      title: `Best quorum system on ${nodesInWords(nodes.length)}`,
      verdict: {
        tone: 'good',
        text: `${formatExpression(system.reads)} with ${params.objective} ${showRational(strategy.value)}: best of all ${found.numSystems} systems with resilience ${params.resilience} or more.`,
      },
      blocks: [
        {
          kind: 'text',
          text: `All ${found.numSystems} systems were compared; ${found.numPrograms} needed a program of their own, the others were excluded by node prices.`,
        },
        ...strategyBlocks(system, strategy),
      ],
    },
  };
}

async function heuristic(
  params: SearchParams,
  nodes: readonly QuorumNode[],
  workload: Workload,
  context: VerbContext,
): Promise<VerbResult> {
  if (params.objective !== 'load')
    throw familiesError('TF-FAMILIES-003', {
      subject: 'quorum search',
      expected: `load as the objective above ${MAX_EXHAUSTIVE_NODES} nodes`,
      actual: params.objective,
    });
  const limit = [
    params.loadLimit === undefined ? '' : '--load-limit',
    params.networkLimit === undefined ? '' : '--network-limit',
    params.latencyLimitMs === undefined ? '' : '--latency-limit-ms',
    params.failures === 0 ? '' : '--failures',
  ].find((name) => name !== '');
  if (limit)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'quorum search',
      expected: `no limits above ${MAX_EXHAUSTIVE_NODES} nodes`,
      actual: limit,
      hints: ['Search without it, then give the system to `quorum strategy` with the limit.'],
    });
  const found = await searchHeuristically(nodes, workload, params.resilience, {
    rng: context.rng,
    clock: context.clock,
    budgetMs: params.budgetSec * 1000,
    signal: context.signal,
    onProgress: (numTried, best) =>
      context.progress({
        phase: 'systems',
        done: numTried,
        note: Number.isFinite(best) ? `best ${best.toPrecision(6)}` : 'none found yet',
      }),
  });
  const gap = found.value - found.bound;
  const isOptimal = gap <= found.value * 1e-9;
  return {
    ok: true,
    value: {
      ...systemJson(found.system),
      ...strategyJson(found.strategy),
      lowerBound: found.bound,
      isComplete: isOptimal,
    },
    report: {
      title: `Heuristic search on ${nodesInWords(nodes.length)}`,
      verdict: {
        tone: isOptimal ? 'good' : 'warn',
        text: isOptimal
          ? `Load ${found.value.toPrecision(6)} meets the lower bound, so it is optimal.`
          : `Load ${found.value.toPrecision(6)}; no system is below ${found.bound.toPrecision(6)}, so the gap is at most ${((100 * gap) / found.value).toFixed(1)} %.`,
      },
      blocks: [
        { kind: 'text', text: `${found.numTried} systems were tried.` },
        ...strategyBlocks(found.system, found.strategy),
      ],
    },
  };
}
