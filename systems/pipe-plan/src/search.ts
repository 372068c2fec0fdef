/** The outer search: pipeline groups, stages, micro-batches and warm-ups; each candidate partitioned and simulated, the
 *  most promising filled, the fastest that fits memory returned.   S = 1 is data parallelism and is in the space. */
import { throwIfCancelled } from '@tenfold/core/base';
import { syncLeavesNode } from './cluster.ts';
import { perfectGain } from './fill/check-fill.ts';
import { fillPerDevice } from './fill/device-fill.ts';
import { fillExactly } from './fill/exact-fill.ts';
import { createFrozenWork, frozenMs, type FrozenWork } from './fill/frozen-work.ts';
import { fillGreedily } from './fill/greedy-fill.ts';
import { memoryPrefixes, stageMemory, type MemoryOptions, type MemoryPrefixes } from './memory.ts';
import { costsOfBackbone, problemFromModel, timesOfPartition, type BackboneCosts } from './partition/from-model.ts';
import { partition, scalarPartitions } from './partition/partition.ts';
import { evaluatePartition, type Partition, type PartitionProblem } from './partition/problem.ts';
import { pipeError } from './pipe-errors.ts';
import { idleSlotsPerStage, jointIdleSlots, simulatePipeline, type PipelineSimulation } from './pipeline/simulation.ts';
import type { Candidate, Plan, PlanOptions, SearchResult } from './plan-types.ts';
import { simulateSelfConditioned } from './pipeline/list-schedule.ts';
import type { Cluster, DiffusionModel, FillMode, FillResult, Stage, Warmup } from './types.ts';
import { validateModel } from './validate.ts';

const MAX_GROUP_DEVICES = 16;
const MAX_MICRO_PER_STAGE = 8;
const DEFAULT_MIN_BUBBLE_SHARE = 0.005;
/** Candidates that are filled, best estimates first. */
const NUM_FILLED = 12;
/** Candidates whose partition is made exact. */
const NUM_REFINED = 24;

interface Space {
  readonly model: DiffusionModel;
  readonly cluster: Cluster;
  readonly options: PlanOptions;
  readonly costs: BackboneCosts;
  readonly prefixes: MemoryPrefixes;
  readonly work: FrozenWork;
}

/** @throws TF-PIPE-001 on a bad model, -002 on a batch that cannot be divided, -003 if nothing fits (names the least cap
 *  that works), -005 on more stages than layers or devices */
export function searchPlans(model: DiffusionModel, cluster: Cluster, options: PlanOptions): SearchResult {
  validateModel(model);
  const space = spaceOf(model, cluster, options);
  const { candidates, leastBytes } = enumerate(space);
  if (candidates.length === 0) failSearch(space, leastBytes);
  candidates.sort(iterationOrder);
  const finalists = candidates.slice(0, NUM_REFINED).map((candidate) => refine(space, candidate));
  finalists.sort(iterationOrder);
  const plans = finalists.slice(0, NUM_FILLED).map((candidate) => planFromCandidate(space, candidate));
  plans.sort((a, b) => a.iterationMs - b.iterationMs);
  return { best: plans[0]!, plans, grid: bestPerCell([...finalists, ...candidates]), numCandidates: candidates.length };
}

function spaceOf(model: DiffusionModel, cluster: Cluster, options: PlanOptions): Space {
  const [backbone] = model.backbones;
  if (model.backbones.length > 1)
    throw pipeError('TF-PIPE-005', {
      subject: 'searchPlans',
      expected: 'a model with one backbone',
      actual: `${model.backbones.length} in "${model.name}"`,
      hints: ['Use planBackbones (verb "cascade").'],
    });
  return {
    model,
    cluster,
    options,
    costs: costsOfBackbone(backbone!),
    prefixes: memoryPrefixes(backbone!),
    work: createFrozenWork(model.frozen),
  };
}

/** A plan with given stages, simulated and filled like searched ones.
 *  @throws TF-PIPE-005 on stages that do not follow one another or do not fit the devices, TF-PIPE-002 on shares that do
 *  not divide */
