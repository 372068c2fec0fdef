/** Prefix sums and stable radix sort on the GPU, as lists of tasks made once for their buffers. */
import { createKernel, createStorage, createTask, createUniform, type Kernel, type Task } from './kernels.ts';
import {
  SCAN_ADD_WGSL,
  SCAN_BLOCK,
  SCAN_WGSL,
  SORT_BLOCK,
  SORT_COUNT_WGSL,
  SORT_DIGITS,
  SORT_MOVE_WGSL,
} from './sort-wgsl.ts';

const DIGIT_BITS = 4;
const NO_LENGTH = 0xffffffff;

/** Tasks with the buffers that they alone use. */
export interface Plan extends Disposable {
  readonly tasks: readonly Task[];
}

export interface Sorter {
  /** Replaces values by the sums before them. */
  planScan(values: GPUBuffer, length: number): Plan;
  /** Sorts in place; the result is in the buffers given.
   *  @param trueLength  buffer and index that hold the number of keys, if below `length` @param numBits  low bits that differ */
  planSort(
    keys: GPUBuffer,
    values: GPUBuffer,
    length: number,
    numBits: number,
    trueLength?: { readonly buffer: GPUBuffer; readonly index: number },
  ): Plan;
}

export function createSorter(device: GPUDevice): Sorter {
  const scanKernel = createKernel(device, SCAN_WGSL, 'scan');
  const addKernel = createKernel(device, SCAN_ADD_WGSL, 'scan add');
  const countKernel = createKernel(device, SORT_COUNT_WGSL, 'sort count');
  const moveKernel = createKernel(device, SORT_MOVE_WGSL, 'sort move');
  const task = (kernel: Kernel, buffers: readonly GPUBuffer[], numGroups: number) =>
    createTask(device, kernel, buffers, numGroups);
  const planScan = (values: GPUBuffer, length: number): Plan => {
    const levels: { readonly buffers: readonly GPUBuffer[]; readonly numBlocks: number }[] = [];
    let [buffer, count] = [values, length];
    for (;;) {
      const numBlocks = Math.ceil(count / SCAN_BLOCK);
      const sums = createStorage(device, 4 * numBlocks, 'scan sums');
      const info = createUniform(device, Uint32Array.of(count, 0, 0, 0).buffer);
      levels.push({ buffers: [info, buffer, sums], numBlocks });
      if (numBlocks <= 1) break;
      [buffer, count] = [sums, numBlocks];
    }
    return {
      tasks: [
        ...levels.map(({ buffers, numBlocks }) => task(scanKernel, buffers, numBlocks)),
        ...levels
          .toReversed()
          .slice(1)
          .map(({ buffers, numBlocks }) => task(addKernel, buffers, numBlocks)),
      ],
      [Symbol.dispose]() {
        for (const { buffers } of levels) for (const own of [buffers[0]!, buffers[2]!]) own.destroy();
      },
    };
  };
  return {
    planScan,
    planSort(keys, values, length, numBits, trueLength) {
      const numBlocks = Math.max(1, Math.ceil(length / SORT_BLOCK));
      const histogram = createStorage(device, 4 * SORT_DIGITS * numBlocks, 'sort histogram');
      const others = [
        createStorage(device, 4 * length, 'sort keys'),
        createStorage(device, 4 * length, 'sort values'),
      ] as const;
      const own = [keys, values] as const;
      const scan = planScan(histogram, SORT_DIGITS * numBlocks);
      // An even number of rounds leaves the result where it came from.
      const numRounds = 2 * Math.ceil(numBits / DIGIT_BITS / 2);
      const rounds = Array.from({ length: numRounds }, (_, round) => {
        const info = createUniform(
          device,
          Uint32Array.of(numBlocks, Math.min(28, round * DIGIT_BITS), length, trueLength?.index ?? NO_LENGTH).buffer,
        );
        const [from, to] = round % 2 === 0 ? [own, others] : [others, own];
        // Without a true length any buffer that is not written in the pass stands in for it.
        const lengths = trueLength?.buffer ?? from[1];
        return {
          info,
          tasks: [
            task(countKernel, [info, lengths, from[0], histogram], numBlocks),
            ...scan.tasks,
            task(moveKernel, [info, lengths, from[0], histogram, from[1], to[0], to[1]], numBlocks),
          ],
        };
      });
      return {
        tasks: rounds.flatMap(({ tasks }) => tasks),
        [Symbol.dispose]() {
          for (const { info } of rounds) info.destroy();
          for (const buffer of [histogram, ...others]) buffer.destroy();
          scan[Symbol.dispose]();
        },
      };
    },
  };
}
