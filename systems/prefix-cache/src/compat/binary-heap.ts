/** A binary min-heap with the sift order of Python's heapq, so that ties leave it in the same order. */

export interface HeapEntry {
  readonly key: number;
  readonly node: number;
}

export function heapify(heap: HeapEntry[]): void {
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) siftToLeaf(heap, i);
}

export function heapPush(heap: HeapEntry[], entry: HeapEntry): void {
  heap.push(entry);
  siftUp(heap, 0, heap.length - 1);
}

export function heapPop(heap: HeapEntry[]): HeapEntry {
  const last = heap.pop()!;
  if (heap.length === 0) return last;
  const least = heap[0]!;
  heap[0] = last;
  siftToLeaf(heap, 0);
  return least;
}

/** Moves the hole to a leaf along the smaller children, then lets the entry rise. */
function siftToLeaf(heap: HeapEntry[], start: number): void {
  const entry = heap[start]!;
  let at = start;
  for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
    const right = child + 1;
    if (right < heap.length && !(heap[child]!.key < heap[right]!.key)) child = right;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = entry;
  siftUp(heap, start, at);
}

function siftUp(heap: HeapEntry[], start: number, from: number): void {
  const entry = heap[from]!;
  let at = from;
  while (at > start) {
    const parent = (at - 1) >> 1;
    if (!(entry.key < heap[parent]!.key)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}
