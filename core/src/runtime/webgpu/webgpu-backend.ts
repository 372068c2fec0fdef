/** The `webgpu` backend: kernels of our own where they cover the graph (fused/), else onnxruntime-node's WebGPU provider;
 *  both through Dawn over Vulkan, Metal or Direct3D. States stay in GPU buffers between runs; only feeds go up and fetched outputs come down. */
import type * as Ort from 'onnxruntime-common';
import type { Graph } from '../../graph/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { assertNoCollectives, resolveStates } from '../checks.ts';
import { engineDataFromTensor, ortTensor, tensorFromEngineData } from '../engine/carry.ts';
import type { EngineData } from '../engine/carry.ts';
import { engineBytes } from '../engine/engine-bytes.ts';
import { engineRefused } from '../engine/engine-failures.ts';
import { lowerToEngine } from '../engine/engine-graph.ts';
import type { EngineSlot } from '../engine/engine-graph.ts';
import { createEngineSession } from '../engine/engine-session.ts';
import { endProfiling, loadNodeRuntime } from '../engine/node-runtime.ts';
import { createProfileFolder } from '../engine/profile-folder.ts';
import { runError } from '../run-errors.ts';
import type { Backend, Session, SessionOptions, StateValues } from '../types.ts';
import { createGpuTransfer } from './gpu-transfer.ts';
import { lowerForGpu } from './gpu-lowering.ts';
import { askPlacements } from './placements.ts';

/** Outputs up to this size come down with the run; larger ones only if fetched. */
const DIRECT_OUTPUT_BYTES = 1 << 16;
const FALLBACK_REFUSED = 'fallback to CPU EP has been explicitly disabled';
const MAX_NAMED_NODES = 12;

/** Freed buffers are kept by exact size: every step asks for the same sizes again, and creating a large buffer costs more
 *  than the kernel that fills it. Shaders are the engine's own, so that Dawn need not check them at every dispatch. */
const PROVIDER = { name: 'webgpu', storageBufferCacheMode: 'simple', validationMode: 'disabled' } as const;

let probed: Promise<string | undefined> | undefined;

export const webgpuBackend: Backend = {
  name: 'webgpu',
  unavailableReason: () => (probed ??= probe()),
  fuses: async (graph, options) => (await import('../fused/fused-session.ts')).coversGraph(graph, options),
  createSession,
};

/** Opens a device of ours, or the engine's by moving one number there and back. */
async function probe(): Promise<string | undefined> {
  const gpu = await (await import('../fused/gpu-device.ts')).openGpu();
  if (gpu !== undefined && !gpu.isSoftware) return undefined;
  try {
    const ort = await loadNodeRuntime();
    const transfer = createGpuTransfer(ort);
    const moved = await transfer.upload(new ort.Tensor('float32', Float32Array.of(1), [1]));
    moved.dispose();
    await transfer.close();
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const reason = /Failed to get a WebGPU adapter|Vulkan|requestAdapter/i.test(text)
      ? 'no GPU adapter was found'
      : text;
    return `${reason}; install a GPU driver with Vulkan, or a software one (set VK_ICD_FILENAMES), or use the backend "cpu"`;
  }
}

