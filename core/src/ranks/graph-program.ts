/** The rank program of runGraphOnRanks. */
import type { Graph } from '../graph/index.ts';
import type { Feeds, StateValues } from '../runtime/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { openRankSession, type RankSessionOptions } from './rank-session.ts';
import type { RankContext } from './types.ts';

export interface GraphProgramParams {
  readonly graph: Graph;
  readonly options: RankSessionOptions;
  readonly feeds: readonly Feeds[];
  readonly fetches: readonly string[] | undefined;
}

export interface GraphProgramResult {
  readonly outputs: Readonly<Record<string, Tensor>>[];
  readonly states: StateValues;
}

export async function run(context: RankContext, params: GraphProgramParams): Promise<GraphProgramResult> {
  const { graph, options, feeds, fetches } = params;
  await using session = await openRankSession(context, graph, options);
  const outputs: Readonly<Record<string, Tensor>>[] = [];
  for (const feed of feeds) outputs.push(await session.run(feed, fetches));
  return { outputs, states: session.states() };
}
