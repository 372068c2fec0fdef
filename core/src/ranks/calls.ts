/** The table of calls: what members must agree on, and what a call loads the links with. */
import type { Dtype } from '../tensor/index.ts';
import type { TransferPattern } from './links.ts';

export const CALLS = [
  'allReduce',
  'reduceScatter',
  'allGather',
  'broadcast',
  'allToAll',
  'send',
  'recv',
  'barrier',
] as const;
export type CallName = (typeof CALLS)[number];

export const DTYPE_CODES: readonly Dtype[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'float8e4m3fn',
  'float8e5m2',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
];

export const REDUCTION_CODES = ['sum', 'mean', 'max', 'min'] as const;
export const ALGORITHM_CODES = ['ring', 'tree', 'rank-order'] as const;
export const WIRE_CODES = ['float32', 'bfloat16'] as const;

/** What one member published when it issued; plain numbers of the control block, decoded. */
export interface IssuedCall {
  readonly rank: number;
  readonly call: CallName;
  readonly dtype: Dtype;
  readonly numElements: number;
  readonly reduction: number;
  readonly algorithm: number;
  readonly wire: number;
  /** Root of a broadcast, axis of gather and scatter, concatAxis of all-to-all. */
  readonly detail: number;
}

/** Must all members give the same number of elements? */
const HAS_EQUAL_SIZES: Readonly<Record<CallName, boolean>> = {
  allReduce: true,
  reduceScatter: true,
  allGather: false,
  broadcast: true,
  allToAll: false,
  send: true,
  recv: true,
  barrier: true,
};

/** undefined if the members' calls fit together, else the first member that does not fit the first. */
export function findMismatch(calls: readonly IssuedCall[]): IssuedCall | undefined {
  const first = calls[0]!;
  const pairs = ['send', 'recv'];
  return calls.find((each) => {
    const isPair = pairs.includes(first.call) && pairs.includes(each.call);
    if (!isPair && each.call !== first.call) return true;
    if (each.dtype !== first.dtype) return true;
    if (HAS_EQUAL_SIZES[first.call] && each.numElements !== first.numElements) return true;
    return (
      each.reduction !== first.reduction ||
      each.algorithm !== first.algorithm ||
      each.wire !== first.wire ||
      each.detail !== first.detail
    );
  });
}

/** `allReduce(f32, 12 elements, sum, ring)` for error texts. */
export function describeCall({ call, dtype, numElements, reduction, algorithm, wire, detail }: IssuedCall): string {
  if (call === 'barrier') return 'barrier()';
  const parts = [dtype, `${numElements} elements`];
  if (call === 'allReduce' || call === 'reduceScatter') {
    parts.push(REDUCTION_CODES[reduction]!, ALGORITHM_CODES[algorithm]!);
    if (WIRE_CODES[wire] !== 'float32') parts.push(`wire ${WIRE_CODES[wire]}`);
  }
  if (call === 'broadcast') parts.push(`root ${detail}`);
  if (call === 'allGather' || call === 'reduceScatter' || call === 'allToAll') parts.push(`axis ${detail}`);
  return `${call}(${parts.join(', ')})`;
}

const ALL_REDUCE_PATTERNS = ['ring-all-reduce', 'tree-all-reduce', 'rank-order-all-reduce'] as const;

/** @param bytes  of each member on the wire @param foreignBytes  all-to-all: largest sent to or received from others */
export function transferPattern(calls: readonly IssuedCall[], bytes: number, foreignBytes: number): TransferPattern {
  const { call, algorithm } = calls[0]!;
  switch (call) {
    case 'allReduce':
      return { kind: ALL_REDUCE_PATTERNS[algorithm]!, bytes };
    case 'reduceScatter':
      return { kind: 'reduce-scatter', bytes };
    case 'allGather':
      return { kind: 'all-gather', bytes };
    case 'broadcast':
      return { kind: 'broadcast', bytes };
    case 'allToAll':
      return { kind: 'all-to-all', bytes: foreignBytes };
    case 'send':
    case 'recv':
      return { kind: 'point-to-point', bytes };
    case 'barrier':
      return { kind: 'barrier' };
  }
}
