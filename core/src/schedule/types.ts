/** The nouns of core/schedule. All times are ms. Operations and resources are numbered from 0 in order of addition;
 *  big lists are columns in typed arrays (compressed rows: items of row i are ids[starts[i] .. starts[i + 1])). */

/** What a resource is for; interference rules and metrics ask for it. */
export type ResourceKind = 'compute' | 'communication' | 'host';

/** How a free resource chooses its next operation.
 *  `in-order`: strictly the static list, waiting if its head is not ready.
 *  `fifo`: the operation that became ready first. `priority`: the highest priority, then first ready.
 *  All ties go to the lower operation id. */
export type QueuePolicy = 'in-order' | 'fifo' | 'priority';

/** A compute stream, a send or receive link, a network card, a collective queue: it runs one operation at a time. */
export interface Resource {
  readonly id: number;
  readonly name: string;
  readonly kind: ResourceKind;
  readonly policy: QueuePolicy;
  /** Device that the resource belongs to; lanes of a device interfere and are drawn together. */
  readonly device: string;
}

/** Operations with dependencies on resources: what is to be simulated. Made by createProgramBuilder. */
export interface Program {
  readonly resources: readonly Resource[];
  readonly numOps: number;
  readonly opNames: readonly string[];
  readonly opCategories: readonly string[];
  readonly durationMs: Float64Array;
  /** No operation starts before its own earliest time. */
  readonly earliestMs: Float64Array;
  readonly priority: Float64Array;
  readonly dependencyStarts: Int32Array;
  readonly dependencyIds: Int32Array;
  /** Resources that an operation occupies together from its start to its end. */
  readonly resourceStarts: Int32Array;
  readonly resourceIds: Int32Array;
  /** Static list of operations per resource. */
  readonly orderStarts: Int32Array;
  readonly orderIds: Int32Array;
}

/** While an operation of `aggressor` kind runs on a device, those of `victim` kind there take `factor` times as long. */
export interface InterferenceRule {
  readonly victim: ResourceKind;
  readonly aggressor: ResourceKind;
  /** ≥ 1. Measured by others: 1.1256 for compute under NCCL (Galvatron). */
  readonly factor: number;
}

export interface Simulation {
  readonly program: Program;
  readonly startMs: Float64Array;
  readonly endMs: Float64Array;
  /** The operation whose end let this one start; -1 if it started at its earliest time. */
  readonly blockedBy: Int32Array;
  /** Latest end; 0 for an empty program. */
  readonly makespanMs: number;
}
