/** The SIMD kernels of this thread with their memory, and the records that Gaussians become in it. */
import { assembleModule } from '@tenfold/core/wasm';
import type { CompositeInput } from './composite.ts';
import { SPAN_SLACK } from './limits.ts';
import { backwardKernel } from './simd-backward.ts';
import { forwardKernel } from './simd-forward.ts';
import { FIELDS, MAX_EXTRA, tileLayout, type TileLayout } from './simd-layout.ts';

const PAGE_BYTES = 65_536;

export interface TileKernels {
  readonly layout: TileLayout;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
  readonly words: Int32Array;
  /** @returns pixels that still take more */
  readonly forward: (count: number, position: number, numOpen: number, width: number) => number;
  readonly backward: (count: number, position: number, width: number) => void;
}

/** By number of further channels. */
const known = new Map<number, TileKernels | undefined>();

/** Kernels for a scene like this; undefined in float64, with many channels, or where the machine has no WebAssembly SIMD. */
export function findTileKernels({ projection, extra, numExtra }: CompositeInput): TileKernels | undefined {
  const isFloat = projection.uv instanceof Float32Array && !(extra instanceof Float64Array);
  if (!isFloat || numExtra > MAX_EXTRA) return undefined;
  if (!known.has(numExtra)) known.set(numExtra, createTileKernels(numExtra));
  return known.get(numExtra);
}

function createTileKernels(numExtra: number): TileKernels | undefined {
  const layout = tileLayout(numExtra);
  const minPages = Math.ceil(layout.numBytes / PAGE_BYTES);
  const functions = [forwardKernel(layout), backwardKernel(layout)];
  const bytes = assembleModule({ memory: { module: 'host', name: 'memory', minPages }, functions });
  try {
    const memory = new WebAssembly.Memory({ initial: minPages });
    const module = new WebAssembly.Module(bytes);
    const { forward, backward } = new WebAssembly.Instance(module, { host: { memory } }).exports;
    return {
      layout,
      floats: new Float32Array(memory.buffer),
      doubles: new Float64Array(memory.buffer),
      words: new Int32Array(memory.buffer),
      forward: forward as TileKernels['forward'],
      backward: backward as TileKernels['backward'],
    };
  } catch {
    return undefined;
  }
}

/** A tile's corner and the rows of it that lie in the image. */
export interface TileFrame {
  readonly x0: number;
  readonly y0: number;
  readonly height: number;
}

/** Writes the records of list positions [start, end). Mutates: the kernels' memory. */
export function writeRecords(
  { layout, floats, doubles, words }: TileKernels,
  { projection, lists, extra, numExtra }: CompositeInput,
  { x0, y0, height }: TileFrame,
  start: number,
  end: number,
): void {
  const { uv, conics, opacities, colors, extents, reaches } = projection;
  for (let position = start; position < end; position++) {
    const i = lists.ids[position];
    const base = layout.records + (position - start) * layout.recordBytes;
    const double = base >> 3;
    const word = base >> 2;
    const a = conics[3 * i];
    const b = conics[3 * i + 1];
    const u = uv[2 * i] - x0 - 0.5;
    const v = uv[2 * i + 1] - y0 - 0.5;
    const inverse = 1 / a;
    const slope = b * inverse;
    const stiffness = conics[3 * i + 2] - b * slope;
    const halfY = extents[2 * i + 1];
    doubles[double + FIELDS.middle / 8] = u;
    doubles[double + FIELDS.slope / 8] = slope;
    doubles[double + FIELDS.center / 8] = v;
    doubles[double + FIELDS.reach / 8] = (reaches[i] + SPAN_SLACK) * inverse;
    doubles[double + FIELDS.fall / 8] = stiffness * inverse;
    doubles[double + FIELDS.across / 8] = -0.5 * Math.LOG2E * stiffness;
    doubles[double + FIELDS.stiffness / 8] = stiffness;
    words[word + FIELDS.rowStart / 4] = Math.max(0, Math.ceil(v - halfY));
    words[word + FIELDS.rowEnd / 4] = Math.min(height, Math.floor(v + halfY) + 1);
    floats[word + FIELDS.along / 4] = -0.5 * Math.LOG2E * a;
    floats[word + FIELDS.opacity / 4] = opacities[i];
    floats[word + FIELDS.shear / 4] = b;
    for (let k = 0; k < 3; k++) floats[word + FIELDS.rgb / 4 + k] = colors[3 * i + k];
    for (let e = 0; e < numExtra; e++) floats[word + FIELDS.extra / 4 + e] = extra![i * numExtra + e];
  }
}
