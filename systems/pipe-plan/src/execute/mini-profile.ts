/** What the mini model costs on these workers. Iterations of profiles of their own stand between those that a prediction is
 *  compared with, so that a machine that becomes slower slows both; no time is taken from the compared ones. Stages are
 *  timed while all workers compute (a pipeline so long that nearly always all do) and while the others wait (one
 *  micro-batch alone, which also tells how long a neighbour takes to wake up); frozen layers on all workers at once. */
import { median } from '@tenfold/core/base';
import type { RankSpan } from '@tenfold/core/ranks';
import type { FrozenComponent, LayerProfile } from '../types.ts';
import { MINI_FROZEN, type FrozenName } from './mini-model.ts';
import type { FrozenItem } from './rank-frozen.ts';
import type { RankMode } from './rank-program.ts';
import { MINI_CHUNKS, pipelineWords, type MiniIteration, type MiniRun, type MiniSetup } from './run-mini.ts';

/** Times of one iteration to be predicted. */
export interface MiniCosts {
  /** Of pass `nth` (from 0) of this kind on the stage, while all workers compute. */
  readonly passMs: (kind: 'F' | 'B', stage: number, nth: number) => number;
  /** Of a frozen item, while all workers compute. */
  readonly itemMs: (stage: number, item: FrozenItem) => number;
  /** Times while other workers compute over times while they wait, ≥ 1. */
  readonly sharing: number;
  /** From the end of a pass to the start of the one that waits for it on a neighbouring worker. */
  readonly cutForwardMs: readonly number[];
  readonly cutBackwardMs: readonly number[];
  /** Per worker: from the last worker's arrival until it goes on, when frozen outputs are exchanged and at the barrier in
   *  the end (a worker that slept goes on later); inputs made before the first pass. */
  readonly exchangeMs: readonly number[];
  readonly endMs: readonly number[];
  readonly beginMs: readonly number[];
}

/** Micro-batches per stage of the long pipeline. */
const LONG = 4;
/** Modes before those of frozen layers. */
const LONG_MODE = 0;
const SINGLE_MODE = 1;
const NUM_PIPELINES = 2;

/** Sizes in which frozen layers may run: shares of the unfilled iteration, chunks of the filled one. */
export function frozenSizes({ batch, stages }: MiniSetup): number[] {
  const share = Math.ceil(batch / stages.length);
  return [...new Set([...MINI_CHUNKS, share, batch])].filter((size) => size <= batch).sort((a, b) => a - b);
}

/** Iterations to run for `costsOfRounds`: the long pipeline, one micro-batch, then all frozen layers in every size. */
export function profileModes(setup: MiniSetup, sizes: readonly number[]): RankMode[] {
  const { stages, numMicroBatches, batch } = setup;
  const pipelineOf = (count: number): RankMode => {
    const own = { ...setup, batch: (count * batch) / numMicroBatches, numMicroBatches: count };
    const none = stages.map(() => []);
    return { numMicroBatches: count, instructions: pipelineWords(own), frozen: none, isFilled: false };
  };
  const frozenOf = (count: number): RankMode => {
    const items = (Object.keys(MINI_FROZEN) as FrozenName[]).flatMap((component) =>
      MINI_FROZEN[component].map((_, layer): FrozenItem => ({ component, layer, start: 0, count })),
    );
    const idle = stages.map(() => []);
    return { numMicroBatches, instructions: idle, frozen: stages.map(() => items), isFilled: false };
  };
  return [pipelineOf(LONG * stages.length), pipelineOf(1), ...sizes.map(frozenOf)];
}

/** @param run  whose first modes are those of `profileModes` for the same sizes
 *  @param skip  rounds that do not count: every launch opens its graphs anew
 *  @returns several costs per round, each from other passes of the long pipeline of that round */
export function costsOfRounds(setup: MiniSetup, sizes: readonly number[], run: MiniRun, skip: number): MiniCosts[] {
  const { stages, numMicroBatches } = setup;
  const rounds = roundsOf(setup, sizes, run).slice(skip);
  const sharing =
    stages.length === 1 ? 1 : Math.max(1, median(rounds.map((round) => round.togetherMs / round.aloneMs)));
  const numDraws = Math.max(1, Math.floor((LONG * stages.length) / numMicroBatches));
  /** Of things that happen once or a few times a round: another one per draw. */
  const pick = <T>(list: readonly T[], draw: number): T => list[draw % list.length]!;
  return rounds.flatMap((round, index) =>
    Array.from({ length: numDraws }, (_, draw): MiniCosts => ({
      ...pick(rounds, index + draw).cuts,
      exchangeMs: pick(round.exchanges, draw),
      endMs: pick(round.ends, draw),
      beginMs: round.beginMs,
      sharing,
      passMs: (kind, stage, nth) => pick(round.passes[kind][stage]!, draw * numMicroBatches + nth),
      itemMs: (stage, item) => round.items.get(itemKey(stage, item))!,
    })),
  );
}

