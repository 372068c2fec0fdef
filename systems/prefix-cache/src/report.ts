/** Results as report blocks, the same for terminal, HTML and studio. */
import { formatBytes, formatDuration, formatPercent } from '@tenfold/core/base';
import type { Block, Report, TableBlock } from '@tenfold/core/report';
import type { Bounds } from './sim/bounds.ts';
import type { QueuedRequest } from './sim/queueing.ts';
import { paperTtftPercentileMs, percentile } from './sim/ttft.ts';
import type { WhatIf } from './sim/what-if.ts';
import type { ModelProfile, Trace } from './types.ts';

const MS_PER_SEC = 1000;
const P95 = 0.95;

export function reportWhatIf(result: WhatIf, trace: Trace): Report {
  const best = result.rows.reduce((a, b) => (b.tokenHitRate > a.tokenHitRate ? b : a));
  const bound = result.bounds.find(({ capacityBytes }) => capacityBytes === best.capacityBytes)!;
  return {
    title: `What caches would give on ${result.trace}`,
    verdict: {
      tone: 'good',
      text: `${best.policy} with ${formatBytes(best.capacityBytes)} reuses ${formatPercent(best.tokenHitRate)} of the prompt tokens; no policy can reuse more than ${formatPercent(bound.upperBound)}.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          { label: 'requests', value: result.numRequests, format: 'count' },
          { label: 'prompt tokens', value: result.inputTokens, format: 'count' },
          { label: 'best token hit rate', value: best.tokenHitRate, format: 'percent' },
          { label: 'prefill FLOPs saved', value: best.flopsSavedRate, format: 'percent' },
        ],
      },
      ...alphaMap(result),
      capacityPlot(result),
      policyTable(result, trace),
      boundsTable(result.bounds),
      { kind: 'text', text: BOUNDS_IN_WORDS },
    ],
  };
}

/** One line a policy and capacity, with the bounds of that capacity. Rates are ratios in 0..1. */
export function csvOf({ trace: name, rows, bounds }: WhatIf, trace: Trace): string {
  const header =
    'trace,capacity_bytes,policy,token_hit_rate,request_hit_rate,flops_saved_rate,p95_ttft_ms,peak_bytes,evictions,clairvoyant_hit_rate,upper_bound';
  const lines = rows.map((row) => {
    const bound = bounds.find(({ capacityBytes }) => capacityBytes === row.capacityBytes)!;
    return [
      quoted(name),
      row.capacityBytes,
      quoted(row.policy),
      row.tokenHitRate,
      row.requestHitRate,
      row.flopsSavedRate,
      paperTtftPercentileMs(trace.requests, row.reused, P95),
      row.peakBytes,
      row.evictions,
      bound.clairvoyant.tokenHitRate,
      bound.upperBound,
    ].join(',');
  });
  return `${[header, ...lines].join('\n')}\n`;
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function policyTable({ rows }: WhatIf, trace: Trace): TableBlock {
  return {
    kind: 'table',
    caption: 'Reused tokens, requests with any, FLOPs saved; losing policies included; TTFT by the paper’s model',
    columns: [
      { key: 'capacity', label: 'capacity', format: 'bytes' },
      { key: 'policy', label: 'policy' },
      { key: 'tokens', label: 'tokens', format: 'percent', digits: 2 },
      { key: 'requests', label: 'requests', format: 'percent' },
      { key: 'flops', label: 'FLOPs', format: 'percent', digits: 2 },
      { key: 'ttft', label: 'P95 TTFT', format: 'duration-ms' },
      { key: 'peak', label: 'peak', format: 'bytes' },
      { key: 'evictions', label: 'evicted', format: 'count' },
    ],
    rows: rows.map((row) => ({
      capacity: row.capacityBytes,
      policy: row.policy,
      tokens: row.tokenHitRate,
      requests: row.requestHitRate,
      flops: row.flopsSavedRate,
      ttft: paperTtftPercentileMs(trace.requests, row.reused, P95),
      peak: row.peakBytes,
      evictions: row.evictions,
    })),
  };
}

/** What the columns of the bounds mean: their labels are short, so that the table fits a terminal of 60 columns. */
export const BOUNDS_IN_WORDS =
  'No limit: unlimited memory, every token that was seen before. Admitted: unlimited memory, at the checkpoints this cache takes. α and rate: the fixed α that is best for the whole trace, and what it reuses. Future: greedy, knowing what comes. Bound: no cache of this capacity reuses more.';

/** Of few and short columns: see BOUNDS_IN_WORDS. */
export function boundsTable(bounds: readonly Bounds[]): TableBlock {
  return {
    kind: 'table',
    caption: 'Bounds on the token hit rate',
    columns: [
      { key: 'capacity', label: 'capacity', format: 'bytes' },
      { key: 'unlimited', label: 'no limit', format: 'percent', digits: 2 },
      { key: 'admission', label: 'admitted', format: 'percent', digits: 2 },
      { key: 'alpha', label: 'α' },
      { key: 'static', label: 'rate', format: 'percent', digits: 2 },
      { key: 'clairvoyant', label: 'future', format: 'percent', digits: 2 },
      { key: 'upper', label: 'bound', format: 'percent', digits: 2 },
    ],
    rows: bounds.map((bound) => ({
      capacity: bound.capacityBytes,
      unlimited: bound.unlimitedTokens,
      admission: bound.unlimitedAdmission,
      alpha: bound.staticAlpha.alpha,
      static: bound.staticAlpha.tokenHitRate,
      clairvoyant: bound.clairvoyant.tokenHitRate,
      upper: bound.upperBound,
    })),
  };
}

function capacityPlot({ rows, bounds }: WhatIf): Block {
  const names = [...new Set(rows.map(({ policy }) => policy.replace(/ \(.*/, '')))];
  return {
    kind: 'plot',
    caption: 'Token hit rate against capacity, with the bounds',
    mark: 'line',
    x: { label: 'capacity', unit: 'GB', scale: 'log' },
    y: { label: 'token hit rate' },
    series: [
      ...names.map((name) => ({
        name,
        points: rows
          .filter(({ policy }) => policy.replace(/ \(.*/, '') === name)
          .map(({ capacityBytes, tokenHitRate }) => ({ x: capacityBytes / 1e9, y: tokenHitRate })),
      })),
      {
        name: 'knows the future',
        points: bounds.map((b) => ({ x: b.capacityBytes / 1e9, y: b.clairvoyant.tokenHitRate })),
      },
      { name: 'upper bound', points: bounds.map((b) => ({ x: b.capacityBytes / 1e9, y: b.upperBound })) },
    ],
  };
}

/** Heat map of α × capacity, if enough of both were replayed. */
function alphaMap({ rows }: WhatIf): Block[] {
  const cells = rows.filter(({ policy }) => policy.startsWith('marconi:'));
  const numAlphas = new Set(cells.map(({ policy }) => policy)).size;
  if (numAlphas < MIN_ALPHAS || cells.length === numAlphas) return [];
  return [
    {
      kind: 'plot',
      caption: 'Token hit rate by α and capacity',
      mark: 'cell',
      x: { label: 'α', scale: 'band' },
      y: { label: 'capacity', scale: 'band' },
      series: [
        {
          name: 'token hit rate',
          points: cells.map(({ policy, capacityBytes, tokenHitRate }) => ({
            x: policy.slice('marconi:'.length),
            y: capacityLabel(capacityBytes),
            value: tokenHitRate,
          })),
        },
      ],
    },
  ];
}

const MIN_ALPHAS = 3;
const LABEL_WIDTH = 7;

/** Padded, so that labels sort as their numbers do. */
function capacityLabel(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2).padStart(LABEL_WIDTH, FIGURE_SPACE)} GB`;
}

const FIGURE_SPACE = '\u2007';

export function reportQueue(
  runs: readonly { readonly policy: string; readonly served: readonly QueuedRequest[] }[],
  {
    trace,
    capacityBytes,
    servers,
  }: { readonly trace: Trace; readonly capacityBytes: number; readonly servers: number },
): Report {
  const rows = runs.map(({ policy, served }) => {
    const ttft = served.map(({ arrivalSec, firstTokenSec }) => (firstTokenSec - arrivalSec) * MS_PER_SEC);
    const input = served.reduce((sum, { index }) => sum + trace.requests[index]!.inputTokens, 0);
    return {
      policy,
      p50: percentile(ttft, 0.5),
      p95: percentile(ttft, P95),
      p99: percentile(ttft, 0.99),
      wait: percentile(
        served.map(({ arrivalSec, startSec }) => (startSec - arrivalSec) * MS_PER_SEC),
        P95,
      ),
      hit: input === 0 ? 0 : served.reduce((sum, { reusedTokens }) => sum + reusedTokens, 0) / input,
      ttft,
    };
  });
  const best = rows.reduce((a, b) => (b.p95 < a.p95 ? b : a));
  const winners = rows.filter(({ p95 }) => p95 === best.p95).map(({ policy }) => policy);
  return {
    title: `Queueing on ${trace.name}`,
    verdict: {
      tone: 'good',
      text: `With ${formatBytes(capacityBytes)} and ${servers === 1 ? 'one server' : `${servers} servers`} ${rows.length === 1 ? `${best.policy} has a` : winners.length > 1 ? `${winners.join(' and ')} share the least` : `${best.policy} has the least`} P95 time to first token${rows.length === 1 ? ' of' : ':'} ${formatDuration(best.p95)}.`,
    },
    blocks: [
      {
        kind: 'table',
        caption: 'Time to first token with queueing',
        columns: [
          { key: 'policy', label: 'policy' },
          { key: 'p50', label: 'P50', format: 'duration-ms' },
          { key: 'p95', label: 'P95', format: 'duration-ms' },
          { key: 'p99', label: 'P99', format: 'duration-ms' },
          { key: 'wait', label: 'P95 waiting', format: 'duration-ms' },
          { key: 'hit', label: 'token hit rate', format: 'percent', digits: 2 },
        ],
        rows: rows.map(({ ttft: _, ...row }) => row),
      },
      {
        kind: 'plot',
        caption: 'Distribution of the time to first token',
        mark: 'line',
        x: { label: 'time to first token', unit: 'ms', scale: 'log' },
        y: { label: 'share of requests' },
        series: rows.map(({ policy, ttft }) => ({ name: policy, points: cumulative(ttft) })),
      },
    ],
  };
}

const CURVE_POINTS = 50;

export function cumulative(values: readonly number[]): { readonly x: number; readonly y: number }[] {
  return Array.from({ length: CURVE_POINTS }, (_, i) => {
    const y = (i + 1) / CURVE_POINTS;
    return { x: Math.max(1e-3, percentile(values, y)), y };
  });
}

export function reportProfile(profile: ModelProfile, lengths: readonly number[]): Report {
  const ratio = profile.stateBytes / profile.kvBytesPerToken;
  return {
    title: `Costs of ${profile.name}`,
    verdict: {
      tone: 'info',
      text: Number.isFinite(ratio)
        ? `One checkpoint takes ${formatBytes(profile.stateBytes)}, as much as ${ratio.toFixed(1)} tokens of keys and values.`
        : `One checkpoint takes ${formatBytes(profile.stateBytes)}; there are no keys and values.`,
    },
    blocks: [
      {
        kind: 'table',
        columns: [
          { key: 'tokens', label: 'tokens', format: 'count' },
          { key: 'flops', label: 'prefill', unit: 'GFLOP' },
          { key: 'bytes', label: 'keys, values and one checkpoint', format: 'bytes' },
          { key: 'efficiency', label: 'FLOPs per byte', format: 'count' },
        ],
        rows: lengths.map((tokens) => {
          const flops = profile.linearFlops * tokens + profile.quadraticFlops * tokens * tokens;
          const bytes = profile.stateBytes + tokens * profile.kvBytesPerToken;
          return { tokens, flops: flops / 1e9, bytes, efficiency: Math.round(flops / bytes) };
        }),
      },
    ],
  };
}
