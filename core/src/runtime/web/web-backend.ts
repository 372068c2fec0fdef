/** The `web` backend: onnxruntime-web's WebAssembly provider, in browsers and in Node.
 *  States live in JavaScript arrays; each run copies them into and out of the WebAssembly heap. */
import type * as Ort from 'onnxruntime-common';
import type { Graph } from '../../graph/index.ts';
import { castTensor } from '../../tensor/index.ts';
import { assertNoCollectives, resolveStates } from '../checks.ts';
import { engineDataFromTensor, engineView, ortTensor, tensorFromEngineData } from '../engine/carry.ts';
import type { EngineData } from '../engine/carry.ts';
import { engineBytes } from '../engine/engine-bytes.ts';
import { engineRefused } from '../engine/engine-failures.ts';
import { lowerToEngine } from '../engine/engine-graph.ts';
import { createEngineSession } from '../engine/engine-session.ts';
import type { OrtApi } from '../engine/node-runtime.ts';
import { runError } from '../run-errors.ts';
import type { Backend, Session, SessionOptions, StateValues } from '../types.ts';

interface WebApi extends OrtApi {
  readonly env: OrtApi['env'];
}

let loaded: Promise<WebApi> | undefined;

async function loadWebRuntime(): Promise<WebApi> {
  loaded ??= import('onnxruntime-web').then((module) => module as unknown as WebApi);
  try {
    return await loaded;
  } catch (cause) {
    loaded = undefined;
    throw runError('TF-RUN-001', {
      subject: 'openBackend',
      expected: 'the package onnxruntime-web to load here',
      actual: cause instanceof Error ? cause.message.split('\n')[0] : String(cause),
      hints: ['Run npm install.'],
      cause,
    });
  }
}

export const webBackend: Backend = {
  name: 'web',
  unavailableReason: () =>
    loadWebRuntime().then(
      () => undefined,
      (error: Error) => error.message,
    ),
  createSession,
};

async function createSession(graph: Graph, values: StateValues, options: SessionOptions = {}): Promise<Session> {
  assertNoCollectives(graph);
  const initial = resolveStates(graph, values);
  const ort = await loadWebRuntime();
  // Read once, when the first session starts WebAssembly.
  if (options.numThreads !== undefined) ort.env.wasm.numThreads = options.numThreads;
  const engine = lowerToEngine(graph);
  const session = await ort.InferenceSession.create(engineBytes(engine.graph, { doneSignal: false }), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  }).catch((cause: unknown) => {
    throw engineRefused('web', graph, cause);
  });
  const present = new Map<string, Ort.Tensor>();
  const slotOf = new Map(engine.states.map((slot) => [slot.name, slot]));
  const place = (name: string, data: EngineData): void => {
    present.set(name, ortTensor(ort, slotOf.get(name)!, data));
  };
  for (const slot of engine.states) {
    const given = initial.get(slot.name)!();
    const carried =
      slot.engineDtype !== slot.dtype || options.adoptStates === true ? given : castTensor(given, given.dtype);
    place(slot.name, engineDataFromTensor(slot, carried));
  }
  return createEngineSession('web', graph, {
    async run(feeds, wanted) {
      const fed: Record<string, Ort.Tensor> = {};
      for (const slot of engine.inputs) {
        fed[slot.engineName] = ortTensor(ort, slot, engineDataFromTensor(slot, feeds[slot.name]));
      }
      for (const slot of engine.states) fed[slot.engineName] = present.get(slot.name)!;
      const outputs = engine.outputs.filter((slot) => wanted.has(slot.name));
      const changing = engine.states.filter((slot) => slot.nextEngineName !== undefined);
      const found = await session.run(fed, [
        ...outputs.map((slot) => slot.engineName),
        ...changing.map((slot) => slot.nextEngineName!),
      ]);
      for (const slot of changing) present.set(slot.name, found[slot.nextEngineName!] as Ort.Tensor);
      return Object.fromEntries(
        outputs.map((slot) => [slot.name, tensorFromEngineData(slot, found[slot.engineName].data as EngineData)]),
      );
    },
    async readState(name) {
      const slot = slotOf.get(name)!;
      return tensorFromEngineData(slot, (present.get(name)!.data as EngineData).slice() as EngineData);
    },
    async writeState(name, value) {
      const slot = slotOf.get(name)!;
      const copy = castTensor(value, value.dtype);
      place(
        name,
        slot.engineDtype === slot.dtype ? engineView(slot.dtype, copy.data) : engineDataFromTensor(slot, copy),
      );
    },
    profile: () => [],
    placements: () => new Map(graph.nodes.map((node) => [node.name, 'wasm'])),
    close: () => session.release(),
  });
}
