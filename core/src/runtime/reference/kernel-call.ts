/** What a reference kernel receives, and typed readers for its attributes. */
import type { GraphNode } from '../../graph/index.ts';
import { referenceError } from './reference-errors.ts';
import type { RefValue, ValueType } from './ref-value.ts';

export interface KernelCall {
  readonly node: GraphNode;
  /** undefined: an absent optional input. */
  readonly inputs: readonly (RefValue | undefined)[];
  /** Static types of the outputs; every shape-like argument can be read off them. */
  readonly outputs: readonly ValueType[];
}

/** Computes the outputs in float64; the interpreter rounds them. May return an input's array itself, never changes one. */
export type Kernel = (call: KernelCall) => readonly Float64Array[];

/** A required input. */
export function input(call: KernelCall, index: number): RefValue {
  const value = call.inputs[index];
  if (!value) {
    throw referenceError('TF-REFERENCE-001', {
      subject: 'evaluateNode',
      expected: `${call.node.op} needs input ${index}`,
      location: `node "${call.node.name}"`,
    });
  }
  return value;
}

export function numberAttribute(call: KernelCall, name: string, fallback: number): number {
  const value = call.node.attributes[name];
  return value === undefined ? fallback : Number(value);
}

export function stringAttribute(call: KernelCall, name: string, fallback: string): string {
  const value = call.node.attributes[name];
  return value === undefined ? fallback : String(value);
}

/** Integers of a required attribute. */
export function integers(call: KernelCall, name: string): readonly number[] {
  const value = call.node.attributes[name];
  if (Array.isArray(value)) return value as readonly number[];
  throw referenceError('TF-REFERENCE-001', {
    subject: 'evaluateNode',
    expected: `${call.node.op} needs the attribute "${name}"`,
    location: `node "${call.node.name}"`,
  });
}

/** Sizes before, at and after an axis. */
export function splitAtAxis(shape: readonly number[], axis: number): { outer: number; size: number; inner: number } {
  let outer = 1;
  let inner = 1;
  for (let i = 0; i < axis; i++) outer *= shape[i]!;
  for (let i = axis + 1; i < shape.length; i++) inner *= shape[i]!;
  return { outer, size: shape[axis] ?? 1, inner };
}
