/** Sessions of kernels of our own on WebGPU: the whole step is one command buffer, states never leave the device. */
import type { Graph, GraphNode } from '../../graph/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { resolveStates } from '../checks.ts';
import { engineRefused } from '../engine/engine-failures.ts';
import { createEngineSession } from '../engine/engine-session.ts';
import type { OpTiming, Session, SessionOptions, StateValues } from '../types.ts';
import { openGpu } from './gpu-device.ts';
import { createGpuMemory, tensorFromDevice } from './gpu-memory.ts';
import { bytesOf, planKernels } from './kernel-plan.ts';
import type { KernelPlan, PlanOptions } from './kernel-plan.ts';
import { createKernelClock } from './kernel-clock.ts';
import { NoKernel } from './prims.ts';

/** @returns undefined where a kernel, a feature or Dawn itself is missing, and on software devices unless asked for */
export async function createFusedSession(
  graph: Graph,
  given: StateValues,
  options: SessionOptions = {},
): Promise<Session | undefined> {
  const gpu = await openGpu();
  if (gpu === undefined || (gpu.isSoftware && options.fusesKernels !== true)) return undefined;
  const plan = planOrNothing(graph, gpu);
  if (plan === undefined) return undefined;
  if (!canStore(plan, gpu)) return undefined;
  const { device } = gpu;
  if (plan.kernels.some(({ bindings }) => bindings.length > gpu.maxBuffers)) return undefined;
  const initial = resolveStates(graph, given);
  device.pushErrorScope('out-of-memory');
  const memory = createGpuMemory(device, graph, plan);
  const shortage = await device.popErrorScope();
  if (shortage !== null) {
    memory.destroy();
    throw engineRefused('webgpu', graph, new Error(shortage.message));
  }
  const pipelines = await Promise.all(plan.kernels.map((kernel) => gpu.pipelineOf(kernel))).catch((cause: unknown) => {
    memory.destroy();
    throw engineRefused('webgpu', graph, cause);
  });
  const { values } = plan;
  for (const [id, tensor] of graph.initializers) {
    if (isBound(plan, id)) memory.write(memory.bufferOf(id, 0), values[id], tensor);
  }
  let parity: 0 | 1 = 0;
  for (const { name, value } of graph.states) {
    // Fresh buffers hold zeros already.
    if (given[name] !== undefined) memory.write(memory.bufferOf(value, 0), values[value], initial.get(name)!());
  }
  const groups = ([0, 1] as const).map((side) =>
    plan.kernels.map(({ bindings }, i) =>
      device.createBindGroup({
        layout: pipelines[i].getBindGroupLayout(0),
        entries: bindings.map(({ root }, binding) => ({ binding, resource: { buffer: memory.bufferOf(root, side) } })),
      }),
    ),
  );
  const clock = options.isProfiled === true && gpu.hasTimestamps ? createKernelClock(device, plan.kernels) : undefined;
  const stateOf = new Map(graph.states.map((state) => [state.name, state.value]));

  /** Bytes of buffers, read in one go behind all that was submitted. */
  async function read(
    encoder: GPUCommandEncoder,
    wanted: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[],
  ): Promise<ArrayBuffer[]> {
    const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
    const staging =
      total === 0
        ? undefined
        : device.createBuffer({ size: total, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    let offset = 0;
    const starts = wanted.map(({ buffer, bytes }) => {
      encoder.copyBufferToBuffer(buffer, 0, staging!, offset, bytes);
      offset += bytes;
      return offset - bytes;
    });
    device.queue.submit([encoder.finish()]);
    if (staging === undefined) return [];
    await staging.mapAsync(GPUMapMode.READ);
    const whole = staging.getMappedRange().slice(0);
    staging.unmap();
    staging.destroy();
    return wanted.map(({ bytes }, i) => whole.slice(starts[i], starts[i] + bytes));
  }

  return createEngineSession('webgpu', graph, {
    async run(feeds, wanted): Promise<Record<string, Tensor>> {
      for (const id of graph.inputs) {
        const feed = feeds[graph.values[id].name];
        if (isBound(plan, id) || plan.rootOf.has(id)) memory.write(memory.bufferOf(id, parity), values[id], feed);
      }
      const encoder = device.createCommandEncoder();
      if (clock === undefined) {
        const pass = encoder.beginComputePass();
        plan.kernels.forEach(({ workgroups }, i) => {
          pass.setPipeline(pipelines[i]);
          pass.setBindGroup(0, groups[parity][i]);
          pass.dispatchWorkgroups(...workgroups);
        });
        pass.end();
      } else clock.record(encoder, { pipelines, groups: groups[parity] });
      memory.copyStates(encoder, parity);
      const outputs = graph.outputs.filter((id) => wanted.has(graph.values[id].name));
      const bytes = await read(
        encoder,
        outputs.map((id) => {
          const root = plan.rootOf.get(id)!;
          return { buffer: memory.bufferOf(root, parity), bytes: bytesOf(values[root]) };
        }),
      );
      await clock?.collect();
      parity = parity === 0 ? 1 : 0;
      return Object.fromEntries(
        outputs.map((id, i) => [graph.values[id].name, tensorFromDevice(values[id], graph.values[id], bytes[i])]),
      );
    },
    async readState(name) {
      const id = stateOf.get(name)!;
      const buffer = memory.bufferOf(id, parity);
      const [bytes] = await read(device.createCommandEncoder(), [{ buffer, bytes: bytesOf(values[id]) }]);
      return tensorFromDevice(values[id], graph.values[id], bytes);
    },
    async writeState(name, value) {
      const id = stateOf.get(name)!;
      memory.write(memory.bufferOf(id, parity), values[id], value);
    },
    profile: (): readonly OpTiming[] => clock?.timings() ?? [],
    placements: () => new Map(graph.nodes.map((node: GraphNode) => [node.name, 'webgpu'])),
    async close() {
      await device.queue.onSubmittedWorkDone();
      clock?.destroy();
      memory.destroy();
    },
  });
}

/** Would createFusedSession run the graph? */
export async function coversGraph(graph: Graph, options: SessionOptions = {}): Promise<boolean> {
  const gpu = await openGpu();
  if (gpu === undefined || options.fusesKernels === false || (gpu.isSoftware && options.fusesKernels !== true))
    return false;
  const plan = planOrNothing(graph, gpu);
  return plan !== undefined && canStore(plan, gpu);
}

function canStore(plan: KernelPlan, gpu: { readonly hasHalf: boolean }): boolean {
  return gpu.hasHalf || plan.values.every(({ kind }) => kind !== 'f16');
}

function planOrNothing(graph: Graph, options: PlanOptions): KernelPlan | undefined {
  try {
    return planKernels(graph, options);
  } catch (error) {
    if (error instanceof NoKernel) return undefined;
    throw error;
  }
}

const boundRoots = new WeakMap<KernelPlan, ReadonlySet<number>>();

function isBound(plan: KernelPlan, root: number): boolean {
  let roots = boundRoots.get(plan);
  if (roots === undefined) {
    roots = new Set([
      ...plan.kernels.flatMap(({ bindings }) => bindings.map((binding) => binding.root)),
      ...plan.rootOf.values(),
    ]);
    boundRoots.set(plan, roots);
  }
  return roots.has(root);
}
