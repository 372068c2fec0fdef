/** Bands of tile rows: an image whose pairs would not fit a buffer of the adapter is done band after band with room for one band's pairs. */
import { viewError } from '../view-errors.ts';
import { bandWgsl, PAIR_STRIDE, UNIFORM_WGSL } from './common-wgsl.ts';
import { bindingLimit, compiledOnce, createKernel, createTask, createUniform, type Task } from './kernels.ts';

/** Room for pairs of tiles and Gaussians, and how much of an image it is meant for. */
export interface Room {
  /** Pairs. */
  readonly capacity: number;
  /** Tile rows of a band; Infinity for whole images. */
  readonly bandRows: number;
}

/** Tile rows start ≤ y < end. */
export interface Band {
  readonly start: number;
  readonly end: number;
  /** The struct of bandWgsl. */
  readonly uniform: GPUBuffer;
}

/** All bands of an image, from the top. */
export interface Bands extends Disposable {
  readonly list: readonly Band[];
}

/** Room beside the number of pairs that was found, so that the next views fit. */
const PAIR_SLACK = 1.25;
const FIRST_PAIRS_PER_GAUSSIAN = 6;
const LEAST_PAIR_CAPACITY = 4096;

/** @param tileRows  of the image */
export function createBands(device: GPUDevice, tileRows: number, bandRows: number): Bands {
  const height = Math.min(tileRows, bandRows);
  const list = Array.from({ length: Math.ceil(tileRows / height) }, (_, index): Band => {
    const [start, end] = [index * height, Math.min(tileRows, (index + 1) * height)];
    return { start, end, uniform: createUniform(device, Uint32Array.of(start, end, index, 0).buffer) };
  });
  return {
    list,
    [Symbol.dispose]() {
      for (const { uniform } of list) uniform.destroy();
    },
  };
}

/** Leaves the number of pairs of a band. One thread. */
const NOTE_WGSL = /* wgsl */ `
${UNIFORM_WGSL}
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read_write> noted: array<u32>;
${bandWgsl(3)}
@compute @workgroup_size(1) fn main() { noted[band.z] = offsets[frame.counts.x]; }
`;

const noteOf = compiledOnce((device) => createKernel(device, NOTE_WGSL, 'note pairs'));

/** Writes the number of pairs of the band, as soon as they are counted, at its place in `noted`. */
export function noteTask(
  device: GPUDevice,
  { frame, rows }: { readonly frame: GPUBuffer; readonly rows: { readonly offsets: GPUBuffer } },
  noted: GPUBuffer,
  { uniform }: Band,
): Task {
  return createTask(device, noteOf(device), [frame, rows.offsets, noted, uniform], 1);
}

/** Most pairs that one buffer of the device holds: of their gradients, or of their numbers alone where nothing is differentiated. */
export function mostPairs(device: GPUDevice, hasGradients: boolean): number {
  return Math.floor(bindingLimit(device) / (hasGradients ? 4 * PAIR_STRIDE : 4));
}

/** Room for an image whose pairs nobody has counted. @param most  of mostPairs */
export function firstRoom(count: number, most: number): Room {
  const guess = Math.max(LEAST_PAIR_CAPACITY, FIRST_PAIRS_PER_GAUSSIAN * count);
  return { capacity: Math.min(most, guess), bandRows: Infinity };
}

/** Room for `numPairs` a band and some more, at most what one buffer holds; bands stay. */
export function roomierRoom({ capacity, bandRows }: Room, numPairs: number, most: number): Room {
  return { capacity: Math.min(most, Math.max(capacity, Math.ceil(PAIR_SLACK * numPairs))), bandRows };
}

/** Room where a band was found to hold `numPairs`: a larger buffer if there can be one, else lower bands, by the share that was too much.
 *  @param tileRows  of the tallest image @throws TF-VIEW-012 if a single row of tiles holds more than `most` */
export function roomFor(room: Room, numPairs: number, tileRows: number, most: number): Room {
  if (numPairs <= most) return roomierRoom({ ...room, capacity: 0 }, numPairs, most);
  const height = Math.min(room.bandRows, tileRows);
  if (height === 1) {
    throw viewError('TF-VIEW-012', {
      subject: 'roomFor',
      expected: `at most ${most} pairs of Gaussians with the tiles of one row`,
      actual: `${numPairs}`,
      hints: ['Fewer Gaussians (--cap) or narrower images (--max-width) fit; the CPU trains without such a limit.'],
    });
  }
  const lower = Math.floor((height * most) / (PAIR_SLACK * numPairs));
  return { capacity: most, bandRows: Math.max(1, Math.min(height - 1, lower)) };
}
