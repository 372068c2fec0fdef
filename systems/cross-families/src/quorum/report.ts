/** Report blocks of the quorum planner. */
import type { Block } from '@tenfold/core/report';
import { formatExpression, minimalQuorums, numMinimalQuorums } from './expression.ts';
import { placeSites } from './layout.ts';
import type { LatencyMatrix } from './latency-import.ts';
import type { ThresholdPlan } from './plan.ts';
import { givenNode } from './nodes.ts';
import { clientQuorumMs } from './plan.ts';
import { formatRational, toNumber } from './rational.ts';
import type { Rational } from './rational.ts';
import type { Strategy } from './strategy.ts';
import type { QuorumSystem } from './types.ts';

const MAX_QUORUM_ROWS = 40;
const MAX_RATIONAL_CHARS = 24;

/** A rational in full, or as a decimal where it is long. */
export function showRational(value: Rational): string {
  const text = formatRational(value);
  return text.length <= MAX_RATIONAL_CHARS ? text : toNumber(value).toPrecision(9);
}

export function strategyBlocks(system: QuorumSystem, strategy: Strategy): Block[] {
  const { metrics } = strategy;
  const isExact = strategy.gap.num === 0n;
  return [
    {
      kind: 'figures',
      figures: [
        { label: `optimal ${strategy.objective}`, value: showRational(strategy.value), tone: 'good' },
        { label: 'certified gap', value: isExact ? '0' : showRational(strategy.gap), tone: isExact ? 'good' : 'warn' },
        { label: 'capacity', value: metrics.capacity, format: 'number', digits: 4 },
        ...(metrics.loadOfFraction.length > 1
          ? [{ label: 'mean capacity E[1/load]', value: metrics.meanCapacity, format: 'number' as const, digits: 4 }]
          : []),
        { label: 'network', value: metrics.network, unit: 'messages', format: 'number', digits: 3 },
        ...(metrics.latencyMs !== undefined
          ? [
              {
                label: 'latency of this strategy',
                value: metrics.latencyMs,
                unit: 'ms',
                format: 'number' as const,
                digits: 1,
              },
            ]
          : []),
      ],
    },
    {
      kind: 'code',
      language: 'text',
      text: `reads  ${formatExpression(system.reads)}\nwrites ${formatExpression(system.writes)}`,
    },
    {
      kind: 'plot',
      caption: 'Load of each node at the mean read fraction',
      mark: 'bar',
      x: { label: 'node', scale: 'band' },
      y: { label: 'load' },
      series: [{ name: 'load', points: system.nodes.map((node, x) => ({ x: node.id, y: metrics.nodeLoads[x]! })) }],
    },
    quorumTable(strategy),
  ];
}

function quorumTable(strategy: Strategy): Block {
  const rows = (['reads', 'writes'] as const).flatMap((side) =>
    strategy[side].map(({ members, probability }) => ({
      side: side === 'reads' ? 'read' : 'write',
      quorum: members.join(' '),
      probability: showRational(probability),
      share: toNumber(probability),
    })),
  );
  return {
    kind: 'table',
    caption: rows.length > MAX_QUORUM_ROWS ? `First ${MAX_QUORUM_ROWS} of ${rows.length} used quorums` : 'Strategy',
    columns: [
      { key: 'side', label: 'for' },
      { key: 'quorum', label: 'quorum' },
      { key: 'probability', label: 'probability' },
      { key: 'share', label: 'share', format: 'percent', digits: 2 },
    ],
    rows: rows.slice(0, MAX_QUORUM_ROWS),
  };
}

export function planBlocks(plans: readonly ThresholdPlan[], matrix: LatencyMatrix, source: string): Block[] {
  const best = plans[0]!;
  return [
    {
      kind: 'table',
      caption: `Best sites per pair of thresholds (${source})`,
      columns: [
        { key: 'reads', label: 'read quorum', format: 'count' },
        { key: 'writes', label: 'write quorum', format: 'count' },
        { key: 'sites', label: 'sites' },
        { key: 'meanMs', label: 'mean time', unit: 'ms', format: 'number', digits: 1 },
        { key: 'proof', label: 'proof' },
        { key: 'load', label: 'load' },
      ],
      rows: plans.map((plan) => ({
        reads: plan.readQuorum,
        writes: plan.writeQuorum,
        sites: plan.siteNames.join(', '),
        meanMs: plan.sites.meanMs,
        proof: plan.sites.isProved ? 'optimal' : `gap ${(plan.sites.meanMs - plan.sites.boundMs).toFixed(1)} ms`,
        load: showRational(plan.strategy.value),
      })),
    },
    {
      kind: 'table',
      caption: 'Time to a quorum from every client, fastest plan',
      columns: [
        { key: 'client', label: 'client' },
        { key: 'read', label: 'read', unit: 'ms', format: 'number', digits: 1 },
        { key: 'write', label: 'write', unit: 'ms', format: 'number', digits: 1 },
      ],
      rows: matrix.names.slice(0, MAX_QUORUM_ROWS).map((client, index) => ({
        client,
        read: clientQuorumMs(matrix, best.sites.sites, index, best.readQuorum),
        write: clientQuorumMs(matrix, best.sites.sites, index, best.writeQuorum),
      })),
    },
  ];
}

