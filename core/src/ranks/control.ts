/** The shared control block of a launch: who has issued what, who waits where. All fields are Int32 words in one
 *  SharedArrayBuffer, written with Atomics where another thread may look; times are float64 pairs of words.
 *
 *  A slot is one call: number `sequence` of one group. Slots are found by hashing (group, sequence) and looking at a
 *  window of neighbours; the first member to issue takes a free one, the last to leave frees it. */
import { fmix32 } from '../base/index.ts';

/** Distinct groups (ordered rank lists; a pair and tag of send/recv counts as one) of a launch. */
export const MAX_GROUPS = 4096;
/** Slots of a launch; calls in flight are far fewer. */
export const NUM_SLOTS = 16384;
/** Slots that a call may lie in. */
const SLOT_WINDOW = 32;
export const MAX_RANKS = 32;

export const HEADER = { lock: 0, numGroups: 1, size: 16 } as const;
/** Per rank. `state` is one of RANK_STATE; `slot` is where it waits, `generation` that slot's; `epoch` grows at every change. */
export const RANK = { state: 0, slot: 1, generation: 2, epoch: 3, size: 4 } as const;
/** Per rank, float64: when its links become free. */
export const LINK = { outFreeMs: 0, inFreeMs: 1, size: 2 } as const;
export const GROUP = { kind: 0, tag: 1, size: 2, members: 3 } as const;
export const SLOT = {
  /** Group index + 1; 0: free. */
  group: 0,
  sequence: 1,
  /** Grows whenever the slot is freed. */
  generation: 2,
  numArrived: 3,
  numReleased: 4,
  status: 5,
  numChunksDone: 6,
  startMs: 8, // float64
  finishMs: 10, // float64
  members: 12,
} as const;
export const MEMBER = {
  /** 1 once the member has issued. */
  arrived: 0,
  call: 1,
  dtype: 2,
  numElements: 3,
  reduction: 4,
  algorithm: 5,
  wire: 6,
  detail: 7,
  /** Of the member's block in its heap, in 64-byte lines. */
  block: 8,
  /** Chunk states of the slot are kept here too: chunk i is that of member i. */
  chunkState: 9,
  issueMs: 10, // float64
  size: 12,
} as const;

export const RANK_STATE = { starting: 0, running: 1, waiting: 2, finished: 3 } as const;
export const SLOT_STATUS = { collecting: 0, complete: 1, mismatch: 2 } as const;
export const CHUNK_STATE = { open: 0, claimed: 1, done: 2 } as const;
export const GROUP_KIND = { collective: 0, pointToPoint: 1 } as const;

export interface Control {
  readonly numRanks: number;
  readonly words: Int32Array;
  readonly times: Float64Array;
  rank(rank: number): number;
  /** Index into `times`. */
  link(rank: number): number;
  group(index: number): number;
  slot(index: number): number;
  member(slot: number, position: number): number;
}

/** @param buffer  of the launch; without one a new block is made */
export function createControl(numRanks: number, buffer?: SharedArrayBuffer): Control {
  const groupSize = GROUP.members + numRanks + ((GROUP.members + numRanks) % 2);
  const slotSize = SLOT.members + numRanks * MEMBER.size;
  const rankStart = HEADER.size;
  const linkStart = rankStart + numRanks * RANK.size;
  const groupStart = linkStart + numRanks * LINK.size * 2;
  const slotStart = groupStart + MAX_GROUPS * groupSize;
  const numWords = slotStart + NUM_SLOTS * slotSize;
  const memory = buffer ?? new SharedArrayBuffer(numWords * Int32Array.BYTES_PER_ELEMENT);
  return {
    numRanks,
    words: new Int32Array(memory),
    times: new Float64Array(memory),
    rank: (rank) => rankStart + rank * RANK.size,
    link: (rank) => linkStart / 2 + rank * LINK.size,
    group: (index) => groupStart + index * groupSize,
    slot: (index) => slotStart + index * slotSize,
    member: (slot, position) => slot + SLOT.members + position * MEMBER.size,
  };
}

/** Makes the block as good as new after a launch that ended well: every slot is free by then. */
export function resetControl({ words, group }: Control): void {
  words.fill(0, HEADER.size, group(0)); // ranks and links
  words[HEADER.numGroups] = 0;
}

const UNLOCKED = 0;
const LOCKED = 1;

/** Runs `action` while no other thread is inside withLock. */
export function withLock<T>({ words }: Control, action: () => T): T {
  while (Atomics.compareExchange(words, HEADER.lock, UNLOCKED, LOCKED) !== UNLOCKED)
    Atomics.wait(words, HEADER.lock, LOCKED);
  try {
    return action();
  } finally {
    Atomics.store(words, HEADER.lock, UNLOCKED);
    Atomics.notify(words, HEADER.lock, 1);
  }
}

/** Index of the group with these members, registering it at first sight. @returns -1 if the table is full */
export function findOrAddGroup(control: Control, kind: number, tag: number, members: readonly number[]): number {
  const { words } = control;
  return withLock(control, () => {
    const numGroups = words[HEADER.numGroups]!;
    for (let index = 0; index < numGroups; index++) {
      const group = control.group(index);
      if (words[group + GROUP.kind] !== kind || words[group + GROUP.tag] !== tag) continue;
      if (words[group + GROUP.size] !== members.length) continue;
      if (members.every((rank, position) => words[group + GROUP.members + position] === rank)) return index;
    }
    if (numGroups === MAX_GROUPS) return -1;
    const group = control.group(numGroups);
    words[group + GROUP.kind] = kind;
    words[group + GROUP.tag] = tag;
    words[group + GROUP.size] = members.length;
    members.forEach((rank, position) => (words[group + GROUP.members + position] = rank));
    words[HEADER.numGroups] = numGroups + 1;
    return numGroups;
  });
}

export function membersOfGroup(control: Control, index: number): number[] {
  const group = control.group(index);
  const first = group + GROUP.members;
  return [...control.words.subarray(first, first + control.words[group + GROUP.size]!)];
}

/** The slot of a call, taken from the free ones if no member has issued it yet.
 *  @returns index into words; -1 if too many calls are in flight */
export function findOrTakeSlot(control: Control, group: number, sequence: number): number {
  const { words } = control;
  const home = fmix32(Math.imul(group, 0x9e3779b1) ^ sequence);
  return withLock(control, () => {
    let free = -1;
    for (let i = 0; i < SLOT_WINDOW; i++) {
      const slot = control.slot((home + i) % NUM_SLOTS);
      const owner = words[slot + SLOT.group]!;
      if (owner === group + 1 && words[slot + SLOT.sequence] === sequence) return slot;
      if (owner === 0 && free < 0) free = slot;
    }
    if (free < 0) return -1;
    words[free + SLOT.group] = group + 1;
    words[free + SLOT.sequence] = sequence;
    return free;
  });
}

/** Called by the last member to leave. */
export function freeSlot(control: Control, slot: number, numMembers: number): void {
  const { words } = control;
  withLock(control, () => {
    for (let member = 0; member < numMembers; member++) {
      words[control.member(slot, member) + MEMBER.arrived] = 0;
      words[control.member(slot, member) + MEMBER.chunkState] = CHUNK_STATE.open;
    }
    words[slot + SLOT.numArrived] = 0;
    words[slot + SLOT.numReleased] = 0;
    words[slot + SLOT.numChunksDone] = 0;
    words[slot + SLOT.status] = SLOT_STATUS.collecting;
    words[slot + SLOT.group] = 0;
    Atomics.add(words, slot + SLOT.generation, 1);
  });
}
