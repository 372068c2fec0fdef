/** A graph as a list of kernels and the memory that they share. */
import type { Graph, ValueId } from '../../graph/index.ts';
import { numel } from '../../tensor/index.ts';
import { fusedKernel } from './fused-kernel.ts';
import { fuseUnits } from './fuse-units.ts';
import type { Unit } from './fuse-units.ts';
import type { Kernel } from './kernel-text.ts';
import { lowerToPrims } from './lower-to-prims.ts';
import type { Kind, PrimValue } from './prims.ts';
import { matrixTileFor, matrixUnitKernel } from './matrix-unit-kernel.ts';
import { productKernel } from './product-kernel.ts';
import { foldKernel, scatterKernel } from './solo-kernels.ts';

export interface KernelPlan {
  readonly values: readonly PrimValue[];
  readonly kernels: readonly Kernel[];
  /** Memory of values that live within one run: which slot each takes. Others (inputs, constants, states and what the
   *  caller reads) have memory of their own. */
  readonly slotOf: ReadonlyMap<ValueId, number>;
  readonly slotBytes: readonly number[];
  /** For every graph output and next state, the root that holds it. */
  readonly rootOf: ReadonlyMap<ValueId, ValueId>;
}

const BYTES: Readonly<Record<Kind, number>> = { f32: 4, f16: 2, i32: 4, bool: 4 };
/** Buffers are bound as arrays of vectors: sizes are whole vectors. */
const VECTOR_BYTES = 16;
/** A free slot serves a value if it is not larger than this many times its size. */
const MOST_WASTE = 1.5;

export function bytesOf({ kind, shape }: Pick<PrimValue, 'kind' | 'shape'>): number {
  return Math.max(VECTOR_BYTES, Math.ceil((numel(shape) * BYTES[kind]) / VECTOR_BYTES) * VECTOR_BYTES);
}

export interface PlanOptions {
  /** Buffers that one kernel may read and write. */
  readonly maxBuffers: number;
  /** The device multiplies f16 matrices in units of its own. */
  readonly hasMatrixUnits?: boolean;
}

/** @throws NoKernel at the first op or form without a kernel here */
export function planKernels(graph: Graph, options: PlanOptions): KernelPlan {
  const lowered = lowerToPrims(graph);
  const { values } = lowered;
  const units = fuseUnits(lowered, options);
  const kernels = units.map((unit) => kernelOf(unit, values, options));
  const rootOf = new Map([...lowered.stored].map(([id, stored]) => [id, values[stored].root]));
  return { values, kernels, rootOf, ...planSlots(kernels, values, new Set(rootOf.values())) };
}

function kernelOf(unit: Unit, values: readonly PrimValue[], { hasMatrixUnits = false }: PlanOptions): Kernel {
  if (unit.kind === 'fused') return fusedKernel(unit, values);
  const { prim } = unit;
  if (prim.kind === 'product') {
    const tile = hasMatrixUnits ? matrixTileFor(prim, values) : undefined;
    return tile === undefined ? productKernel(prim, values) : matrixUnitKernel(prim, values, tile);
  }
  return prim.kind === 'fold' ? foldKernel(prim, values) : scatterKernel(prim, values);
}

/** Values take over the slots of values that no later kernel reads. */
function planSlots(kernels: readonly Kernel[], values: readonly PrimValue[], kept: ReadonlySet<ValueId>) {
  const lastUse = new Map<ValueId, number>();
  kernels.forEach(({ bindings }, i) => bindings.forEach(({ root }) => lastUse.set(root, i)));
  const slotOf = new Map<ValueId, number>();
  const slotBytes: number[] = [];
  const free: number[] = [];
  kernels.forEach(({ bindings }, i) => {
    for (const { root, access } of bindings) {
      if (access === 'read' || kept.has(root) || slotOf.has(root)) continue;
      const bytes = bytesOf(values[root]);
      const fitting = free
        .filter((slot) => slotBytes[slot] >= bytes && slotBytes[slot] <= bytes * MOST_WASTE)
        .toSorted((a, b) => slotBytes[a] - slotBytes[b]);
      const [slot = slotBytes.push(bytes) - 1] = fitting;
      if (fitting.length > 0) free.splice(free.indexOf(slot), 1);
      slotOf.set(root, slot);
    }
    const ending = new Set(bindings.map(({ root }) => root));
    for (const root of ending) if (lastUse.get(root) === i && slotOf.has(root)) free.push(slotOf.get(root)!);
  });
  return { slotOf, slotBytes };
}
