/** The block allocator of one rank's shared memory: first fit, so that low addresses (already mapped) are used again.
 *  Only the owner allocates; a block is free again once every member has left the call that it belongs to. */
import { formatBytes } from '../base/index.ts';
import { ranksError } from './ranks-errors.ts';

/** Blocks start on cache lines. */
export const LINE_BYTES = 64;

export interface HeapBlock {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export interface Heap {
  /** @param isFree  tells whether a block may be reused
   *  @param waitForSpace  called while there is no room; may throw */
  allocate(lengthBytes: number, isFree: (block: HeapBlock) => boolean, waitForSpace: () => void): HeapBlock;
}

export function createHeap(heapBytes: number, rank: number): Heap {
  let blocks: HeapBlock[] = []; // by offset
  return {
    allocate(wantedBytes, isFree, waitForSpace) {
      const lengthBytes = Math.max(LINE_BYTES, Math.ceil(wantedBytes / LINE_BYTES) * LINE_BYTES);
      if (lengthBytes > heapBytes) {
        throw ranksError('TF-RANKS-006', {
          subject: 'allocate',
          expected: `a message of at most ${formatBytes(heapBytes)}`,
          actual: formatBytes(lengthBytes),
          location: `rank ${rank}`,
          hints: ['Raise heapBytes of launchRanks.'],
        });
      }
      for (;;) {
        blocks = blocks.filter((block) => !isFree(block));
        let offsetBytes = 0;
        let position = 0;
        while (position < blocks.length && blocks[position]!.offsetBytes - offsetBytes < lengthBytes) {
          offsetBytes = blocks[position]!.offsetBytes + blocks[position]!.lengthBytes;
          position++;
        }
        if (offsetBytes + lengthBytes <= heapBytes) {
          const block = { offsetBytes, lengthBytes };
          blocks.splice(position, 0, block);
          return block;
        }
        waitForSpace();
      }
    },
  };
}
