/** The `cpu` backend: onnxruntime-node's CPU provider in this process.
 *  The engine computes on the calling thread and its pool, so the event loop stands still while a run lasts. */
import type * as Ort from 'onnxruntime-common';
import { availableParallelism } from 'node:os';
import type { Graph } from '../../graph/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { assertNoCollectives, resolveStates } from '../checks.ts';
import {
  createEngineArray,
  engineDataFromTensor,
  engineView,
  ortTensor,
  tensorFromEngineData,
} from '../engine/carry.ts';
import type { EngineData } from '../engine/carry.ts';
import { engineBytes } from '../engine/engine-bytes.ts';
import { engineRefused } from '../engine/engine-failures.ts';
import { lowerToEngine } from '../engine/engine-graph.ts';
import type { EngineSlot } from '../engine/engine-graph.ts';
import { createEngineSession } from '../engine/engine-session.ts';
import { endProfiling, loadNodeRuntime } from '../engine/node-runtime.ts';
import { createProfileFolder } from '../engine/profile-folder.ts';
import type { Backend, Feeds, Session, SessionOptions, StateValues } from '../types.ts';
import { openThroughCache } from './compiled-cache.ts';
import { findInPlaceStates } from './in-place.ts';
import { canRunSilently, runSilently } from './silent-run.ts';
import { createStateBuffers } from './state-buffers.ts';

export const cpuBackend: Backend = {
  name: 'cpu',
  unavailableReason: () =>
    loadNodeRuntime().then(
      () => undefined,
      (error: Error) => error.message,
    ),
  createSession,
};

async function createSession(graph: Graph, values: StateValues, options: SessionOptions = {}): Promise<Session> {
  assertNoCollectives(graph);
  const initial = resolveStates(graph, values);
  const ort = await loadNodeRuntime();
  const isSilent = await canRunSilently(ort);
  const engine = lowerToEngine(graph);
  const profile = options.isProfiled === true ? createProfileFolder() : undefined;
  const open = async (): Promise<Ort.InferenceSession> => {
    const model = engineBytes(engine.graph, { doneSignal: isSilent });
    const engineOptions = sessionOptions(options, { profilePrefix: profile?.prefix, numNodes: graph.nodes.length });
    try {
      return options.cacheFolder === undefined
        ? await ort.InferenceSession.create(model, engineOptions)
        : await openThroughCache(ort, model, engineOptions, options.cacheFolder);
    } catch (cause) {
      throw engineRefused('cpu', graph, cause);
    }
  };
  let session: Ort.InferenceSession | undefined = await open();
  const states = createStateBuffers(ort, engine.states, {
    inPlace: isSilent ? findInPlaceStates(engine.graph, engine.states) : new Set(),
    initial,
    adoptInitial: options.adoptStates === true,
    preallocates: isSilent,
  });

  async function runInto(ready: Ort.InferenceSession, fed: Record<string, Ort.Tensor>, slots: readonly EngineSlot[]) {
    const fetches: Record<string, Ort.Tensor> = { ...states.fetches };
    const arrays = slots.map((slot) => createEngineArray(slot));
    slots.forEach((slot, i) => {
      fetches[slot.engineName] = ortTensor(ort, slot, engineView(slot.engineDtype, arrays[i]));
    });
    await runSilently(ready, fed, fetches);
    states.swap();
    return Object.fromEntries(slots.map((slot, i) => [slot.name, tensorFromEngineData(slot, arrays[i])]));
  }

  async function runCopying(
    ready: Ort.InferenceSession,
    fed: Record<string, Ort.Tensor>,
    slots: readonly EngineSlot[],
  ) {
    const nextNames = engine.states.flatMap((state) => state.nextEngineName ?? []);
    const found = await ready.run(fed, [...slots.map((slot) => slot.engineName), ...nextNames]);
    states.adopt(found as Record<string, Ort.Tensor>);
    return Object.fromEntries(
      slots.map((slot) => [slot.name, tensorFromEngineData(slot, found[slot.engineName].data as EngineData)]),
    );
  }

  return createEngineSession('cpu', graph, {
    async run(feeds: Feeds, wanted): Promise<Record<string, Tensor>> {
      session ??= await open();
      const fed: Record<string, Ort.Tensor> = { ...states.feeds };
      for (const slot of engine.inputs) {
        fed[slot.engineName] = ortTensor(ort, slot, engineDataFromTensor(slot, feeds[slot.name]));
      }
      const slots = engine.outputs.filter((slot) => wanted.has(slot.name));
      return isSilent ? runInto(session, fed, slots) : runCopying(session, fed, slots);
    },
    readState: async (name) => states.read(name),
    writeState: async (name, value) => states.write(name, value),
    profile() {
      if (profile === undefined || session === undefined) return [];
      endProfiling(session);
      session = undefined; // tracing cannot be resumed: the next run opens the engine anew
      return profile.takeTimings();
    },
    placements: () => new Map(graph.nodes.map((node) => [node.name, 'cpu'])),
    async close() {
      await session?.release();
      profile?.remove();
    },
  });
}

/** Above so many nodes the engine's extended optimisations take longer than they are likely to save. */
const MANY_NODES = 10_000;

function sessionOptions(
  options: SessionOptions,
  { profilePrefix, numNodes }: { profilePrefix: string | undefined; numNodes: number },
): Ort.InferenceSession.SessionOptions {
  const { numThreads = availableParallelism(), memoryArena = true } = options;
  return {
    executionProviders: ['cpu'],
    intraOpNumThreads: numThreads,
    graphOptimizationLevel: numNodes > MANY_NODES ? 'basic' : 'all',
    enableCpuMemArena: memoryArena,
    enableMemPattern: memoryArena,
    logSeverityLevel: 3,
    ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
  };
}
