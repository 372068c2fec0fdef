/** Simulated runs as traces: real worker threads, real collectives, the collector's format. */
import { createMesh, openRankPool, type RankPool } from '@tenfold/core/ranks';
import { fnv1a32 } from '@tenfold/core/base';
import { checkTrace } from '../check/check-trace.ts';
import { mergeWhole } from '../check/merge.ts';
import { estimateTolerance, perturbedComparisons, type Tolerances } from '../check/tolerance.ts';
import { parseId } from '../trace/canonical-id.ts';
import { hashOfNumbers } from '../trace/generator.ts';
import { memoryRun, type TraceRun } from '../trace/trace-run.ts';
import type { RankCapture } from '../trace/write-trace.ts';
import type { CheckResult, RunInfo } from '../types.ts';
import { lossFactorOf, microBatchTokens, type Routes } from './model.ts';
import type { RankParams, RankResult } from './rank-program.ts';
import { referenceConfig, type SimConfig } from './sim-config.ts';

export interface SimulatedRun {
  readonly trace: TraceRun;
  readonly info: RunInfo;
  readonly captures: readonly RankCapture[];
  readonly losses: readonly number[];
  readonly elapsedMs: number;
}

const NUM_PERTURBED = 3;
const HEAP_BYTES = 16 * 1024 ** 2;

/** @param pool  worker threads to reuse */
export async function simulate(
  pool: RankPool,
  config: SimConfig,
  { routes = {}, signal }: { readonly routes?: Routes; readonly signal?: AbortSignal } = {},
): Promise<SimulatedRun> {
  const { mesh, numMicroBatches, model } = config;
  const params: RankParams = { config, routes };
  const { results, elapsedMs } = await pool.launch<RankResult>({
    mesh: createMesh({ tp: mesh.tp, cp: mesh.cp, ep: mesh.ep, dp: mesh.dp, pp: mesh.pp }),
    module: new URL('./rank-program.ts', import.meta.url),
    params,
    heapBytes: HEAP_BYTES,
    isTraced: false,
    ...(signal ? { signal } : {}),
  });
  const captures = results.map(({ entries }, rank) => ({ rank, entries }));
  const numChanged = results.reduce((sum, result) => sum + result.numChanged, 0);
  const numPerturbed = results.reduce((sum, result) => sum + result.numPerturbed, 0);
  const tokens = Array.from({ length: numMicroBatches }, (_, m) => microBatchTokens(config, m)).flatMap((ids) => [
    ...ids,
  ]);
  const world = results.length;
  const info: RunInfo = {
    format: 'tenfold-trace/1',
    role: config.perturb ? 'perturbed' : world > 1 || config.bug ? 'candidate' : 'reference',
    world,
    mesh: { axes: (['tp', 'cp', 'ep', 'dp', 'pp'] as const).map((name) => ({ name, size: mesh[name] })) },
    precision: config.precision,
    lossFactor: lossFactorOf(config),
    level: 'full',
    mode: config.isIsolated ? 'isolate' : 'e2e',
    numLayers: model.numLayers,
    numMicroBatches,
    numTokens: tokens.length,
    planHash: fnv1a32(JSON.stringify([model, config.planSeed])).toString(16),
    tokenHash: hashOfNumbers(tokens),
    ...(config.precision === 'float8' ? { fp8: { scaling: config.fp8Scaling } } : {}),
    ...(config.perturb
      ? { perturbation: { where: 'embedding', ...config.perturb, changedShare: numChanged / numPerturbed } }
      : {}),
    dropout: 0,
    framework: 'tenfold simulator',
  };
  const losses = results.find((result) => result.losses.length > 0)?.losses ?? [];
  return { trace: memoryRun('simulated run', info, captures), info, captures, losses, elapsedMs };
}

/** A reference run with its tolerances: perturbed runs included. */
export interface ReferenceSet {
  readonly reference: SimulatedRun;
  readonly perturbed: readonly SimulatedRun[];
  readonly tolerances: Tolerances;
  readonly routes: Routes;
}

export async function simulateReference(
  pool: RankPool,
  config: SimConfig,
  signal?: AbortSignal,
): Promise<ReferenceSet> {
  const base = referenceConfig(config);
  const reference = await simulate(pool, base, { signal });
  const routes = routesOf(reference.trace);
  const perturbed: SimulatedRun[] = [];
  for (let seed = 1; seed <= NUM_PERTURBED; seed++)
    perturbed.push(await simulate(pool, { ...base, perturb: { seed, ulps: 1 } }, { routes, signal }));
  const comparisons = perturbedComparisons(
    reference.trace,
    perturbed.map(({ trace }) => trace),
  );
  return { reference, perturbed, tolerances: estimateTolerance(config.precision, comparisons), routes };
}

/** The chosen experts, to be replayed in the candidate: rounding must not choose others. */
export function routesOf(run: TraceRun): Routes {
  const routes: Record<string, Float32Array> = {};
  for (const tensor of run.tensors.values())
    if (parseId(tensor.id).kind === 'route') routes[tensor.id] = mergeWhole(tensor).data;
  return routes;
}

/** Simulates a candidate and checks it. References are kept in `cache` by their configuration. */
export async function simulateAndCheck(
  pool: RankPool,
  config: SimConfig,
  { cache = new Map(), signal }: { readonly cache?: Map<string, ReferenceSet>; readonly signal?: AbortSignal } = {},
): Promise<{ readonly result: CheckResult; readonly candidate: SimulatedRun; readonly set: ReferenceSet }> {
  const key = JSON.stringify(referenceConfig(config));
  let set = cache.get(key);
  if (!set) cache.set(key, (set = await simulateReference(pool, config, signal)));
  const candidate = await simulate(pool, config, { routes: set.routes, signal });
  const result = checkTrace({
    reference: set.reference.trace,
    candidate: candidate.trace,
    tolerances: set.tolerances,
  });
  return { result, candidate, set };
}

/** Runs `use` with worker threads that end afterwards. */
export async function withPool<T>(use: (pool: RankPool) => Promise<T>): Promise<T> {
  await using pool = openRankPool();
  return await use(pool);
}
