/** What the last member to issue a call does: check that the calls fit, and work out when the links have carried it. */
import { bytesPerElement } from '../tensor/index.ts';
import { CALLS, DTYPE_CODES, findMismatch, transferPattern, type IssuedCall } from './calls.ts';
import { LINK, MEMBER, SLOT, SLOT_STATUS, withLock, type Control } from './control.ts';
import { LINE_BYTES } from './heap.ts';
import { transferTime, type Links } from './links.ts';
import { partsOfBlock, type BlockPlace } from './message-blocks.ts';

/** Bytes of a bf16 element on the wire. */
const BF16_BYTES = 2;

export interface Arrival {
  /** Sets the slot's times and status and wakes the members. */
  complete(slot: number, members: readonly number[]): void;
  issuedCalls(slot: number, members: readonly number[]): IssuedCall[];
  /** Where the block of a member of a call lies. */
  placeOf(slot: number, position: number, owner: number): BlockPlace;
}

export function createArrival(
  control: Control,
  heaps: readonly SharedArrayBuffer[],
  links: Links | undefined,
): Arrival {
  const { words, times } = control;
  const arrival: Arrival = {
    complete(slot, members) {
      const calls = arrival.issuedCalls(slot, members);
      const isFitting = findMismatch(calls) === undefined;
      let readyMs = 0;
      for (let member = 0; member < members.length; member++)
        readyMs = Math.max(readyMs, times[(control.member(slot, member) + MEMBER.issueMs) >> 1]!);
      times[(slot + SLOT.startMs) >> 1] = readyMs;
      times[(slot + SLOT.finishMs) >> 1] = readyMs;
      if (isFitting && links && members.length > 1) loadLinks(slot, members, calls, links, readyMs);
      Atomics.store(words, slot + SLOT.status, isFitting ? SLOT_STATUS.complete : SLOT_STATUS.mismatch);
      Atomics.notify(words, slot + SLOT.status);
    },
    issuedCalls: (slot, members) =>
      members.map((rank, position) => {
        const record = control.member(slot, position);
        return {
          rank,
          call: CALLS[words[record + MEMBER.call]!]!,
          dtype: DTYPE_CODES[words[record + MEMBER.dtype]!]!,
          numElements: words[record + MEMBER.numElements]!,
          reduction: words[record + MEMBER.reduction]!,
          algorithm: words[record + MEMBER.algorithm]!,
          wire: words[record + MEMBER.wire]!,
          detail: words[record + MEMBER.detail]!,
        };
      }),
    placeOf: (slot, position, owner) => ({
      heap: heaps[owner]!,
      offsetBytes: words[control.member(slot, position) + MEMBER.block]! * LINE_BYTES,
    }),
  };
  return arrival;

  function loadLinks(
    slot: number,
    members: readonly number[],
    calls: readonly IssuedCall[],
    given: Links,
    readyMs: number,
  ): void {
    const isPair = calls[0]!.call === 'send' || calls[0]!.call === 'recv';
    const elementBytes = calls[0]!.wire === 1 ? BF16_BYTES : bytesPerElement(calls[0]!.dtype);
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
    const parts = members.map((owner, member) => partsOfBlock(arrival.placeOf(slot, member, owner)));
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
}