export function planOfStages(
  model: DiffusionModel,
  cluster: Cluster,
  options: PlanOptions & { readonly numMicroBatches: number },
  stages: Pick<Partition, 'ends' | 'replicas'>,
): Plan {
  validateModel(model);
  const space = spaceOf(model, cluster, options);
  const { ends, replicas } = stages;
  const groupDevices = replicas.reduce((sum, count) => sum + count, 0);
  const numLayers = model.backbones[0]!.layers.length;
  const isAscending = ends.every((end, stage) => Number.isInteger(end) && end > (ends[stage - 1] ?? 0));
  if (!isAscending || ends.at(-1) !== numLayers || ends.length !== replicas.length)
    throw pipeError('TF-PIPE-005', {
      subject: 'planOfStages',
      expected: `ascending ends up to ${numLayers} with one replica count each`,
      actual: `ends ${ends.join(',')} and replicas ${replicas.join(',')}`,
    });
  if (cluster.numDevices % groupDevices !== 0)
    throw pipeError('TF-PIPE-005', {
      subject: 'planOfStages',
      expected: `replicas that sum to a divisor of ${cluster.numDevices} devices`,
      actual: replicas.join(' + '),
    });
  const { numMicroBatches } = options;
  const microBatch = (options.batch * groupDevices) / cluster.numDevices / numMicroBatches;
  if (!Number.isInteger(microBatch) || (!options.allowsUneven && replicas.some((count) => microBatch % count !== 0)))
    throw pipeError('TF-PIPE-002', {
      subject: 'planOfStages',
      expected: 'micro-batches and replica shares of whole samples',
      actual: `batch ${options.batch} over ${cluster.numDevices / groupDevices} groups, ${numMicroBatches} micro-batches, replicas ${replicas.join(', ')}`,
      hints: ['Use a multiple of the number of devices, or allow uneven shares.'],
    });
  const recomputes = options.recompute === 'always';
  const problem = problemOf(space, { groupDevices, numMicroBatches, recomputes });
  const point: Point = {
    groupDevices,
    numMicroBatches,
    numStages: ends.length,
    warmup: options.warmup ?? 'commAware',
    recomputes,
  };
  return planFromCandidate(space, candidateFrom(space, problem, point, evaluatePartition(problem, ends, replicas)));
}

/** All groups process the whole batch in one iteration, so the shorter iteration is the better plan. */
function iterationOrder(a: Candidate, b: Candidate): number {
  return a.estimateMs - b.estimateMs || a.numStages - b.numStages || a.numMicroBatches - b.numMicroBatches;
}

function enumerate(space: Space): { candidates: Candidate[]; leastBytes: number } {
  const { cluster, options, model } = space;
  const numLayers = model.backbones[0]!.layers.length;
  const sizes =
    options.groupDevices === undefined
      ? divisors(cluster.numDevices).filter((d) => d <= MAX_GROUP_DEVICES)
      : [options.groupDevices];
  const cells: { groupDevices: number; numMicroBatches: number }[] = [];
  for (const groupDevices of sizes) {
    const numGroups = cluster.numDevices / groupDevices;
    if (!Number.isInteger(numGroups) || options.batch % numGroups !== 0) continue;
    const groupBatch = options.batch / numGroups;
    const micros = options.numMicroBatches === undefined ? divisors(groupBatch) : [options.numMicroBatches];
    for (const numMicroBatches of micros)
      if (groupBatch % numMicroBatches === 0 && numMicroBatches <= MAX_MICRO_PER_STAGE * groupDevices)
        cells.push({ groupDevices, numMicroBatches });
  }
  const candidates: Candidate[] = [];
  let leastBytes = Infinity;
  cells.forEach(({ groupDevices, numMicroBatches }, index) => {
    options.onProgress?.(index, cells.length);
    throwIfCancelled(options.signal, 'searchPlans');
    const maxStages = Math.min(groupDevices, numLayers, options.numStages ?? Infinity);
    const recomputations =
      options.recompute === 'always' ? [true] : options.recompute === 'never' ? [false] : [false, true];
    const isDone = new Set<number>();
    for (const recomputes of recomputations) {
      if (isDone.size === maxStages) break;
      const found = candidatesOfCell(space, { groupDevices, numMicroBatches, maxStages, recomputes, isDone });
      candidates.push(...found.candidates);
      leastBytes = Math.min(leastBytes, found.leastBytes);
    }
  });
  return { candidates, leastBytes };
}

