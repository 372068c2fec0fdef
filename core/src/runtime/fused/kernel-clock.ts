/** Device time of each kernel, by timestamps around a pass of its own. Slower than a run without: for profiles alone. */
import type { OpTiming } from '../types.ts';
import type { Kernel } from './kernel-text.ts';

const STAMP_BYTES = 8;
const NANOSECONDS_PER_MILLISECOND = 1e6;
/** Queries that one set may hold (WebGPU's limit). */
const MOST_QUERIES = 4096;

export interface KernelClock {
  record(
    encoder: GPUCommandEncoder,
    run: { readonly pipelines: readonly GPUComputePipeline[]; readonly groups: readonly GPUBindGroup[] },
  ): void;
  collect(): Promise<void>;
  /** Since the last call, slowest first. */
  timings(): readonly OpTiming[];
  destroy(): void;
}

export function createKernelClock(device: GPUDevice, kernels: readonly Kernel[]): KernelClock {
  const sets: GPUQuerySet[] = [];
  const perSet = MOST_QUERIES / 2;
  for (let first = 0; first < kernels.length; first += perSet) {
    const count = Math.min(perSet, kernels.length - first) * 2;
    sets.push(device.createQuerySet({ type: 'timestamp', count }));
  }
  const size = kernels.length * 2 * STAMP_BYTES;
  const resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const readable = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const totals = new Float64Array(kernels.length);
  let runs = 0;
  return {
    record(encoder, { pipelines, groups }) {
      kernels.forEach(({ workgroups }, i) => {
        const querySet = sets[Math.floor(i / perSet)];
        const at = (i % perSet) * 2;
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
        });
        pass.setPipeline(pipelines[i]);
        pass.setBindGroup(0, groups[i]);
        pass.dispatchWorkgroups(...workgroups);
        pass.end();
      });
      sets.forEach((set, i) => encoder.resolveQuerySet(set, 0, set.count, resolved, i * MOST_QUERIES * STAMP_BYTES));
      encoder.copyBufferToBuffer(resolved, 0, readable, 0, size);
    },
    async collect() {
      await readable.mapAsync(GPUMapMode.READ);
      const stamps = new BigUint64Array(readable.getMappedRange());
      for (let i = 0; i < kernels.length; i++) totals[i] += Number(stamps[2 * i + 1] - stamps[2 * i]);
      readable.unmap();
      runs++;
    },
    timings() {
      const found = kernels.map(({ op, node }, i) => ({
        op,
        node,
        totalMs: totals[i] / NANOSECONDS_PER_MILLISECOND,
        count: runs,
        provider: 'webgpu',
      }));
      totals.fill(0);
      runs = 0;
      return found.filter(({ count }) => count > 0).toSorted((a, b) => b.totalMs - a.totalMs);
    },
    destroy() {
      for (const set of sets) set.destroy();
      resolved.destroy();
      readable.destroy();
    },
  };
}
