/** The part of a session that all engines share: checks, one run at a time, errors in our words, closing. */
import type { Graph } from '../../graph/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { assertFeeds, assertState, resolveFetches, unknownState } from '../checks.ts';
import { createRunQueue } from '../run-queue.ts';
import type { BackendName, Feeds, OpTiming, Session } from '../types.ts';
import { engineFailed } from './engine-failures.ts';

/** What an engine does; arguments are checked, calls do not overlap. */
export interface EngineCore {
  run(feeds: Feeds, wanted: ReadonlySet<string>): Promise<Record<string, Tensor>>;
  readState(name: string): Promise<Tensor>;
  writeState(name: string, value: Tensor): Promise<void>;
  profile(): readonly OpTiming[];
  placements(): ReadonlyMap<string, string>;
  close(): Promise<void>;
}

export function createEngineSession(backend: BackendName, graph: Graph, core: EngineCore): Session {
  const queue = createRunQueue();
  const stateValue = (subject: string, name: string) => {
    const state = graph.states.find((candidate) => candidate.name === name);
    if (state === undefined) throw unknownState(subject, graph, name);
    return graph.values[state.value];
  };
  const dispose = (): Promise<void> => queue.close(() => core.close());
  return {
    backend,
    graph,
    run: (feeds, fetches) =>
      queue.enqueue('run', async () => {
        assertFeeds(graph, feeds);
        const wanted = new Set(resolveFetches(graph, fetches));
        try {
          return await core.run(feeds, wanted);
        } catch (cause) {
          throw engineFailed(backend, graph, cause);
        }
      }),
    readState: (name) =>
      queue.enqueue('readState', async () => {
        stateValue('readState', name);
        return core.readState(name);
      }),
    writeState: (name, value) =>
      queue.enqueue('writeState', async () => {
        assertState('writeState', name, stateValue('writeState', name), value);
        await core.writeState(name, value);
      }),
    profile: () => core.profile(),
    placements: () => core.placements(),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