interface Cell {
  readonly groupDevices: number;
  readonly numMicroBatches: number;
  readonly maxStages: number;
  readonly recomputes: boolean;
  /** Stage counts that need no recomputation; filled by the first pass. */
  readonly isDone: Set<number>;
}

function problemOf(
  space: Space,
  { groupDevices, numMicroBatches, recomputes }: Omit<Cell, 'maxStages' | 'isDone'>,
): PartitionProblem {
  const { cluster, options, costs, model } = space;
  return problemFromModel(costs, {
    cluster,
    groupDevices,
    numMicroBatches,
    microBatch: (options.batch * groupDevices) / cluster.numDevices / numMicroBatches,
    placement: options.placement ?? 'pipeline-inner',
    recomputes,
    forwardPasses: model.selfConditioning ? 2 : 1,
    ...(options.allowsUneven === undefined ? {} : { allowsUneven: options.allowsUneven }),
  });
}

function candidatesOfCell(space: Space, cell: Cell): { candidates: Candidate[]; leastBytes: number } {
  const { cluster, options } = space;
  const { numMicroBatches, maxStages, isDone } = cell;
  const problem = problemOf(space, cell);
  const free = scalarPartitions(problem, maxStages);
  const candidates: Candidate[] = [];
  let leastBytes = Infinity;
  for (let numStages = options.numStages ?? 1; numStages <= maxStages; numStages++) {
    if (isDone.has(numStages)) continue;
    const isOutside =
      numStages > 1 && (numMicroBatches < numStages || numMicroBatches > MAX_MICRO_PER_STAGE * numStages);
    if (isOutside && options.numMicroBatches === undefined) continue;
    const warmups: readonly Warmup[] =
      numStages === 1 ? ['classic'] : options.warmup ? [options.warmup] : ['classic', 'commAware'];
    for (const warmup of warmups) {
      const bytesOf = stageBytes(space, { ...cell, numStages, warmup });
      let chosen = free[numStages - 1];
      if (!chosen) continue;
      const peakBytes = peakOf(chosen, bytesOf);
      leastBytes = Math.min(leastBytes, peakBytes);
      if (peakBytes > cluster.memoryBytes) {
        const fits: StageFits = (start, end, replicas, stage) =>
          bytesOf(start, end, replicas, stage) <= cluster.memoryBytes;
        chosen = partition(problem, numStages, { method: 'paper', fits });
        if (!chosen) continue;
      }
      isDone.add(numStages);
      candidates.push(candidateFrom(space, problem, { ...cell, numStages, warmup }, chosen));
    }
  }
  return { candidates, leastBytes };
}

type StageFits = (start: number, end: number, replicas: number, stage: number) => boolean;
type Point = Pick<Candidate, 'groupDevices' | 'numMicroBatches' | 'numStages' | 'warmup' | 'recomputes'>;

function stageBytes(
  { cluster, options, model, prefixes }: Space,
  { groupDevices, numMicroBatches, numStages, warmup, recomputes }: Point,
): (start: number, end: number, replicas: number, stage: number) => number {
  const groupBatch = (options.batch * groupDevices) / cluster.numDevices;
  const microBatch = groupBatch / numMicroBatches;
  const { frozen } = model;
  const memory: MemoryOptions = {
    schedule: warmup,
    numMicroBatches,
    microBatch,
    groupBatch,
    groupDevices,
    frozen,
    recomputes,
  };
  return (start, end, replicas, stage) =>
    stageMemory(prefixes, { start, end, replicas }, { stage, numStages }, memory).totalBytes;
}

