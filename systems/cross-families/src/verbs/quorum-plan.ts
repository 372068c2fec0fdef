/** quorum plan: sites, thresholds and strategy of a replicated store; or the optimal strategy of a given system. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { quorumCertificate, quorumCertificateArtifact } from '../quorum/certificate.ts';
import { formatExpression, resilience } from '../quorum/expression.ts';
import { parseLatencyMatrix } from '../quorum/latency-import.ts';
import { parseWorkload } from '../quorum/nodes.ts';
import { planStore } from '../quorum/plan.ts';
import { loadRegionLatency, REGION_LATENCY_SOURCE } from '../quorum/region-latency.ts';
import { planBlocks, planJson, strategyBlocks, strategyJson, systemJson } from '../quorum/report.ts';
import { optimalStrategy } from '../quorum/strategy.ts';
import { familiesError } from '../families-errors.ts';
import { systemFromParams } from './system-params.ts';
import type { SystemParams } from './system-params.ts';

interface PlanParams extends SystemParams {
  readonly latency: string;
  readonly unitMs: number;
  readonly sites: number;
  readonly resilience: number;
  readonly readFraction: string;
  readonly budgetSec: number;
}

export async function run(params: PlanParams, context: VerbContext): Promise<VerbResult> {
  return params.reads !== '' || params.writes !== '' ? planGiven(params, context) : planSites(params, context);
}

async function planGiven(params: PlanParams, context: VerbContext): Promise<VerbResult> {
  const system = await systemFromParams(params, context);
  const workload = parseWorkload(params.readFraction);
  const strategy = await optimalStrategy(system, workload, {
    signal: context.signal,
    onProgress: (round, value) =>
      context.progress({ phase: 'columns', done: round, note: `load ${value.toPrecision(6)}` }),
  });
  const survived = Math.min(resilience(system.reads), resilience(system.writes));
  const isEnough = survived >= params.resilience;
  return {
    ok: isEnough,
    value: { ...systemJson(system), ...strategyJson(strategy), resilience: survived },
    artifacts: [quorumCertificateArtifact(quorumCertificate(system, workload, strategy))],
    report: {
      title: `Quorum plan: ${formatExpression(system.reads)}`,
      verdict: isEnough
        ? {
            tone: 'good',
            text: `Capacity ${strategy.metrics.capacity.toPrecision(6)}, proved optimal; survives ${survived} failures.`,
          }
        : { tone: 'bad', text: `The system survives ${survived} failures, ${params.resilience} are wanted.` },
      blocks: strategyBlocks(system, strategy),
    },
  };
}

async function planSites(params: PlanParams, context: VerbContext): Promise<VerbResult> {
  const isShipped = params.latency === '';
  const matrix = isShipped
    ? await loadRegionLatency()
    : parseLatencyMatrix(
        await readFile(resolve(context.workingFolder, params.latency), 'utf8'),
        params.latency,
        params.unitMs,
      );
  const source = isShipped ? REGION_LATENCY_SOURCE : params.latency;
  const plans = await planStore(
    {
      matrix,
      numSites: params.sites,
      resilience: params.resilience,
      workload: parseWorkload(params.readFraction),
    },
    {
      clock: context.clock,
      budgetMs: params.budgetSec * 1000,
      signal: context.signal,
      onProgress: (done, total, bestMs) =>
        context.progress({ phase: 'sites', done, total, note: `best ${bestMs.toFixed(1)} ms` }),
    },
  );
  const best = plans[0];
  if (!best)
    throw familiesError('TF-FAMILIES-013', {
      subject: 'quorum plan',
      expected: `a system on ${params.sites} sites that survives ${params.resilience} failures`,
      actual: 'none',
      hints: [`Quorums of ${params.sites} sites survive at most ${Math.floor((params.sites - 1) / 2)} failures.`],
    });
  return {
    ok: true,
    value: planJson(plans, matrix, source),
    artifacts: [
      quorumCertificateArtifact(quorumCertificate(best.system, parseWorkload(params.readFraction), best.strategy)),
    ],
    report: {
      title: `Store on ${params.sites} of ${matrix.names.length} sites`,
      verdict: {
        tone: best.sites.isProved ? 'good' : 'warn',
        text:
          `${best.siteNames.join(', ')} with read quorums of ${best.readQuorum} and write quorums of ${best.writeQuorum}: ` +
          `${best.sites.meanMs.toFixed(1)} ms on average, ` +
          (best.sites.isProved
            ? 'proved best.'
            : `at most ${(best.sites.meanMs - best.sites.boundMs).toFixed(1)} ms from the best.`),
      },
      blocks: [...planBlocks(plans, matrix, source), ...strategyBlocks(best.system, best.strategy)],
    },
  };
}