async function createSession(graph: Graph, values: StateValues, options: SessionOptions = {}): Promise<Session> {
  assertNoCollectives(graph);
  const initial = resolveStates(graph, values);
  if (options.fusesKernels !== false) {
    const { createFusedSession } = await import('../fused/fused-session.ts');
    const fused = await createFusedSession(graph, values, options);
    if (fused !== undefined) return fused;
  }
  const ort = await loadNodeRuntime();
  const engine = lowerToEngine(lowerForGpu(graph, { isDeterministic: options.isDeterministic ?? true }), graph);
  const model = engineBytes(engine.graph, { doneSignal: false });
  const profile = options.isProfiled === true ? createProfileFolder() : undefined;
  const allowsFallback = options.allowCpuFallback === true;
  const changing = engine.states.filter((slot) => slot.nextEngineName !== undefined);
  const isDirect = (slot: EngineSlot): boolean => bytesOf(slot) <= DIRECT_OUTPUT_BYTES;
  const locations: Record<string, 'cpu' | 'gpu-buffer'> = {};
  for (const slot of engine.outputs) locations[slot.engineName] = isDirect(slot) ? 'cpu' : 'gpu-buffer';
  for (const slot of changing) locations[slot.nextEngineName!] = 'gpu-buffer';
  const open = (): Promise<Ort.InferenceSession> =>
    ort.InferenceSession.create(model, {
      executionProviders: [PROVIDER],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      preferredOutputLocation: locations,
      ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile.prefix }),
      extra: { session: { disable_cpu_ep_fallback: allowsFallback ? '0' : '1' } },
    }).catch(async (cause: unknown) => {
      if (cause instanceof Error && cause.message.includes(FALLBACK_REFUSED))
        throw await fallbackError(model, graph, cause);
      throw engineRefused('webgpu', graph, cause);
    });
  let session: Ort.InferenceSession | undefined = await open();
  const placed = allowsFallback ? await askPlacements(model) : { all: 'webgpu' };
  const transfer = createGpuTransfer(ort);
  const present = new Map<string, Ort.Tensor>();
  const slotOf = new Map(engine.states.map((slot) => [slot.name, slot]));
  const place = async (name: string, value: Tensor): Promise<void> => {
    const slot = slotOf.get(name)!;
    const moved = await transfer.upload(ortTensor(ort, slot, engineDataFromTensor(slot, value)));
    present.get(name)?.dispose();
    present.set(name, moved);
  };
  for (const slot of engine.states) await place(slot.name, initial.get(slot.name)!());
  const bring = async (slot: EngineSlot, tensor: Ort.Tensor): Promise<Tensor> => {
    const here = tensor.location === 'cpu' ? tensor : await transfer.download(tensor);
    return tensorFromEngineData(slot, here.data as EngineData);
  };

  return createEngineSession('webgpu', graph, {
    async run(feeds, wanted) {
      session ??= await open();
      const fed: Record<string, Ort.Tensor> = {};
      for (const slot of engine.inputs) {
        fed[slot.engineName] = ortTensor(ort, slot, engineDataFromTensor(slot, feeds[slot.name]));
      }
      for (const slot of engine.states) fed[slot.engineName] = present.get(slot.name)!;
      // All outputs every time: the binding mixes up locations when some are left out.
      const found = (await session.run(fed)) as Record<string, Ort.Tensor>;
      for (const slot of changing) {
        present.get(slot.name)!.dispose();
        present.set(slot.name, found[slot.nextEngineName!]);
      }
      const results: Record<string, Tensor> = {};
      for (const slot of engine.outputs) {
        const tensor = found[slot.engineName];
        if (wanted.has(slot.name)) results[slot.name] = await bring(slot, tensor);
        if (tensor.location !== 'cpu') tensor.dispose();
      }
      return results;
    },
    readState: (name) => bring(slotOf.get(name)!, present.get(name)!),
    writeState: place,
    profile() {
      if (profile === undefined || session === undefined) return [];
      endProfiling(session);
      session = undefined; // tracing cannot be resumed: the next run opens the engine anew
      return profile.takeTimings();
    },
    placements: () =>
      'all' in placed
        ? new Map(graph.nodes.map((node) => [node.name, placed.all]))
        : new Map(placed.map((placement) => [placement.node, placement.provider])),
    async close() {
      for (const tensor of present.values()) tensor.dispose();
      await transfer.close();
      await session?.release();
      profile?.remove();
    },
  });
}

async function fallbackError(model: Uint8Array, graph: Graph, cause: Error) {
  const placed = await askPlacements(model);
  const onCpu =
    'all' in placed
      ? graph.nodes.map(({ op, name }) => ({ op, node: name }))
      : placed.filter((placement) => placement.provider === 'cpu');
  const named = onCpu.slice(0, MAX_NAMED_NODES).map(({ op, node }) => `${op} "${node}"`);
  const more = onCpu.length > MAX_NAMED_NODES ? ` and ${onCpu.length - MAX_NAMED_NODES} more` : '';
  return runError('TF-RUN-005', {
    subject: 'createSession',
    expected: 'every op to run on the GPU',
    actual: `CPU for ${named.join(', ') || 'ops that the engine does not name'}${more}`,
    hints: ['Pass allowCpuFallback to accept the copies, or replace these ops.'],
    cause,
  });
}

function bytesOf(slot: EngineSlot): number {
  return slot.shape.reduce((product, size) => product * size, 4);
}