function candidateFrom(space: Space, problem: PartitionProblem, point: Point, chosen: Partition): Candidate {
  const { cluster, options, work } = space;
  const { groupDevices, numMicroBatches, numStages, warmup, recomputes } = point;
  const numGroups = cluster.numDevices / groupDevices;
  const groupBatch = options.batch / numGroups;
  const times = timesOfPartition(problem, chosen);
  const ranks = Math.max(...chosen.replicas) * numGroups;
  const sharesSync = syncLeavesNode(cluster, ranks, numGroups, options.placement ?? 'pipeline-inner');
  const run = simulateTimes(space, times, { warmup, sharesSync });
  const idleMs = options.fill === 'none' ? 0 : run.bubbleRatio * run.iterationMs;
  return {
    groupDevices,
    numGroups,
    numStages,
    numMicroBatches,
    microBatch: groupBatch / numMicroBatches,
    warmup,
    recomputes,
    partition: chosen,
    times,
    sharesSync,
    pipelineMs: run.iterationMs,
    bubbleRatio: run.bubbleRatio,
    peakBytes: peakOf(chosen, stageBytes(space, point)),
    estimateMs: run.iterationMs + Math.max(0, frozenMs(work, groupBatch, groupDevices) - idleMs),
  };
}

/** The exact partition for a candidate's settings; kept if it also simulates at least as fast. */
function refine(space: Space, candidate: Candidate): Candidate {
  const { cluster, options } = space;
  if (options.method === 'paper') return candidate;
  const problem = problemOf(space, candidate);
  const bytesOf = stageBytes(space, candidate);
  const fits: StageFits = (start, end, replicas, stage) => bytesOf(start, end, replicas, stage) <= cluster.memoryBytes;
  const exact = partition(problem, candidate.numStages, { fits });
  if (!exact) return candidate;
  const refined = candidateFrom(space, problem, candidate, exact);
  return refined.estimateMs <= candidate.estimateMs ? refined : candidate;
}

function peakOf(
  { ends, replicas }: Partition,
  bytesOf: (start: number, end: number, replicas: number, stage: number) => number,
): number {
  return Math.max(...ends.map((end, stage) => bytesOf(ends[stage - 1] ?? 0, end, replicas[stage]!, stage)));
}

function simulateTimes(
  { cluster, model }: Pick<Space, 'cluster' | 'model'>,
  times: Candidate['times'],
  { warmup, sharesSync }: Pick<Candidate, 'warmup' | 'sharesSync'>,
): PipelineSimulation {
  const overlapSlowdown = cluster.overlapSlowdown ?? 1;
  if (model.selfConditioning) return simulateSelfConditioned(times, { warmup, overlapSlowdown });
  return simulatePipeline(times, { schedule: warmup, sharesSync, overlapSlowdown });
}

/** The simulation behind a candidate or plan, with all operations (for timelines). */
export function simulateCandidate(plan: Plan): PipelineSimulation {
  return simulateTimes(plan, plan.times, plan);
}

export function fillSlots(
  work: FrozenWork,
  run: PipelineSimulation,
  mode: FillMode,
  options: { readonly batch: number; readonly minBubbleMs: number },
): FillResult {
  const { batch, minBubbleMs } = options;
  const joint = { slots: jointIdleSlots(run, minBubbleMs), pipelineMs: run.iterationMs, replicas: run.times.replicas };
  switch (mode) {
    case 'none':
      return { ...fillGreedily(work, { ...joint, slots: [] }, { batch }), mode };
    case 'greedy':
      return fillGreedily(work, joint, { batch });
    case 'fullOnly':
      return fillGreedily(work, joint, { batch, allowsPartial: false });
    case 'perDevice':
      return fillPerDevice(work, { ...joint, slots: idleSlotsPerStage(run, minBubbleMs) }, { batch });
    case 'exact':
      return fillExactly(work, joint, { batch });
  }
}

