/** Prefix sums and stable radix sort on the GPU. */
import { createKernel, createStorage, createUniform, dispatch, type Kernel } from './kernels.ts';
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

export interface Sorter {
  /** Replaces values by the sums before them. */
  scan(pass: GPUComputePassEncoder, plan: ScanPlan): void;
  /** Sorts in place; the result is in the buffers given. */
  sort(pass: GPUComputePassEncoder, plan: SortPlan): void;
  planScan(values: GPUBuffer, length: number): ScanPlan;
  /** @param trueLength  buffer and index that hold the number of keys, if below `length` @param numBits  low bits that differ */
  planSort(
    keys: GPUBuffer,
    values: GPUBuffer,
    length: number,
    numBits: number,
    trueLength?: { readonly buffer: GPUBuffer; readonly index: number },
  ): SortPlan;
}

export interface ScanPlan extends Disposable {
  readonly levels: readonly {
    readonly info: GPUBuffer;
    readonly values: GPUBuffer;
    readonly sums: GPUBuffer;
    readonly numBlocks: number;
  }[];
}

export interface SortPlan extends Disposable {
  readonly rounds: readonly {
    readonly info: GPUBuffer;
    readonly lengths: GPUBuffer;
    readonly from: readonly [GPUBuffer, GPUBuffer];
    readonly to: readonly [GPUBuffer, GPUBuffer];
  }[];
  readonly histogram: GPUBuffer;
  readonly scan: ScanPlan;
  readonly numBlocks: number;
}

export function createSorter(device: GPUDevice): Sorter {
  const scanKernel = createKernel(device, SCAN_WGSL, 'scan');
  const addKernel = createKernel(device, SCAN_ADD_WGSL, 'scan add');
  const countKernel = createKernel(device, SORT_COUNT_WGSL, 'sort count');
  const moveKernel = createKernel(device, SORT_MOVE_WGSL, 'sort move');
  const run = (pass: GPUComputePassEncoder, kernel: Kernel, buffers: readonly GPUBuffer[], numGroups: number) =>
    dispatch(pass, device, kernel, buffers, [numGroups]);
  const planScan = (values: GPUBuffer, length: number): ScanPlan => {
    const levels: { info: GPUBuffer; values: GPUBuffer; sums: GPUBuffer; numBlocks: number }[] = [];
    let [buffer, count] = [values, length];
    for (;;) {
      const numBlocks = Math.ceil(count / SCAN_BLOCK);
      const sums = createStorage(device, 4 * numBlocks, 'scan sums');
      levels.push({
        info: createUniform(device, Uint32Array.of(count, 0, 0, 0).buffer),
        values: buffer,
        sums,
        numBlocks,
      });
      if (numBlocks <= 1) break;
      [buffer, count] = [sums, numBlocks];
    }
    return {
      levels,
      [Symbol.dispose]() {
        for (const { info, sums } of levels) {
          info.destroy();
          sums.destroy();
        }
      },
    };
  };
  const scan = (pass: GPUComputePassEncoder, { levels }: ScanPlan) => {
    for (const { info, values, sums, numBlocks } of levels) run(pass, scanKernel, [info, values, sums], numBlocks);
    for (const { info, values, sums, numBlocks } of levels.toReversed().slice(1))
      run(pass, addKernel, [info, values, sums], numBlocks);
  };
  return {
    planScan,
    scan,
    planSort(keys, values, length, numBits, trueLength) {
      const numBlocks = Math.max(1, Math.ceil(length / SORT_BLOCK));
      const histogram = createStorage(device, 4 * SORT_DIGITS * numBlocks, 'sort histogram');
      const others = [
        createStorage(device, 4 * length, 'sort keys'),
        createStorage(device, 4 * length, 'sort values'),
      ] as const;
      const own = [keys, values] as const;
      // An even number of rounds leaves the result where it came from.
      const numRounds = 2 * Math.ceil(numBits / DIGIT_BITS / 2);
      const rounds = Array.from({ length: numRounds }, (_, round) => ({
        info: createUniform(
          device,
          Uint32Array.of(numBlocks, Math.min(28, round * DIGIT_BITS), length, trueLength?.index ?? NO_LENGTH).buffer,
        ),
        lengths: trueLength?.buffer ?? histogram,
        from: round % 2 === 0 ? own : others,
        to: round % 2 === 0 ? others : own,
      }));
      const scanPlan = planScan(histogram, SORT_DIGITS * numBlocks);
      return {
        rounds,
        histogram,
        numBlocks,
        scan: scanPlan,
        [Symbol.dispose]() {
          for (const { info } of rounds) info.destroy();
          for (const buffer of [histogram, ...others]) buffer.destroy();
          scanPlan[Symbol.dispose]();
        },
      };
    },
    sort(pass, { rounds, histogram, numBlocks, scan: scanPlan }) {
      for (const { info, lengths, from, to } of rounds) {
        // Without a true length any buffer that is not written in the pass stands in for it.
        const stand = lengths === histogram ? from[1] : lengths;
        run(pass, countKernel, [info, stand, from[0], histogram], numBlocks);
        scan(pass, scanPlan);
        run(pass, moveKernel, [info, stand, from[0], histogram, from[1], to[0], to[1]], numBlocks);
      }
    },
  };
}
