/** The collectives of a rank, on top of the exchange. Nothing blocks before wait().
 *
 *  Reductions are cut into one chunk per member. Whoever waits first reduces the chunks that nobody has claimed yet,
 *  so the result depends neither on who waits when nor on how many cores there are, and no rank's progress depends on
 *  another rank's wait. A reduced chunk c is kept in member c's own block. */
import { createTensor, equalShapes, formatShape, numel, type Dtype, type Shape, type Tensor } from '../tensor/index.ts';
import { ALGORITHM_CODES, REDUCTION_CODES, WIRE_CODES, type CallName } from './calls.ts';
import { CHUNK_STATE, GROUP_KIND, MEMBER, SLOT, type Control } from './control.ts';
import { tensorOfBlock, type CallSpec, type Exchange, type ExchangePort } from './exchange.ts';
import type { OpenCalls } from './handles.ts';
import { equalSizes, joinParts, splitIntoParts } from './parts.ts';
import { ranksError } from './ranks-errors.ts';
import { reduceChunk, type ReduceRequest } from './reduction.ts';
import type { CollectiveOptions, Group, Handle, RankContext, ReduceOptions } from './types.ts';

type Collectives = Pick<
  RankContext,
  'allReduce' | 'reduceScatter' | 'allGather' | 'broadcast' | 'allToAll' | 'send' | 'recv' | 'barrier'
>;

export interface CollectivesOptions {
  readonly control: Control;
  readonly port: ExchangePort;
  readonly openCalls: OpenCalls;
  readonly rank: number;
  readonly numRanks: number;
  readonly groupOf: (group: CollectiveOptions['group']) => Group;
}

const IRREDUCIBLE: readonly Dtype[] = ['bool', 'float8e4m3fn', 'float8e5m2'];

