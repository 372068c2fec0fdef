/** Arrays of the precision of another array, and the two activations. */
import type { Reals } from './types.ts';

export function createReals(like: Reals, length: number): Reals {
  return like instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
}

/** Zeros that worker threads can share. */
export function createSharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

export function logitFromProbability(probability: number): number {
  return Math.log(probability / (1 - probability));
}
