/** Issuing and finishing one call: arrival in a slot, waiting for the members and for the link, release.
 *
 *  issue: copy the input into the own heap, publish the call, arrive; the last to arrive checks that the calls fit and
 *  works out when the links have carried the data. finish: wait for the others, then for the link, read, release. */
import { formatBytes } from '../base/index.ts';
import { numel, type Dtype, type Shape, type Tensor, type TensorData } from '../tensor/index.ts';
import { createArrival } from './arrival.ts';
import { CALLS, describeCall, DTYPE_CODES, findMismatch, type CallName } from './calls.ts';
import {
  findOrAddGroup,
  findOrTakeSlot,
  freeSlot,
  GROUP_KIND,
  MAX_GROUPS,
  MEMBER,
  NUM_SLOTS,
  RANK,
  RANK_STATE,
  SLOT,
  SLOT_STATUS,
  type Control,
} from './control.ts';
import { createHeap, LINE_BYTES, type HeapBlock } from './heap.ts';
import type { Links } from './links.ts';
import { blockBytes, readBlock, writeBlock, type MemberBlock } from './message-blocks.ts';
import { ranksError } from './ranks-errors.ts';

export interface ExchangeOptions {
  readonly control: Control;
  readonly heaps: readonly SharedArrayBuffer[];
  readonly rank: number;
  readonly links: Links | undefined;
  readonly nowMs: () => number;
}

export interface CallSpec {
  readonly call: CallName;
  readonly kind: (typeof GROUP_KIND)[keyof typeof GROUP_KIND];
  readonly members: readonly number[];
  readonly tag?: number;
  readonly dtype: Dtype;
  readonly shape: Shape;
  /** The data of this member, already in the order of the parts; absent for recv and barrier. */
  readonly data?: TensorData;
  /** Elements per destination. */
  readonly parts?: readonly number[];
  readonly reduction?: number;
  readonly algorithm?: number;
  readonly wire?: number;
  readonly detail?: number;
}

export interface Exchange {
  readonly slot: number;
  readonly position: number;
  readonly startMs: number;
  readonly finishMs: number;
  /** All members have issued, and the link is done. */
  isReady(): boolean;
  waitForMembers(): void;
  waitForMembersAsync(): Promise<void>;
  /** Index into control.words of a member's record. */
  memberRecord(position: number): number;
  block(position: number): MemberBlock;
  release(): void;
}

export interface ExchangePort {
  issue(spec: CallSpec): Exchange;
  /** Blocks while `words[index] === value`, without telling the deadlock detector (others are at work). */
  pause(index: number, value: number): void;
}

/** The call that a block of this rank's heap belongs to. */
interface BlockCall {
  readonly slot: number;
  readonly generation: number;
  /** This rank has waited for it or abandoned it; others may still read the block. */
  hasLeft: boolean;
}

const ASYNC_POLL_MS = 20;

