/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Block, Column, Report, TimelineBlock, TimelineSpan } from '@tenfold/core/report';
import { simulatePlan } from './search/filled-plan.ts';
import type { Plan, SearchResult } from './plan-types.ts';
import { settingsOf, type Comparison } from './rivals/compare.ts';

const GIB = 1024 ** 3;
const MOST_SPANS = 6000;
const CATEGORIES = ['forward', 'backward', 'self-conditioning', 'send', 'all-reduce'];

export function reportPlan(result: SearchResult): Report {
  const { best } = result;
  const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
  return {
    title: planTitle(best),
    verdict: {
      tone: 'good',
      text:
        `${best.numStages === 1 ? 'Data parallelism' : `${best.numStages} stages, ${best.numMicroBatches} micro-batches`}${best.fill.spans.length > 0 ? ' with frozen work in the gaps' : ''}: ` +
        `${best.iterationMs.toFixed(1)} ms an iteration, ${best.samplesPerSec.toFixed(1)} samples/s, ` +
        `${percent(best.filledBubbleRatio)} idle (${percent(best.bubbleRatio)} before filling).`,
    },
    blocks: [
      planFigures(best),
      stageTable(best),
      ...planTimelines(best),
      searchGrid(result),
      candidatePlot(result),
      candidateTable(result),
    ],
  };
}

/** Of what the plan is. */
export function planTitle({ model, cluster }: Pick<Plan, 'model' | 'cluster'>): string {
  return `${model.name} on ${cluster.numDevices} ${cluster.numDevices === 1 ? 'device' : 'devices'}`;
}

function planFigures(plan: Plan): Block {
  return {
    kind: 'figures',
    figures: [
      { label: 'iteration', value: plan.iterationMs, unit: 'ms', digits: 1 },
      { label: 'throughput', value: plan.samplesPerSec, unit: 'samples/s', digits: 1 },
      { label: 'idle before filling', value: plan.bubbleRatio, format: 'percent' },
      {
        label: 'idle after filling',
        value: plan.filledBubbleRatio,
        format: 'percent',
        tone: plan.filledBubbleRatio < 0.05 ? 'good' : 'neutral',
      },
      { label: 'gain over frozen part first', value: plan.gain, digits: 3 },
      ...(Number.isNaN(plan.perfectGain)
        ? []
        : [{ label: 'gain of perfect filling', value: plan.perfectGain, digits: 3 }]),
      ...(plan.deliveryMs > 0 ? [{ label: 'late frozen outputs', value: plan.deliveryMs, unit: 'ms', digits: 1 }] : []),
      { label: 'cold start', value: plan.coldStartMs, unit: 'ms', digits: 1 },
      { label: 'peak memory', value: plan.peakBytes, format: 'bytes' },
    ],
  };
}

function stageTable({ stages, model, times, memory, warmup, recomputes }: Plan): Block {
  const layers = model.backbones[0]!.layers;
  const columns: Column[] = [
    { key: 'stage', label: 'stage' },
    { key: 'layers', label: 'layers' },
    { key: 'replicas', label: 'replicas', format: 'count' },
    { key: 'forward', label: 'forward', unit: 'ms', digits: 2 },
    { key: 'backward', label: 'backward', unit: 'ms', digits: 2 },
    { key: 'cut', label: 'send', unit: 'ms', digits: 2 },
    { key: 'sync', label: 'all-reduce', unit: 'ms', digits: 2 },
    { key: 'inflight', label: 'in flight', format: 'count' },
    { key: 'memory', label: 'memory', format: 'bytes' },
  ];
  return {
    kind: 'table',
    caption: `Stages (warm-up ${warmup}${recomputes ? ', activations recomputed' : ''})`,
    columns,
    rows: stages.map((stage, index) => ({
      stage: index,
      layers: `${layers[stage.start]!.name} … ${layers[stage.end - 1]!.name}`,
      replicas: stage.replicas,
      forward: times.forwardMs[index]!,
      backward: times.backwardMs[index]!,
      cut: times.cutForwardMs[index] ?? 0,
      sync: times.syncMs[index]!,
      inflight: memory[index]!.inflight,
      memory: memory[index]!.totalBytes,
    })),
  };
}

