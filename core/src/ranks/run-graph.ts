/** Running one graph per rank for some steps: launch, cut, execute, collect. */
import type { Graph } from '../graph/index.ts';
import type { Feeds, StateValues } from '../runtime/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { GraphProgramParams, GraphProgramResult } from './graph-program.ts';
import { openRankPool, type LaunchOptions, type RankPool } from './launch.ts';
import type { RankSessionOptions } from './rank-session.ts';
import { ranksError } from './ranks-errors.ts';
import type { RankSpan } from './types.ts';

export interface RunGraphOptions
  extends
    Pick<LaunchOptions, 'mesh' | 'links' | 'timeoutMs' | 'signal' | 'heapBytes' | 'isTraced'>,
    Omit<RankSessionOptions, 'states' | 'arrange'> {
  /** One graph per rank, or one for all. */
  readonly graphs: Graph | readonly Graph[];
  /** Initial states per rank, or the same for all. */
  readonly states?: StateValues | readonly StateValues[];
  /** `feeds[step][rank]`; one step per entry. */
  readonly feeds: readonly (readonly Feeds[])[];
  /** Outputs to bring back. Default all. */
  readonly fetches?: readonly string[];
  /** Use these workers. Default: fresh ones. */
  readonly pool?: RankPool;
}

export interface RunGraphResult {
  /** `outputs[step][rank]`. */
  readonly outputs: Readonly<Record<string, Tensor>>[][];
  /** After the last step, by rank. */
  readonly states: StateValues[];
  readonly spans: RankSpan[];
  readonly cpuMs: number[];
  readonly elapsedMs: number;
}

/** Each rank runs its graph, cut at collectives, in its own worker and its own engine sessions.
 *  @throws as RankPool.launch; TF-RANKS-001 if there is not one graph, state set or feed per rank */
export async function runGraphOnRanks(options: RunGraphOptions): Promise<RunGraphResult> {
  const { mesh, graphs, states, feeds, fetches, backend, session, groups, algorithm, wire, pool, ...launch } = options;
  const { numRanks } = mesh;
  const isPerRank = (list: unknown): list is readonly unknown[] => Array.isArray(list);
  const lists = [graphs, states, ...feeds].filter((list): list is readonly never[] => isPerRank(list));
  const odd = lists.find((list) => list.length !== numRanks);
  if (odd) {
    throw ranksError('TF-RANKS-001', {
      subject: 'runGraphOnRanks',
      expected: `one graph, one set of states and one set of feeds for each of ${numRanks} ranks`,
      actual: String(odd.length),
    });
  }
  const paramsOf = (rank: number): GraphProgramParams => ({
    graph: isPerRank(graphs) ? (graphs as readonly Graph[])[rank]! : (graphs as Graph),
    options: {
      backend,
      session,
      groups,
      algorithm,
      wire,
      states: isPerRank(states) ? (states as readonly StateValues[])[rank] : (states as StateValues | undefined),
    },
    feeds: feeds.map((step) => step[rank]!),
    fetches,
  });
  const ownPool = pool ?? openRankPool();
  try {
    const { results, ...measured } = await ownPool.launch<GraphProgramResult>({
      mesh,
      module: new URL('./graph-program.ts', import.meta.url),
      paramsOfRank: paramsOf,
      ...launch,
    });
    return {
      outputs: feeds.map((_, step) => results.map(({ outputs }) => outputs[step]!)),
      states: results.map((result) => result.states),
      ...measured,
    };
  } finally {
    if (!pool) await ownPool.close();
  }
}
