/** Plans a k-site store from a latency matrix: for every legal pair of thresholds the best sites, with proof. */
import { choose, nodeExpr } from './expression.ts';
import type { LatencyMatrix } from './latency-import.ts';
import { createQuorumSystem } from './nodes.ts';
import { chooseSites } from './sites.ts';
import type { SiteOptions, SitePlan } from './sites.ts';
import { optimalStrategy } from './strategy.ts';
import type { Strategy } from './strategy.ts';
import type { QuorumNode, QuorumSystem, Workload } from './types.ts';

export interface PlanRequest {
  readonly matrix: LatencyMatrix;
  readonly numSites: number;
  /** Failed sites that must leave a read and a write quorum. */
  readonly resilience: number;
  readonly workload: Workload;
  readonly clientWeights?: readonly number[];
}

export interface ThresholdPlan {
  readonly readQuorum: number;
  readonly writeQuorum: number;
  readonly sites: SitePlan;
  readonly siteNames: readonly string[];
  readonly system: QuorumSystem;
  /** Strategy of least load on these sites; nodes of equal capacity 1. */
  readonly strategy: Strategy;
}

/** One plan per pair r + w = k + 1 that survives the wanted failures, fastest first. */
export async function planStore(request: PlanRequest, options: SiteOptions): Promise<ThresholdPlan[]> {
  const { matrix, numSites, resilience, workload } = request;
  const meanReadFraction = workload.reduce((sum, entry) => sum + entry.readFraction * entry.probability, 0);
  const plans: ThresholdPlan[] = [];
  for (let readQuorum = 1; readQuorum <= numSites; readQuorum++) {
    const writeQuorum = numSites + 1 - readQuorum;
    if (numSites - Math.max(readQuorum, writeQuorum) < resilience) continue;
    const sites = await chooseSites(
      {
        ms: matrix.ms,
        candidates: matrix.names.map((_, index) => index),
        numSites,
        readQuorum,
        writeQuorum,
        readFraction: meanReadFraction,
        ...(request.clientWeights ? { clientWeights: request.clientWeights } : {}),
      },
      options,
    );
    const system = thresholdSystem(matrix, sites.sites, readQuorum);
    plans.push({
      readQuorum,
      writeQuorum,
      sites,
      siteNames: sites.sites.map((site) => matrix.names[site]!),
      system,
      strategy: await optimalStrategy(system, workload, { signal: options.signal }),
    });
  }
  return plans.sort((a, b) => a.sites.meanMs - b.sites.meanMs);
}

/** r of the sites for reads, the dual for writes; node latency is the mean over all clients. */
function thresholdSystem(matrix: LatencyMatrix, sites: readonly number[], readQuorum: number): QuorumSystem {
  const nodes: QuorumNode[] = sites.map((site) => ({
    id: matrix.names[site]!,
    readCapacity: 1,
    writeCapacity: 1,
    latencyMs: matrix.ms.reduce((sum, row) => sum + row[site]!, 0) / matrix.ms.length,
  }));
  return createQuorumSystem(
    nodes,
    choose(
      readQuorum,
      nodes.map((node) => nodeExpr(node.id)),
    ),
  );
}

/** Mean time of a client to its nearest quorum of q sites. */
export function clientQuorumMs(
  matrix: LatencyMatrix,
  sites: readonly number[],
  client: number,
  quorum: number,
): number {
  return sites.map((site) => matrix.ms[client]![site]!).sort((a, b) => a - b)[quorum - 1]!;
}