export function createExchangePort({ control, heaps, rank, links, nowMs }: ExchangeOptions): ExchangePort {
  const { words, times } = control;
  const arrival = createArrival(control, heaps, links);
  const heap = createHeap(heaps[rank]!.byteLength, rank);
  const groupIndices = new Map<string, number>();
  const numIssued: number[] = []; // per group
  const callOfBlock = new Map<HeapBlock, BlockCall>();
  const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  return {
    pause(index, value) {
      while (Atomics.load(words, index) === value) Atomics.wait(words, index, value);
    },
    issue(spec) {
      const { members, data, shape, parts = [], dtype } = spec;
      const group = groupIndex(spec);
      const sequence = numIssued[group] ?? 0;
      numIssued[group] = sequence + 1;
      const slot = findOrTakeSlot(control, group, sequence);
      if (slot < 0)
        throw ranksError('TF-RANKS-006', { subject: spec.call, expected: `fewer than ${NUM_SLOTS} calls in flight` });
      const generation = Atomics.load(words, slot + SLOT.generation);
      const position = spec.kind === GROUP_KIND.pointToPoint ? (spec.call === 'send' ? 0 : 1) : members.indexOf(rank);
      const record = control.member(slot, position);
      const block = allocateBlock(blockBytes(data), slot, generation);
      writeBlock({ heap: heaps[rank]!, offsetBytes: block.offsetBytes }, dtype, { shape, parts, data });

      words[record + MEMBER.call] = CALLS.indexOf(spec.call);
      words[record + MEMBER.dtype] = DTYPE_CODES.indexOf(dtype);
      words[record + MEMBER.numElements] = data?.length ?? numel(shape);
      words[record + MEMBER.reduction] = spec.reduction ?? 0;
      words[record + MEMBER.algorithm] = spec.algorithm ?? 0;
      words[record + MEMBER.wire] = spec.wire ?? 0;
      words[record + MEMBER.detail] = spec.detail ?? 0;
      words[record + MEMBER.block] = block.offsetBytes / LINE_BYTES;
      times[(record + MEMBER.issueMs) >> 1] = nowMs();
      Atomics.store(words, record + MEMBER.arrived, 1);
      if (Atomics.add(words, slot + SLOT.numArrived, 1) + 1 === members.length) arrival.complete(slot, members);
      return exchangeOf(slot, generation, sequence, position, members, callOfBlock.get(block)!);
    },
  };

  function exchangeOf(
    slot: number,
    generation: number,
    sequence: number,
    position: number,
    members: readonly number[],
    call: BlockCall,
  ): Exchange {
    const statusAt = slot + SLOT.status;
    const exchange: Exchange = {
      slot,
      position,
      get startMs() {
        return times[(slot + SLOT.startMs) >> 1]!;
      },
      get finishMs() {
        return times[(slot + SLOT.finishMs) >> 1]!;
      },
      isReady: () =>
        Atomics.load(words, statusAt) === SLOT_STATUS.mismatch ||
        (Atomics.load(words, statusAt) === SLOT_STATUS.complete && nowMs() >= exchange.finishMs),
      waitForMembers() {
        while (Atomics.load(words, statusAt) === SLOT_STATUS.collecting)
          blockOn(statusAt, SLOT_STATUS.collecting, slot, generation);
        assertFits();
        for (let leftMs; (leftMs = exchange.finishMs - nowMs()) > 0;) Atomics.wait(sleeper, 0, 0, leftMs);
      },
      async waitForMembersAsync() {
        while (Atomics.load(words, statusAt) === SLOT_STATUS.collecting) {
          const woken = Atomics.waitAsync(words, statusAt, SLOT_STATUS.collecting);
          // The timer keeps the thread's event loop alive; waitAsync alone does not.
          const timer = Promise.withResolvers<void>();
          const id = setTimeout(timer.resolve, ASYNC_POLL_MS);
          await Promise.race([woken.value, timer.promise]);
          clearTimeout(id);
        }
        assertFits();
        for (let leftMs; (leftMs = exchange.finishMs - nowMs()) > 0;)
          await new Promise((resolve) => setTimeout(resolve, leftMs));
      },
      memberRecord: (member) => control.member(slot, member),
      block(member) {
        const record = control.member(slot, member);
        const dtype = DTYPE_CODES[words[record + MEMBER.dtype]!]!;
        return readBlock(arrival.placeOf(slot, member, members[member]!), dtype, words[record + MEMBER.numElements]!);
      },
      release() {
        if (call.hasLeft) return;
        call.hasLeft = true;
        if (Atomics.add(words, slot + SLOT.numReleased, 1) + 1 === members.length)
          freeSlot(control, slot, members.length);
      },
    };
    return exchange;

    function assertFits(): void {
      if (Atomics.load(words, statusAt) !== SLOT_STATUS.mismatch) return;
      const calls = arrival.issuedCalls(slot, members);
      const other = findMismatch(calls)!;
      throw ranksError('TF-RANKS-002', {
        subject: calls[0]!.call,
        expected: `call ${sequence} of ranks ${members.join(', ')} to be the same everywhere`,
        actual: `${describeCall(calls[0]!)} on rank ${calls[0]!.rank} and ${describeCall(other)} on rank ${other.rank}`,
      });
    }
  }

  function groupIndex({ kind, tag = 0, members }: CallSpec): number {
    const key = `${kind}/${tag}/${members.join()}`;
    let index = groupIndices.get(key);
    if (index === undefined) {
      index = findOrAddGroup(control, kind, tag, members);
      if (index < 0)
        throw ranksError('TF-RANKS-001', {
          subject: 'group',
          expected: `at most ${MAX_GROUPS} different groups and send/recv tags in a launch`,
        });
      groupIndices.set(key, index);
    }
    return index;
  }

  function allocateBlock(lengthBytes: number, slot: number, generation: number): HeapBlock {
    const isFree = (block: HeapBlock): boolean => {
      const call = callOfBlock.get(block)!;
      if (Atomics.load(words, call.slot + SLOT.generation) === call.generation) return false;
      callOfBlock.delete(block);
      return true;
    };
    const waitForSpace = (): void => {
      const isHopeless = [...callOfBlock.values()].every(({ hasLeft }) => !hasLeft);
      if (isHopeless) {
        throw ranksError('TF-RANKS-006', {
          subject: 'issue',
          expected: `room for ${formatBytes(lengthBytes)} in the ${formatBytes(heaps[rank]!.byteLength)} of rank ${rank}`,
          actual: `${callOfBlock.size} calls under way that rank ${rank} has not waited for`,
          hints: ['Wait earlier, or raise heapBytes of launchRanks.'],
        });
      }
      Atomics.wait(sleeper, 0, 0, 1);
    };
    const block = heap.allocate(lengthBytes, isFree, waitForSpace);
    callOfBlock.set(block, { slot, generation, hasLeft: false });
    return block;
  }

  /** Waits for other ranks and says so, so that a deadlock can be told from work. */
  function blockOn(index: number, value: number, slot: number, generation: number): void {
    const status = control.rank(rank);
    words[status + RANK.slot] = slot;
    words[status + RANK.generation] = generation;
    Atomics.add(words, status + RANK.epoch, 1);
    Atomics.store(words, status + RANK.state, RANK_STATE.waiting);
    Atomics.wait(words, index, value);
    Atomics.store(words, status + RANK.state, RANK_STATE.running);
    Atomics.add(words, status + RANK.epoch, 1);
  }
}

/** The tensor that a block holds, without copying. */
export function tensorOfBlock(block: MemberBlock, dtype: Dtype): Tensor {
  return { dtype, shape: block.shape, data: block.data as never };
}
