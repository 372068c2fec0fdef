/** Issuing and finishing one call: blocks in shared heaps, arrival, link time, waiting, release.
 *
 *  issue: copy the input into the own heap, publish the call, arrive; the last to arrive checks that the calls fit and
 *  works out when the links have carried the data. finish: wait for the others, then for the link, read, release.
 *  A block is laid out as [header: rank, dims, number of parts, part sizes][data]. */
import { formatBytes } from '../base/index.ts';
import { bytesPerElement, numel, type Dtype, type Shape, type Tensor, type TensorData } from '../tensor/index.ts';
import { DTYPES } from '../tensor/index.ts';
import { CALLS, describeCall, DTYPE_CODES, findMismatch, transferPattern, type IssuedCall } from './calls.ts';
import type { CallName } from './calls.ts';
import {
  findOrAddGroup,
  findOrTakeSlot,
  freeSlot,
  GROUP_KIND,
  LINK,
  MAX_GROUPS,
  MEMBER,
  NUM_SLOTS,
  RANK,
  RANK_STATE,
  SLOT,
  SLOT_STATUS,
  withLock,
  type Control,
} from './control.ts';
import { createHeap, LINE_BYTES, type HeapBlock } from './heap.ts';
import { transferTime, type Links } from './links.ts';
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