export function createCollectives({
  control,
  port,
  openCalls,
  rank,
  numRanks,
  groupOf,
}: CollectivesOptions): Collectives {
  const { words } = control;

  return {
    allReduce(tensor, options = {}) {
      const group = groupOf(options.group);
      const request = reduceRequest('allReduce', tensor, options);
      assertInto('allReduce', options.into, tensor.dtype, tensor.shape);
      const exchange = issue('allReduce', group, tensor, { ...codesOf(request), data: tensor.data });
      return openCalls.open(nameOf('allReduce', group, options), exchange, () => {
        const bounds = chunkBounds(tensor.data.length, group.size);
        reduceOpenChunks(exchange, request, bounds);
        const result = options.into ?? createTensor(tensor.dtype, tensor.shape);
        for (let chunk = 0; chunk < group.size; chunk++) {
          const data = exchange.block(chunk).data as Float32Array;
          (result.data as Float32Array).set(data.subarray(bounds[chunk]!, bounds[chunk + 1]!), bounds[chunk]!);
        }
        return result;
      });
    },

    reduceScatter(tensor, options = {}) {
      const group = groupOf(options.group);
      const axis = options.axis ?? 0;
      const request = reduceRequest('reduceScatter', tensor, options);
      const { data, shapes } = splitIntoParts(
        'reduceScatter',
        tensor,
        axis,
        equalSizes('reduceScatter', tensor, axis, group.size),
      );
      const shape = shapes[group.position]!;
      assertInto('reduceScatter', options.into, tensor.dtype, shape);
      const exchange = issue('reduceScatter', group, tensor, { ...codesOf(request), data, detail: axis });
      return openCalls.open(nameOf('reduceScatter', group, options), exchange, () => {
        const result = options.into ?? createTensor(tensor.dtype, shape);
        const length = numel(shape);
        const start = group.position * length;
        const operands = membersOf(group).map((member) => exchange.block(member).data.subarray(start, start + length));
        reduceChunk(request, operands, group.position, result.data);
        return result;
      });
    },

    allGather(tensor, options = {}) {
      const group = groupOf(options.group);
      const axis = options.axis ?? 0;
      assertAxis('allGather', tensor, axis);
      const exchange = issue('allGather', group, tensor, { data: tensor.data, detail: axis });
      return openCalls.open(nameOf('allGather', group, options), exchange, () => {
        const parts = membersOf(group).map((member) => tensorOfBlock(exchange.block(member), tensor.dtype));
        return joined('allGather', parts, axis, options.into);
      });
    },

    broadcast(tensor, options = {}) {
      const group = groupOf(options.group);
      const root = options.root ?? 0;
      if (!Number.isInteger(root) || root < 0 || root >= group.size)
        throw argumentError('broadcast', `a root in 0..${group.size - 1}`, String(root));
      assertInto('broadcast', options.into, tensor.dtype, tensor.shape);
      const exchange = issue('broadcast', group, tensor, { data: tensor.data, detail: root });
      return openCalls.open(nameOf('broadcast', group, options), exchange, () => {
        const result = options.into ?? createTensor(tensor.dtype, tensor.shape);
        (result.data as Float32Array).set(exchange.block(root).data as Float32Array);
        return result;
      });
    },

    allToAll(tensor, options = {}) {
      const group = groupOf(options.group);
      const { splitAxis = 0, concatAxis = splitAxis, receiveSplits } = options;
      assertAxis('allToAll', tensor, splitAxis);
      assertAxis('allToAll', tensor, concatAxis);
      const sizes = options.sendSplits ?? equalSizes('allToAll', tensor, splitAxis, group.size);
      if (sizes.length !== group.size || (receiveSplits && receiveSplits.length !== group.size))
        throw argumentError('allToAll', `${group.size} split sizes`, `${sizes.length} and ${receiveSplits?.length}`);
      const { data, lengths } = splitIntoParts('allToAll', tensor, splitAxis, sizes);
      const exchange = issue('allToAll', group, tensor, { data, parts: [...lengths, ...sizes], detail: concatAxis });
      return openCalls.open(nameOf('allToAll', group, options), exchange, () => {
        const parts = membersOf(group).map((member): Tensor => {
          const { data: sent, parts: header, shape } = exchange.block(member);
          const size = header[group.size + group.position]!;
          let start = 0;
          for (let before = 0; before < group.position; before++) start += header[before]!;
          return {
            dtype: tensor.dtype,
            shape: shape.map((each, i) => (i === splitAxis ? size : each)),
            data: sent.subarray(start, start + header[group.position]!) as never,
          };
        });
        const received = parts.map(({ shape }) => shape[concatAxis]!);
        if (receiveSplits && receiveSplits.some((size, member) => size !== received[member])) {
          throw ranksError('TF-RANKS-002', {
            subject: 'allToAll',
            expected: `receiveSplits of rank ${rank} to be what the others send, [${received.join(', ')}]`,
            actual: `[${receiveSplits.join(', ')}]`,
          });
        }
        return joined('allToAll', parts, concatAxis, options.into);
      });
    },

    send(tensor, to, { tag = 0, label } = {}) {
      assertPeer('send', to);
      const exchange = port.issue({
        call: 'send',
        kind: GROUP_KIND.pointToPoint,
        members: [rank, to],
        tag,
        dtype: tensor.dtype,
        shape: tensor.shape,
        data: tensor.data,
      });
      return openCalls.open(label ?? `send to rank ${to}`, exchange, () => undefined);
    },

    recv(from, { dtype, shape }, { tag = 0, label, into } = {}): Handle<Tensor> {
      assertPeer('recv', from);
      assertInto('recv', into, dtype, shape);
      const kind = GROUP_KIND.pointToPoint;
      const exchange = port.issue({ call: 'recv', kind, members: [from, rank], tag, dtype, shape });
      return openCalls.open(label ?? `recv from rank ${from}`, exchange, () => {
        const result = into ?? createTensor(dtype, shape);
        (result.data as Float32Array).set(exchange.block(0).data as Float32Array);
        return result;
      });
    },

    barrier(options = {}) {
      const group = groupOf(options.group);
      const empty = createTensor('uint8', [0]);
      const exchange = issue('barrier', group, empty, {});
      return openCalls.open(nameOf('barrier', group, options), exchange, () => undefined);
    },
  };

  function issue(call: CallName, group: Group, tensor: Tensor, rest: Partial<CallSpec>): Exchange {
    const { dtype, shape } = tensor;
    return port.issue({ call, kind: GROUP_KIND.collective, members: group.ranks, dtype, shape, ...rest });
  }

  /** Own chunk first, then whatever nobody has claimed; then waits for those that others are working on. */
  function reduceOpenChunks(exchange: Exchange, request: ReduceRequest, bounds: readonly number[]): void {
    const numChunks = bounds.length - 1;
    const numDoneAt = exchange.slot + SLOT.numChunksDone;
    const blocks = bounds.slice(1).map((_, member) => exchange.block(member).data);
    for (let i = 0; i < numChunks; i++) {
      const chunk = (exchange.position + i) % numChunks;
      const stateAt = exchange.memberRecord(chunk) + MEMBER.chunkState;
      if (Atomics.compareExchange(words, stateAt, CHUNK_STATE.open, CHUNK_STATE.claimed) !== CHUNK_STATE.open) continue;
      const operands = blocks.map((data) => data.subarray(bounds[chunk]!, bounds[chunk + 1]!));
      reduceChunk(request, operands, chunk, operands[chunk]!);
      Atomics.store(words, stateAt, CHUNK_STATE.done);
      Atomics.add(words, numDoneAt, 1);
      Atomics.notify(words, numDoneAt);
    }
    for (let done; (done = Atomics.load(words, numDoneAt)) < numChunks;) port.pause(numDoneAt, done);
  }

  function assertPeer(call: string, peer: number): void {
    if (!Number.isInteger(peer) || peer < 0 || peer >= numRanks || peer === rank)
      throw argumentError(call, `another rank in 0..${numRanks - 1}`, String(peer));
  }
}