/** What a plan is made of: medians over rounds. */
export function tablesOf(setup: MiniSetup, sizes: readonly number[], costs: readonly MiniCosts[]) {
  const over = (pick: (each: MiniCosts) => number): number => median(costs.map(pick));
  const stageMs = (kind: 'F' | 'B'): number[] =>
    setup.stages.map((_, stage) => over(({ passMs }) => passMs(kind, stage, 0)));
  const frozen = (Object.keys(MINI_FROZEN) as FrozenName[]).map((component): FrozenComponent => ({
    id: component,
    preds: [],
    layers: MINI_FROZEN[component].map((_, layer): LayerProfile => {
      const sizeMs = (count: number): number => {
        const item = { component, layer, start: 0, count };
        return setup.stages.reduce((sum, __, stage) => sum + over(({ itemMs }) => itemMs(stage, item)), 0);
      };
      return {
        name: `${component}.${layer}`,
        kind: 'frozen',
        forward: { sizes, timesMs: sizes.map((count) => sizeMs(count) / setup.stages.length) },
        paramBytes: 0,
        gradBytes: 0,
        activationBytesPerSample: 0,
        outputBytesPerSample: 0,
      };
    }),
  }));
  const cuts = setup.stages.slice(1).map((_, cut) => cut);
  return {
    profile: { forwardMs: stageMs('F'), backwardMs: stageMs('B'), frozen },
    cutMs: {
      forward: cuts.map((cut) => over(({ cutForwardMs }) => cutForwardMs[cut]!)),
      backward: cuts.map((cut) => over(({ cutBackwardMs }) => cutBackwardMs[cut]!)),
    },
  };
}

interface RoundTimes {
  /** By kind and stage, in the order in which they ran. */
  readonly passes: Readonly<Record<'F' | 'B', readonly (readonly number[])[]>>;
  readonly items: ReadonlyMap<string, number>;
  /** One pass of each kind and stage, in the long pipeline and alone. */
  readonly togetherMs: number;
  readonly aloneMs: number;
  readonly cuts: Pick<MiniCosts, 'cutForwardMs' | 'cutBackwardMs'>;
  readonly exchanges: readonly (readonly number[])[];
  readonly ends: readonly (readonly number[])[];
  readonly beginMs: readonly number[];
}

function itemKey(stage: number, { component, layer, count }: FrozenItem): string {
  return `${stage}: ${component}.${layer} × ${count}`;
}

function roundsOf(
  { stages, numMicroBatches }: MiniSetup,
  sizes: readonly number[],
  { spans, iterations }: MiniRun,
): RoundTimes[] {
  const numStages = stages.length;
  const cuts = stages.slice(1).map((_, cut) => cut);
  return iterations[LONG_MODE]!.map((long, round): RoundTimes => {
    const single = within(spans, iterations[SINGLE_MODE]![round]!);
    const longSpans = within(spans, long);
    const timesOf = (from: readonly RankSpan[], kind: string): number[][] =>
      stages.map((_, stage) => from.filter(({ name }) => name.startsWith(`${kind}${stage}.`)).map(lengthMs));
    const passes = { F: timesOf(longSpans, 'F'), B: timesOf(longSpans, 'B') };
    const medians = (times: readonly (readonly number[])[]): number =>
      times.reduce((sum, each) => sum + median([...each]), 0);
    const items = new Map<string, number>();
    const profiled = sizes.map((_, index) => within(spans, iterations[NUM_PIPELINES + index]![round]!));
    for (const span of profiled.flat())
      if (span.category?.startsWith('frozen'))
        items.set(`${Number(span.lane.slice('stage '.length))}: ${span.name}`, lengthMs(span));
    const restOf = (from: readonly RankSpan[], name: string): RankSpan[] =>
      stages.map((_, stage) => from.find((span) => span.name === name && span.lane === `rest ${stage}`)!);
    const meetings = (name: string): number[][] =>
      [single, ...profiled].map((own) => {
        const workers = restOf(own, name);
        const arrivalMs = Math.max(...workers.map(({ startMs }) => startMs));
        return workers.map(({ endMs }) => endMs - arrivalMs);
      });
    return {
      passes,
      items,
      togetherMs: medians(passes.F) + medians(passes.B),
      aloneMs: medians(timesOf(single, 'F')) + medians(timesOf(single, 'B')),
      cuts: {
        cutForwardMs: cuts.map((cut) => delayMs(single, `F${cut}.0`, `F${cut + 1}.0`)),
        cutBackwardMs: cuts.map((cut) => delayMs(single, `B${cut + 1}.0`, `B${cut}.0`)),
      },
      exchanges: meetings('exchange'),
      ends: meetings('end'),
      beginMs: restOf(longSpans, 'begin').map((span) => lengthMs(span) * (numMicroBatches / (LONG * numStages))),
    };
  });
}

function within(spans: readonly RankSpan[], { startMs, endMs }: MiniIteration): RankSpan[] {
  return spans.filter((span) => span.startMs >= startMs && span.endMs <= endMs);
}

function lengthMs({ startMs, endMs }: RankSpan): number {
  return endMs - startMs;
}

/** From the end of one pass to the start of the other. */
function delayMs(spans: readonly RankSpan[], from: string, to: string): number {
  const end = spans.find(({ name }) => name === from)!.endMs;
  return Math.max(0, spans.find(({ name }) => name === to)!.startMs - end);
}
