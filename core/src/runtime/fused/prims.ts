/** What a graph is lowered to before kernels are written: maps and reductions, which fuse, and solo kernels, which do not.
 *  Values are read in the shape their reader sees; reshapes are other shapes of the same memory (`root`). */
import type { Shape } from '../../tensor/index.ts';
import type { ValueId } from '../../graph/index.ts';

/** How a value is held: f16 is computed in f32 and rounded where it is stored, int64 is held as i32, bool as u32. */
export type Kind = 'f32' | 'f16' | 'i32' | 'bool';

export interface PrimValue {
  readonly kind: Kind;
  readonly shape: Shape;
  readonly root: ValueId;
  /** The number that all elements equal, where known: such values take no memory. */
  readonly splat?: number;
}

/** WGSL names of the types at hand: vectors of four in the body of a kernel, scalars for one value per row. */
export interface TypeNames {
  readonly F: string;
  readonly H: string;
  readonly I: string;
  readonly U: string;
  readonly B: string;
  readonly width: 1 | 4;
}

/** How the reader's linear element index leads to the operand's. */
export type Access =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'full' }
  /** index mod period */
  | { readonly kind: 'suffix'; readonly period: number }
  /** index / divisor */
  | { readonly kind: 'prefix'; readonly divisor: number }
  /** Any other place. `run`: so many elements on end lie on end in the operand too, aligned to it. */
  | {
      readonly kind: 'at';
      readonly run: number;
      readonly indices?: ValueId;
      readonly index: (at: string, read: (at: string) => string) => string;
    };

export interface Operand {
  readonly value: ValueId;
  readonly access: Access;
}

/** One expression per element. `lin` is the element's linear index (u32, or a vector of four). */
export type MapCode = (args: readonly string[], types: TypeNames, lin: string) => string;

export interface MapPrim {
  readonly kind: 'map';
  readonly op: string;
  readonly node: string;
  readonly operands: readonly Operand[];
  readonly out: ValueId;
  readonly code: MapCode;
}

/** Over rows of `width` elements. */
export interface ReducePrim {
  readonly kind: 'reduce';
  readonly op: string;
  readonly node: string;
  readonly how: 'sum' | 'max' | 'min';
  readonly input: ValueId;
  readonly out: ValueId;
  readonly width: number;
}

/** alpha · op(A) · op(B) + beta · C, batched. */
export interface ProductPrim {
  readonly kind: 'product';
  readonly op: string;
  readonly node: string;
  readonly a: ValueId;
  readonly b: ValueId;
  readonly bias?: ValueId;
  readonly biasAccess?: Access;
  readonly out: ValueId;
  readonly sizes: { readonly M: number; readonly N: number; readonly K: number; readonly batch: number };
  readonly isBatched: readonly [boolean, boolean];
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
  readonly beta: number;
}

/** [outer, count, inner] → [outer, inner], sums or extrema over the middle. */
export interface FoldPrim {
  readonly kind: 'fold';
  readonly op: string;
  readonly node: string;
  readonly how: 'sum' | 'max' | 'min';
  readonly input: ValueId;
  readonly out: ValueId;
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
}

/** out[r, :] = data[r, :] + Σ updates[n, :] over n with indices[n] = r, in the order of n. */
export interface ScatterPrim {
  readonly kind: 'scatter';
  readonly op: string;
  readonly node: string;
  readonly data: ValueId;
  readonly indices: ValueId;
  readonly updates: ValueId;
  readonly out: ValueId;
  readonly rows: number;
  readonly count: number;
  readonly inner: number;
}

export type Prim = MapPrim | ReducePrim | ProductPrim | FoldPrim | ScatterPrim;

/** The values that a prim reads. */
export function readsOf(prim: Prim): ValueId[] {
  switch (prim.kind) {
    case 'map':
      return prim.operands.flatMap(({ value, access }) =>
        access.kind === 'at' && access.indices !== undefined ? [value, access.indices] : [value],
      );
    case 'reduce':
    case 'fold':
      return [prim.input];
    case 'product':
      return prim.bias === undefined ? [prim.a, prim.b] : [prim.a, prim.b, prim.bias];
    case 'scatter':
      return [prim.data, prim.indices, prim.updates];
  }
}

/** Thrown inside this folder alone: an op or form without a kernel here. */
export class NoKernel extends Error {}