/** Device timeline without and, where there is any, with frozen work. */
export function planTimelines(plan: Plan): TimelineBlock[] {
  const { simulation, pipeline } = simulatePlan(plan);
  const { program, startMs, endMs } = simulation;
  const laneOfResource = new Map(pipeline.computeOf.map((resource, stage) => [resource, `stage ${stage}`]));
  const lanes = plan.stages.map((stage, index) => ({
    id: `stage ${index}`,
    label: stage.replicas > 1 ? `stage ${index} × ${stage.replicas}` : `stage ${index}`,
  }));
  const spans: TimelineSpan[] = [];
  const links = new Map<string, string>();
  for (let op = 0; op < program.numOps && spans.length < MOST_SPANS; op++) {
    const resource = program.resources[program.resourceIds[program.resourceStarts[op]!]!]!;
    let lane = laneOfResource.get(resource.id);
    if (lane === undefined) {
      lane = `link ${resource.id}`;
      links.set(lane, resource.name);
    }
    spans.push({
      id: String(op),
      lane,
      name: program.opNames[op]!,
      startMs: startMs[op]!,
      endMs: endMs[op]!,
      category: program.opCategories[op]!,
    });
  }
  const linkLanes = [...links].map(([id, label]) => ({ id, label }));
  // Colours go by order of appearance: the same in both timelines.
  spans.sort((a, b) => CATEGORIES.indexOf(a.category!) - CATEGORIES.indexOf(b.category!));
  const frozen = plan.fill.spans.flatMap((span, index): TimelineSpan[] =>
    span.stages.map((stage) => ({
      id: `frozen ${index} ${stage}`,
      lane: `stage ${stage}`,
      name: `${span.component}.${span.layer} × ${span.samplesPerDevice}`,
      startMs: span.startMs,
      endMs: span.endMs,
      category: `frozen ${span.component}`,
      args: { samples: span.samples, 'left over': span.isLeftOver },
    })),
  );
  return [
    {
      kind: 'timeline',
      caption: `One iteration of a pipeline group${frozen.length === 0 ? '' : ' before filling'}`,
      lanes: [...lanes, ...linkLanes],
      spans,
    },
    ...(frozen.length === 0
      ? []
      : [
          {
            kind: 'timeline' as const,
            caption: 'The same iteration with the next iteration’s frozen work in its gaps',
            lanes: [...lanes, ...linkLanes],
            spans: [...spans, ...frozen],
          },
        ]),
  ];
}

function searchGrid({ grid, best }: SearchResult): Block {
  return {
    kind: 'plot',
    caption: 'Samples per second by stages and micro-batches (perfect filling assumed)',
    mark: 'cell',
    x: { label: 'micro-batches', scale: 'band' },
    y: { label: 'stages', scale: 'band' },
    series: [
      {
        name: 'samples/s',
        points: grid.map((candidate) => ({
          x: candidate.numMicroBatches,
          y: candidate.numStages,
          value: (1000 * best.batch) / candidate.estimateMs,
          label: `${candidate.estimateMs.toFixed(1)} ms`,
        })),
      },
    ],
  };
}

/** Time against memory; the lower left edge is the Pareto front. */
function candidatePlot({ grid }: SearchResult): Block {
  const sorted = [...grid].sort((a, b) => a.peakBytes - b.peakBytes);
  let leastMs = Infinity;
  const front = sorted.filter(({ estimateMs }) => estimateMs < leastMs && ((leastMs = estimateMs), true));
  const point = (candidate: (typeof grid)[number]) => ({
    x: candidate.peakBytes / GIB,
    y: candidate.estimateMs,
    label: `S=${candidate.numStages} M=${candidate.numMicroBatches}`,
  });
  return {
    kind: 'plot',
    caption: 'Iteration time against memory; the front is what no other plan beats in both',
    mark: 'dot',
    x: { label: 'peak memory', unit: 'GiB' },
    y: { label: 'iteration', unit: 'ms' },
    series: [
      { name: 'candidates', points: grid.map(point) },
      { name: 'Pareto front', points: front.map(point) },
    ],
  };
}

function candidateTable({ plans, numCandidates }: SearchResult): Block {
  return {
    kind: 'table',
    caption: `The best of ${numCandidates} candidates, filled`,
    columns: [
      { key: 'settings', label: 'settings' },
      { key: 'pipeline', label: 'pipeline', unit: 'ms', digits: 1 },
      { key: 'iteration', label: 'iteration', unit: 'ms', digits: 1 },
      { key: 'bound', label: 'bound (1)', unit: 'ms', digits: 1 },
      { key: 'idle', label: 'idle', format: 'percent' },
      { key: 'memory', label: 'memory', format: 'bytes' },
    ],
    rows: plans.map((plan) => ({
      settings: settingsOf(plan),
      pipeline: plan.pipelineMs,
      iteration: plan.iterationMs,
      bound: plan.partition.boundMs,
      idle: plan.filledBubbleRatio,
      memory: plan.peakBytes,
    })),
  };
}

export function comparisonBlocks({ rows, cache, best }: Comparison): Block[] {
  return [
    {
      kind: 'table',
      caption: `All methods at their best settings, batch ${best.batch}, simulated`,
      columns: [
        { key: 'method', label: 'method' },
        { key: 'settings', label: 'settings' },
        { key: 'iterationMs', label: 'iteration', unit: 'ms', digits: 1 },
        { key: 'samplesPerSec', label: 'throughput', unit: 'samples/s', digits: 1 },
        { key: 'speedup', label: 'ours is faster by', digits: 3 },
        { key: 'peakBytes', label: 'memory', format: 'bytes' },
      ],
      rows: [...rows].sort((a, b) => a.iterationMs - b.iterationMs).map((row) => ({ ...row })),
    },
    {
      kind: 'callout',
      tone: 'info',
      title: Number.isFinite(cache.epochs)
        ? `Caching latents pays after ${cache.epochs.toFixed(1)} epochs without augmentation`
        : 'Caching latents does not pay here',
      text: `It stores ${(cache.bytesPerSample / 1024).toFixed(0)} KiB a sample and takes ${cache.iterationMs.toFixed(1)} ms an iteration; with augmentation nothing can be cached and filling is what is left.`,
    },
  ];
}
