/** The nouns of the room. Times are ms, sizes bytes.
 *
 *  A graph is a straight line of operations with single-assignment tensors: every tensor has at most one producer, which
 *  stands before all its readers. A device has two in-order lanes: computation and communication. */

export const OP_KINDS = ['compute', 'a2a', 'a2av', 'allreduce'] as const;
/** `a2av` is an all-to-all whose real sizes are known at run time only. */
export type OpKind = (typeof OP_KINDS)[number];

export const GATE_NAMES = ['switch', 'topk', 'topk-ranked', 'bpr', 'hash', 'expert-choice'] as const;
/** switch: top-1. topk: top-k, tokens in order. topk-ranked: all first choices before all second choices (GShard).
 *  bpr: batch-prioritised (highest scores first). hash: by token id. expert-choice: experts choose tokens. */
export type GateName = (typeof GATE_NAMES)[number];

export const OP_ROLES = ['fwd', 'dX', 'dW', 'opt'] as const;
export type OpRole = (typeof OP_ROLES)[number];

export const MOE_PARTS = ['gate', 'dispatch', 'a2a', 'expert', 'gather'] as const;
export type MoePart = (typeof MOE_PARTS)[number];

export const AXIS_RULES = [
  'matmul',
  'batch-matmul',
  'elementwise',
  'norm',
  'reshape',
  'transpose',
  'split',
  'concat',
  'reduce',
  'embedding',
  'encode',
  'encode-whole',
  'a2a',
  'expert',
  'decode',
  'whole',
] as const;
/** Along which axes an operation can be cut; see axis-rules.ts. */
export type AxisRule = (typeof AXIS_RULES)[number];

export interface OverlapOp {
  readonly id: string;
  readonly kind: OpKind;
  readonly role: OpRole;
  readonly ins: readonly string[];
  readonly outs: readonly string[];
  /** Time of the whole operation. */
  readonly timeMs: number;
  /** Payload of a communication, per device. */
  readonly bytes?: number;
  readonly flops?: number;
  /** Memory traffic of a computation. */
  readonly movedBytes?: number;
  readonly moe?: { readonly layer: number; readonly part: MoePart };
  /** Default `whole`: the operation cannot be cut. */
  readonly rule?: AxisRule;
  /** Axis of split, concat, reduce and norm (counted from the front); permutation of a transpose. */
  readonly axis?: number;
  readonly permutation?: readonly number[];
}

export interface TensorInfo {
  readonly shape: readonly number[];
  readonly bytesPerElement?: number;
  /** Where the expert capacity lies in a dispatch buffer. */
  readonly isDispatchBuffer?: boolean;
  /** Places of tokens in dispatch buffers. */
  readonly isPlaces?: boolean;
  /** Weights and other values that every part reads whole. */
  readonly isParameter?: boolean;
}

export interface OverlapGraph {
  readonly name: string;
  readonly gate: GateName;
  readonly ops: readonly OverlapOp[];
  readonly tensors: Readonly<Record<string, TensorInfo>>;
  /** Size of the axis that forward ranges are cut along. */
  readonly batch: number;
}

/** How long an operation takes as one of `numParts` parts. */
export interface PartCosts {
  partMs(op: OverlapOp, numParts: number): number;
  /** Time to put the parts of a tensor of so many bytes together (read once, written once). */
  mergeMs(bytes: number): number;
  /** The same for parts along the first axis, which lie side by side already. Default: nothing is moved. */
  readonly sideBySideMs?: (bytes: number) => number;
}

/** Two lanes: what runs, in which order. `start`/`end` in ms. */
export interface LaneTimes {
  readonly startMs: Float64Array;
  readonly endMs: Float64Array;
  readonly makespanMs: number;
}
