/** How long a plan should take on the workers: both lanes of every worker, simulated together with measured times of the
 *  written order. An exchange starts when all workers have issued it and ends for all at once. */
import { createProgramBuilder, simulate } from '@tenfold/core/schedule';
import { dataflowOf, isComm } from '../op-graph.ts';
import type { PlanNote } from '../partition.ts';
import type { OverlapGraph } from '../types.ts';

/** Times of one round of the written order. */
export interface ProfiledRound {
  /** ms of every computation, per rank. */
  readonly computeMs: readonly ReadonlyMap<string, number>[];
  /** Largest number of bytes that one rank exchanges with the others, per exchange. */
  readonly exchangedBytes: ReadonlyMap<string, number>;
}

export interface LinkModel {
  /** Two exchanges in a row: sizes, then rows. */
  readonly fixedMs: number;
  readonly bytesPerSec: number;
  /** Extra time of every part, and of putting parts together. */
  readonly partOverheadMs: number;
}

export interface StepPrediction {
  readonly stepMs: number;
  /** Step less computation, mean over ranks. */
  readonly exposedMs: number;
}

export function predictStep(
  { graph, notes }: { readonly graph: OverlapGraph; readonly notes: ReadonlyMap<string, PlanNote> },
  { computeMs, exchangedBytes }: ProfiledRound,
  { fixedMs, bytesPerSec, partOverheadMs }: LinkModel,
): StepPrediction {
  const builder = createProgramBuilder();
  const ranks = computeMs.map((_, rank) => builder.addResource({ name: 'compute', device: `rank ${rank}` }));
  const link = builder.addResource({ name: 'link', kind: 'communication' });
  const { producers } = dataflowOf(graph);
  const busyMs = new Float64Array(ranks.length);
  const madeBy: number[][] = [];
  graph.ops.forEach((op, index) => {
    const { source, of } = notes.get(op.id) ?? { source: op.id, of: 1 };
    const after = (rank: number): number[] => producers[index]!.map((producer) => madeBy[producer]![rank]!);
    if (isComm(op)) {
      const durationMs = fixedMs + (1000 * (exchangedBytes.get(source) ?? 0)) / of / bytesPerSec;
      const everyRank = [...new Set(ranks.flatMap((_, rank) => after(rank)))];
      const added = builder.addOp({ name: op.id, on: link, durationMs, after: everyRank });
      madeBy.push(ranks.map(() => added));
      return;
    }
    madeBy.push(
      ranks.map((resource, rank) => {
        const wholeMs = computeMs[rank]!.get(source) ?? 0;
        const durationMs = of > 1 || !computeMs[rank]!.has(source) ? wholeMs / of + partOverheadMs : wholeMs;
        busyMs[rank]! += durationMs;
        return builder.addOp({ name: op.id, on: resource, durationMs, after: after(rank) });
      }),
    );
  });
  const stepMs = simulate(builder.build()).makespanMs;
  const meanBusyMs = busyMs.reduce((sum, ms) => sum + ms, 0) / ranks.length;
  return { stepMs, exposedMs: stepMs - meanBusyMs };
}