function planFromCandidate(space: Space, candidate: Candidate): Plan {
  const { model, cluster, options, work, prefixes } = space;
  const { groupDevices, numGroups, numStages, numMicroBatches, microBatch, partition: chosen } = candidate;
  const groupBatch = options.batch / numGroups;
  const run = simulateTimes(space, candidate.times, candidate);
  const minBubbleMs = (options.minBubbleShare ?? DEFAULT_MIN_BUBBLE_SHARE) * run.iterationMs;
  const fill = fillSlots(work, run, options.fill ?? 'greedy', { batch: groupBatch, minBubbleMs });
  const stages = chosen.ends.map((end, stage): Stage => ({
    start: chosen.ends[stage - 1] ?? 0,
    end,
    replicas: chosen.replicas[stage]!,
  }));
  const memory: MemoryOptions = {
    schedule: candidate.warmup,
    numMicroBatches,
    microBatch,
    groupBatch,
    groupDevices,
    frozen: model.frozen,
    recomputes: candidate.recomputes,
  };
  const coldStartMs = frozenMs(work, groupBatch, groupDevices);
  const idleDeviceMs = run.bubbleRatio * run.iterationMs * groupDevices;
  const leftDeviceMs = fill.spans
    .filter((span) => span.isLeftOver)
    .reduce((sum, { startMs, endMs, numDevices }) => sum + (endMs - startMs) * numDevices, 0);
  const idleAfterMs = idleDeviceMs - fill.filledDeviceMs + fill.leftOverMs * groupDevices - leftDeviceMs;
  return {
    ...candidate,
    model,
    cluster,
    batch: options.batch,
    placement: options.placement ?? 'pipeline-inner',
    stages,
    fill,
    iterationMs: fill.iterationMs,
    samplesPerSec: (1000 * options.batch) / fill.iterationMs,
    filledBubbleRatio: idleAfterMs / (groupDevices * fill.iterationMs),
    memory: stages.map((stage, index) => stageMemory(prefixes, stage, { stage: index, numStages }, memory)),
    coldStartMs,
    perfectGain: perfectGain(work, run.iterationMs, idleDeviceMs, groupDevices, groupBatch),
    gain: (run.iterationMs + coldStartMs) / fill.iterationMs,
  };
}

function bestPerCell(candidates: readonly Candidate[]): Candidate[] {
  const best = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const key = `${candidate.numStages}x${candidate.numMicroBatches}`;
    const before = best.get(key);
    if (!before || candidate.estimateMs < before.estimateMs) best.set(key, candidate);
  }
  return [...best.values()].sort((a, b) => a.numStages - b.numStages || a.numMicroBatches - b.numMicroBatches);
}

function failSearch({ cluster, options, model }: Space, leastBytes: number): never {
  const { batch, groupDevices, numStages, numMicroBatches } = options;
  const numLayers = model.backbones[0]!.layers.length;
  if (groupDevices !== undefined && cluster.numDevices % groupDevices !== 0)
    throw pipeError('TF-PIPE-005', {
      subject: 'searchPlans',
      expected: `a group size that divides ${cluster.numDevices} devices`,
      actual: String(groupDevices),
    });
  if (numStages !== undefined && numStages > Math.min(numLayers, groupDevices ?? cluster.numDevices))
    throw pipeError('TF-PIPE-005', {
      subject: 'searchPlans',
      expected: `at most ${Math.min(numLayers, groupDevices ?? cluster.numDevices)} stages (${numLayers} layers, ${groupDevices ?? cluster.numDevices} devices)`,
      actual: String(numStages),
    });
  if (leastBytes > cluster.memoryBytes && leastBytes < Infinity)
    throw pipeError('TF-PIPE-003', {
      subject: 'searchPlans',
      expected: `a plan within ${gib(cluster.memoryBytes)} per device`,
      actual: `at least ${gib(leastBytes)}`,
      hints: [`The least cap that works here is ${gib(leastBytes)}.`],
    });
  throw pipeError('TF-PIPE-002', {
    subject: 'searchPlans',
    expected: 'a batch that pipeline groups, micro-batches and replicas divide evenly',
    actual: `batch ${batch} on ${cluster.numDevices} devices${numMicroBatches === undefined ? '' : ` in ${numMicroBatches} micro-batches`}`,
    hints: ['Use a multiple of the number of devices, or allow uneven shares.'],
  });
}

const gib = (bytes: number): string => `${(Math.ceil((bytes / 1024 ** 3) * 100) / 100).toFixed(2)} GiB`;

function divisors(value: number): number[] {
  return Array.from({ length: value }, (_, index) => index + 1).filter((divisor) => value % divisor === 0);
}