/** One member's block as the others see it. */
export interface MemberBlock {
  readonly shape: Shape;
  readonly parts: readonly number[];
  readonly data: TensorData;
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

const HEADER_WORDS = 80;
const MAX_DIMS = 8;
const BYTES_PER_WORD = Int32Array.BYTES_PER_ELEMENT;
const ASYNC_POLL_MS = 20;

export function createExchangePort({ control, heaps, rank, links, nowMs }: ExchangeOptions): ExchangePort {
  const { words, times } = control;
  const heap = createHeap(heaps[rank]!.byteLength, rank);
  const groupIndices = new Map<string, number>();
  const numIssued: number[] = []; // per group
  const callOfBlock = new Map<HeapBlock, BlockCall>();
  const sleeper = new Int32Array(new SharedArrayBuffer(BYTES_PER_WORD));

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
      const block = allocateBlock((data?.byteLength ?? 0) + HEADER_WORDS * BYTES_PER_WORD, slot, generation);
      const header = new Int32Array(heaps[rank]!, block.offsetBytes, HEADER_WORDS);
      header[0] = shape.length;
      header.set(shape, 1);
      header[1 + MAX_DIMS] = parts.length;
      header.set(parts, 2 + MAX_DIMS);
      if (data) dataView(rank, block.offsetBytes, dtype, data.length).set(data as never);

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
      if (Atomics.add(words, slot + SLOT.numArrived, 1) + 1 === members.length) complete(slot, members);
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
        const owner = members[member]!;
        const offsetBytes = words[record + MEMBER.block]! * LINE_BYTES;
        const header = new Int32Array(heaps[owner]!, offsetBytes, HEADER_WORDS);
        const dtype = DTYPE_CODES[words[record + MEMBER.dtype]!]!;
        return {
          shape: [...header.subarray(1, 1 + header[0]!)],
          parts: [...header.subarray(2 + MAX_DIMS, 2 + MAX_DIMS + header[1 + MAX_DIMS]!)],
          data: dataView(owner, offsetBytes, dtype, words[record + MEMBER.numElements]!),
        };
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
      const calls = issuedCalls(slot, members);
      const other = findMismatch(calls)!;
      throw ranksError('TF-RANKS-002', {
        subject: calls[0]!.call,
        expected: `call ${sequence} of ranks ${members.join(', ')} to be the same everywhere`,
        actual: `${describeCall(calls[0]!)} on rank ${calls[0]!.rank} and ${describeCall(other)} on rank ${other.rank}`,
      });
    }
  }

  function complete(slot: number, members: readonly number[]): void {
    const calls = issuedCalls(slot, members);
    const isFitting = findMismatch(calls) === undefined;
    let readyMs = 0;
    for (let member = 0; member < members.length; member++)
      readyMs = Math.max(readyMs, times[(control.member(slot, member) + MEMBER.issueMs) >> 1]!);
    times[(slot + SLOT.startMs) >> 1] = readyMs;
    times[(slot + SLOT.finishMs) >> 1] = readyMs;
    if (isFitting && links && members.length > 1) loadLinks(slot, members, calls, links, readyMs);
    Atomics.store(words, slot + SLOT.status, isFitting ? SLOT_STATUS.complete : SLOT_STATUS.mismatch);
    Atomics.notify(words, slot + SLOT.status);
  }

  function loadLinks(
    slot: number,
    members: readonly number[],
    calls: readonly IssuedCall[],
    given: Links,
    readyMs: number,
  ): void {
    const isPair = calls[0]!.call === 'send' || calls[0]!.call === 'recv';
    const elementBytes = calls[0]!.wire === 1 ? 2 : bytesPerElement(calls[0]!.dtype);
    const bytes = Math.max(...calls.map(({ numElements }) => numElements)) * elementBytes;
    const pattern = transferPattern(calls, bytes, foreignElements(slot, members) * elementBytes);
    const { finishAfterMs, linkBusyMs } = transferTime(given, members, pattern);
    withLock(control, () => {
      let startMs = readyMs;
      members.forEach((member, index) => {
        const link = control.link(member);
        if (!isPair || index === 0) startMs = Math.max(startMs, times[link + LINK.outFreeMs]!);
        if (!isPair || index === 1) startMs = Math.max(startMs, times[link + LINK.inFreeMs]!);
      });
      members.forEach((member, index) => {
        const link = control.link(member);
        if (!isPair || index === 0) times[link + LINK.outFreeMs] = startMs + linkBusyMs;
        if (!isPair || index === 1) times[link + LINK.inFreeMs] = startMs + linkBusyMs;
      });
      times[(slot + SLOT.startMs) >> 1] = startMs;
      times[(slot + SLOT.finishMs) >> 1] = startMs + finishAfterMs;
    });
  }

  /** All-to-all: the largest number of elements that one member sends to, or receives from, the others. */
  function foreignElements(slot: number, members: readonly number[]): number {
    const parts = members.map((owner, member) => {
      const offsetBytes = words[control.member(slot, member) + MEMBER.block]! * LINE_BYTES;
      const header = new Int32Array(heaps[owner]!, offsetBytes, HEADER_WORDS);
      return header.subarray(2 + MAX_DIMS, 2 + MAX_DIMS + header[1 + MAX_DIMS]!);
    });
    let largest = 0;
    for (let i = 0; i < members.length; i++) {
      let sent = 0;
      let received = 0;
      for (let j = 0; j < members.length; j++) {
        if (i === j) continue;
        sent += parts[i]![j] ?? 0;
        received += parts[j]![i] ?? 0;
      }
      largest = Math.max(largest, sent, received);
    }
    return largest;
  }

  function issuedCalls(slot: number, members: readonly number[]): IssuedCall[] {
    return members.map((member, position) => {
      const record = control.member(slot, position);
      return {
        rank: member,
        call: CALLS[words[record + MEMBER.call]!]!,
        dtype: DTYPE_CODES[words[record + MEMBER.dtype]!]!,
        numElements: words[record + MEMBER.numElements]!,
        reduction: words[record + MEMBER.reduction]!,
        algorithm: words[record + MEMBER.algorithm]!,
        wire: words[record + MEMBER.wire]!,
        detail: words[record + MEMBER.detail]!,
      };
    });
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

  function dataView(owner: number, offsetBytes: number, dtype: Dtype, length: number): TensorData {
    const { ArrayType } = DTYPES[dtype];
    return new (ArrayType as new (buffer: SharedArrayBuffer, offset: number, length: number) => TensorData)(
      heaps[owner]!,
      offsetBytes + HEADER_WORDS * BYTES_PER_WORD,
      length,
    );
  }
}

/** The tensor that a block holds, without copying. */
export function tensorOfBlock(block: MemberBlock, dtype: Dtype): Tensor {
  return { dtype, shape: block.shape, data: block.data as never };
}
