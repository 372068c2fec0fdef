/** Indices in rising order of score, as far as they are asked for. Cost: O(n) to make, O(log n) a pop. */
export class SmallestFirst {
  readonly #scores: Float64Array;
  readonly #heap: Int32Array;
  #size: number;

  constructor(scores: Float64Array, count: number) {
    this.#scores = scores;
    this.#heap = new Int32Array(count);
    this.#size = count;
    for (let i = 0; i < count; i++) this.#heap[i] = i;
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** @returns −1 when none is left */
  pop(): number {
    if (this.#size === 0) return -1;
    const least = this.#heap[0]!;
    this.#heap[0] = this.#heap[--this.#size]!;
    this.#sink(0);
    return least;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const scores = this.#scores;
    const entry = heap[start]!;
    const score = scores[entry]!;
    let at = start;
    for (let child = 2 * at + 1; child < this.#size; child = 2 * at + 1) {
      const right = child + 1;
      if (right < this.#size && scores[heap[right]!]! < scores[heap[child]!]!) child = right;
      if (scores[heap[child]!]! >= score) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}