/** Chunk i of n covers [⌊i·N/n⌋, ⌊(i+1)·N/n⌋). */
function chunkBounds(numElements: number, numChunks: number): number[] {
  return Array.from({ length: numChunks + 1 }, (_, chunk) => Math.floor((chunk * numElements) / numChunks));
}

function reduceRequest(call: CallName, { dtype }: Tensor, options: ReduceOptions): ReduceRequest {
  const { reduction = 'sum', algorithm = 'ring', wire = 'float32' } = options;
  if (IRREDUCIBLE.includes(dtype)) throw argumentError(call, 'a dtype that can be added', dtype);
  if (wire === 'bfloat16' && dtype !== 'float32' && dtype !== 'bfloat16')
    throw argumentError(call, 'a float32 or bfloat16 tensor for the wire dtype bfloat16', dtype);
  return { dtype, reduction, algorithm, wire };
}

function codesOf({ reduction, algorithm, wire }: ReduceRequest) {
  return {
    reduction: REDUCTION_CODES.indexOf(reduction),
    algorithm: ALGORITHM_CODES.indexOf(algorithm),
    wire: WIRE_CODES.indexOf(wire),
  };
}

function joined(call: CallName, parts: readonly Tensor[], axis: number, into: Tensor | undefined): Tensor {
  const first = parts[0]!;
  const odd = parts.find(({ shape }) => shape.some((size, i) => i !== axis && size !== first.shape[i]));
  if (odd) {
    throw ranksError('TF-RANKS-002', {
      subject: call,
      expected: `shapes that differ on axis ${axis} only`,
      actual: `${formatShape(first.shape)} and ${formatShape(odd.shape)}`,
    });
  }
  const size = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const shape = first.shape.map((each, i) => (i === axis ? size : each));
  assertInto(call, into, first.dtype, shape);
  const result = into ?? createTensor(first.dtype, shape);
  joinParts(parts, axis, result);
  return result;
}

function membersOf(group: Group): number[] {
  return group.ranks.map((_, position) => position);
}

function nameOf(call: CallName, group: Group, { label }: CollectiveOptions): string {
  return label ?? `${call} ${group.name}`;
}

function assertInto(call: string, into: Tensor | undefined, dtype: Dtype, shape: Shape): void {
  if (!into || (into.dtype === dtype && equalShapes(into.shape, shape))) return;
  throw argumentError(call, `"into" to be ${dtype} ${formatShape(shape)}`, `${into.dtype} ${formatShape(into.shape)}`);
}

function assertAxis(call: string, { shape }: Tensor, axis: number): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length)
    throw argumentError(call, `an axis of ${formatShape(shape)}`, String(axis));
}

function argumentError(subject: string, expected: string, actual: string): Error {
  return ranksError('TF-RANKS-007', { subject, expected, actual });
}