/** Plans as plain JSON for pages: sites with places, and per plan its quorums and strategy. */
export function planJson(plans: readonly ThresholdPlan[], matrix: LatencyMatrix, source: string): PlanJson {
  const places = placeSites(matrix);
  return {
    source,
    sites: matrix.names.map((name, index) => ({ name, ...places[index]! })),
    plans: plans.map((plan) => ({
      readQuorum: plan.readQuorum,
      writeQuorum: plan.writeQuorum,
      sites: plan.siteNames,
      meanMs: plan.sites.meanMs,
      boundMs: plan.sites.boundMs,
      isProved: plan.sites.isProved,
      ...systemJson(plan.system),
      ...strategyJson(plan.strategy),
    })),
  };
}

export interface SystemJson {
  readonly nodes: readonly {
    readonly id: string;
    readonly zone?: string;
    readonly readCapacity: number;
    readonly writeCapacity: number;
  }[];
  readonly readExpression: string;
  readonly writeExpression: string;
  /** Minimal quorums; absent where there are too many. */
  readonly minimalReads?: readonly (readonly string[])[];
  readonly minimalWrites?: readonly (readonly string[])[];
}

export interface StrategyJson {
  readonly objective: string;
  readonly value: string;
  readonly bound: string;
  readonly gap: string;
  readonly readFraction: number;
  readonly reads: readonly {
    readonly members: readonly string[];
    readonly probability: string;
    readonly share: number;
  }[];
  readonly writes: readonly {
    readonly members: readonly string[];
    readonly probability: string;
    readonly share: number;
  }[];
  readonly prices: readonly (readonly string[])[];
  readonly metrics: Strategy['metrics'];
  readonly numColumns: number;
  readonly numRounds: number;
}

export interface PlanJson {
  readonly source: string;
  readonly sites: readonly { readonly name: string; readonly x: number; readonly y: number }[];
  readonly plans: readonly (SystemJson &
    StrategyJson & {
      readonly readQuorum: number;
      readonly writeQuorum: number;
      readonly sites: readonly string[];
      readonly meanMs: number;
      readonly boundMs: number;
      readonly isProved: boolean;
    })[];
}

const MAX_JSON_QUORUMS = 600;

export function systemJson(system: QuorumSystem): SystemJson {
  const ids = system.nodes.map((node) => node.id);
  const listed = (expr: QuorumSystem['reads']): string[][] | undefined => {
    if (numMinimalQuorums(expr) > MAX_JSON_QUORUMS) return undefined;
    return minimalQuorums(expr, ids).map((set) => set.map((index) => ids[index]!));
  };
  const [minimalReads, minimalWrites] = [listed(system.reads), listed(system.writes)];
  return {
    nodes: system.nodes.map(givenNode),
    readExpression: formatExpression(system.reads),
    writeExpression: formatExpression(system.writes),
    ...(minimalReads ? { minimalReads } : {}),
    ...(minimalWrites ? { minimalWrites } : {}),
  };
}

export function strategyJson(strategy: Strategy): StrategyJson {
  const side = (list: Strategy['reads']): StrategyJson['reads'] =>
    list.map(({ members, probability }) => ({
      members,
      probability: formatRational(probability),
      share: toNumber(probability),
    }));
  return {
    objective: strategy.objective,
    value: formatRational(strategy.value),
    bound: formatRational(strategy.bound),
    gap: formatRational(strategy.gap),
    readFraction: strategy.meanReadFraction,
    reads: side(strategy.reads),
    writes: side(strategy.writes),
    prices: strategy.prices.map((row) => row.map(formatRational)),
    metrics: strategy.metrics,
    numColumns: strategy.numColumns,
    numRounds: strategy.numRounds,
  };
}

/** `1 node`, `5 nodes`. */
export function nodesInWords(count: number): string {
  return `${count} ${count === 1 ? 'node' : 'nodes'}`;
}
