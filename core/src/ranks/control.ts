/** The shared control block of a launch: who has issued what, who waits where. All fields are Int32 words in one
 *  SharedArrayBuffer, written with Atomics where another thread may look; times are float64 pairs of words.
 *
 *  A slot is one collective call of one group: call number `sequence` of the group uses slot sequence mod NUM_SLOTS
 *  as soon as all members have left call sequence − NUM_SLOTS. */

/** Distinct groups (ordered rank lists; a pair and tag of send/recv counts as one) of a launch. */
export const MAX_GROUPS = 2048;
/** Calls of a group that may be in flight at once. */
export const NUM_SLOTS = 32;
export const MAX_RANKS = 32;

export const HEADER = { lock: 0, numGroups: 1, size: 16 } as const;
/** Per rank. `state` is a RankState; `epoch` grows at every change. */
export const RANK = { state: 0, group: 1, sequence: 2, epoch: 3, size: 4 } as const;
/** Per rank, float64: when its links become free. */
export const LINK = { outFreeMs: 0, inFreeMs: 1, size: 2 } as const;
export const GROUP = { kind: 0, tag: 1, size: 2, members: 3 } as const;
export const SLOT = {
  sequence: 0,
  numArrived: 1,
  numReleased: 2,
  status: 3,
  numChunksDone: 4,
  startMs: 6, // float64
  finishMs: 8, // float64
  members: 10,
} as const;
export const MEMBER = {
  /** sequence + 1 once the member has issued. */
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
  slot(group: number, sequence: number): number;
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
  const numWords = slotStart + MAX_GROUPS * NUM_SLOTS * slotSize;
  const memory = buffer ?? new SharedArrayBuffer(numWords * Int32Array.BYTES_PER_ELEMENT);
  return {
    numRanks,
    words: new Int32Array(memory),
    times: new Float64Array(memory),
    rank: (rank) => rankStart + rank * RANK.size,
    link: (rank) => linkStart / 2 + rank * LINK.size,
    group: (index) => groupStart + index * groupSize,
    slot: (group, sequence) => slotStart + (group * NUM_SLOTS + (sequence % NUM_SLOTS)) * slotSize,
    member: (slot, position) => slot + SLOT.members + position * MEMBER.size,
  };
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
    for (let sequence = 0; sequence < NUM_SLOTS; sequence++)
      words[control.slot(numGroups, sequence) + SLOT.sequence] = sequence;
    words[HEADER.numGroups] = numGroups + 1;
    return numGroups;
  });
}

export function membersOfGroup(control: Control, index: number): number[] {
  const group = control.group(index);
  const first = group + GROUP.members;
  return [...control.words.subarray(first, first + control.words[group + GROUP.size]!)];
}
