/** Binary min-heap of (key, id) in typed arrays: smaller key first, then smaller id. */
export interface EventHeap {
  readonly size: number;
  push(key: number, id: number): void;
  /** Id of the least entry; the heap must not be empty. */
  peekId(): number;
  peekKey(): number;
  pop(): number;
}

export function createEventHeap(capacity = 16): EventHeap {
  let keys = new Float64Array(Math.max(1, capacity));
  let ids = new Int32Array(keys.length);
  let size = 0;
  return {
    get size() {
      return size;
    },
    push(key, id) {
      if (size === keys.length) {
        const largerKeys = new Float64Array(size * 2);
        largerKeys.set(keys);
        const largerIds = new Int32Array(size * 2);
        largerIds.set(ids);
        [keys, ids] = [largerKeys, largerIds];
      }
      let i = size++;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (keys[parent]! < key || (keys[parent] === key && ids[parent]! <= id)) break;
        keys[i] = keys[parent]!;
        ids[i] = ids[parent]!;
        i = parent;
      }
      keys[i] = key;
      ids[i] = id;
    },
    peekId: () => ids[0]!,
    peekKey: () => keys[0]!,
    pop() {
      const top = ids[0]!;
      const key = keys[--size]!;
      const id = ids[size]!;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= size) break;
        const right = child + 1;
        if (right < size && (keys[right]! < keys[child]! || (keys[right] === keys[child] && ids[right]! < ids[child]!)))
          child = right;
        if (key < keys[child]! || (key === keys[child] && id <= ids[child]!)) break;
        keys[i] = keys[child]!;
        ids[i] = ids[child]!;
        i = child;
      }
      keys[i] = key;
      ids[i] = id;
      return top;
    },
  };
}
