/** What the mini model costs on these workers. Stages share caches and memory, so each is timed twice: while the others
 *  compute (a pipeline so long that all of them do, nearly always) and while they wait (one micro-batch alone). Frozen layers
 *  are timed on all workers at once. Nothing here is taken from the runs that a prediction is compared with. */
import type { RankPool, RankSpan } from '@tenfold/core/ranks';
import type { FrozenComponent, LayerProfile } from '../types.ts';
import { MINI_FROZEN, type FrozenName } from './mini-model.ts';
import type { FrozenItem } from './rank-program.ts';
import { median, medianMs, MINI_CHUNKS, pipelineWords, runMini, type MiniProfile, type MiniSetup } from './run-mini.ts';

export interface MiniCosts extends MiniProfile {
  /** Times while other workers compute over times while they wait, ≥ 1. */
  readonly sharing: number;
  /** From the end of a pass to the start of the one that waits for it on a neighbouring worker. */
  readonly cutForwardMs: readonly number[];
  readonly cutBackwardMs: readonly number[];
  /** Of an iteration: inputs made before the first pass, frozen outputs exchanged, the barrier at its end. */
  readonly beginMs: number;
  readonly exchangeMs: number;
  readonly endMs: number;
}

/** Micro-batches per stage of the long pipeline. */
const LONG = 5;

/** @param numIterations  that are timed, of every run */
export async function profileMini(pool: RankPool, setup: MiniSetup, numIterations: number): Promise<MiniCosts> {
  const numStages = setup.stages.length;
  const microBatch = setup.batch / setup.numMicroBatches;
  const pipelineOf = async (numMicroBatches: number): Promise<readonly RankSpan[]> => {
    const own = { ...setup, batch: numMicroBatches * microBatch, numMicroBatches };
    return await warmSpans(pool, own, pipelineWords(own), [], numIterations);
  };
  const long = await pipelineOf(LONG * numStages);
  const single = await pipelineOf(1);
  const stageMs = (spans: readonly RankSpan[], kind: string): number[] =>
    setup.stages.map((_, stage) => meanMs(spans, ({ name }) => name.startsWith(`${kind}${stage}.`)));
  const forwardMs = stageMs(long, 'F');
  const backwardMs = stageMs(long, 'B');
  const sum = (times: readonly number[]): number => times.reduce((total, ms) => total + ms, 0);
  const aloneMs = sum(stageMs(single, 'F')) + sum(stageMs(single, 'B'));
  const cuts = setup.stages.slice(1).map((_, cut) => cut);
  const { frozen, spans } = await profileFrozen(pool, setup, numIterations);
  return {
    forwardMs,
    backwardMs,
    frozen,
    sharing: numStages === 1 ? 1 : Math.max(1, (sum(forwardMs) + sum(backwardMs)) / aloneMs),
    cutForwardMs: cuts.map((cut) => delayMs(single, `F${cut}.0`, `F${cut + 1}.0`)),
    cutBackwardMs: cuts.map((cut) => delayMs(single, `B${cut + 1}.0`, `B${cut}.0`)),
    beginMs: beginMs(long) * (setup.numMicroBatches / (LONG * numStages)),
    exchangeMs: shortestMs(spans, 'exchange', numStages),
    endMs: shortestMs(spans, 'end', numStages),
  };
}

async function profileFrozen(
  pool: RankPool,
  setup: MiniSetup,
  numIterations: number,
): Promise<{ readonly frozen: FrozenComponent[]; readonly spans: readonly RankSpan[] }> {
  const { batch, stages } = setup;
  const share = Math.ceil(batch / stages.length);
  const sizes = [...new Set([...MINI_CHUNKS, share, batch])].filter((size) => size <= batch).sort((a, b) => a - b);
  const bySize = new Map<number, readonly RankSpan[]>();
  for (const size of sizes) {
    const items = (Object.keys(MINI_FROZEN) as FrozenName[]).flatMap((component) =>
      MINI_FROZEN[component].map((_, layer): FrozenItem => ({ component, layer, start: 0, count: size })),
    );
    const idle = stages.map(() => []);
    bySize.set(size, await warmSpans(pool, setup, idle, items, numIterations));
  }
  const frozen = (Object.keys(MINI_FROZEN) as FrozenName[]).map((component): FrozenComponent => ({
    id: component,
    preds: [],
    layers: MINI_FROZEN[component].map((_, layer): LayerProfile => ({
      name: `${component}.${layer}`,
      kind: 'frozen',
      forward: {
        sizes,
        timesMs: sizes.map((size) =>
          meanMs(bySize.get(size)!, ({ name }) => name === `${component}.${layer} × ${size}`),
        ),
      },
      paramBytes: 0,
      gradBytes: 0,
      activationBytesPerSample: 0,
      outputBytesPerSample: 0,
    })),
  }));
  return { frozen, spans: [...bySize.values()].flat() };
}

/** Of the first stage, for all micro-batches of the run. */
function beginMs(spans: readonly RankSpan[]): number {
  return medianMs(spans, ({ name, lane }) => name === 'begin' && lane === 'rest 0');
}

/** Spans of all iterations but the first, which is slower: every run opens its graphs anew. */
async function warmSpans(
  pool: RankPool,
  setup: MiniSetup,
  instructions: readonly (readonly string[])[],
  items: readonly FrozenItem[],
  numIterations: number,
): Promise<readonly RankSpan[]> {
  const { spans, results } = await runMini(pool, setup, {
    instructions,
    frozen: setup.stages.map(() => items),
    isFilled: false,
    numIterations: numIterations + 1,
  });
  const startMs = Math.min(...results.map(({ iterations }) => iterations[1]![0]));
  return spans.filter((span) => span.startMs >= startMs);
}

/** An iteration is a sum of many of these times: their mean counts, medians of skewed times fall short of it. */
function meanMs(spans: readonly RankSpan[], isWanted: (span: RankSpan) => boolean): number {
  const wanted = spans.filter(isWanted);
  return wanted.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) / wanted.length;
}

/** Mean over iterations from the end of one pass to the start of the other. */
function delayMs(spans: readonly RankSpan[], from: string, to: string): number {
  const ends = spans.filter(({ name }) => name === from).map(({ endMs }) => endMs);
  const starts = spans.filter(({ name }) => name === to).map(({ startMs }) => startMs);
  return ends.reduce((sum, end, index) => sum + Math.max(0, starts[index]! - end), 0) / ends.length;
}

/** Of the workers that meet somewhere the last one waits for nobody: the shortest of their times is the meeting itself. */
function shortestMs(spans: readonly RankSpan[], name: string, numStages: number): number {
  const byStage = Array.from({ length: numStages }, (_, stage) =>
    spans.filter((span) => span.name === name && span.lane === `rest ${stage}`),
  );
  return median(
    byStage[0]!.map((_, index) => Math.min(...byStage.map((each) => each[index]!.endMs - each[index]!.startMs))),
  );
}
