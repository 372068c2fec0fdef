/** Non-dominated triples (W small, Y small, C large) of many states: linked lists in growing columns. */

export class FrontPool {
  slowest: Float64Array<ArrayBuffer>;
  exposed: Float64Array<ArrayBuffer>;
  hidden: Float64Array<ArrayBuffer>;
  parent: Int32Array<ArrayBuffer>;
  /** Layers so far and replica index of the last stage. */
  layer: Int16Array<ArrayBuffer>;
  replica: Int8Array<ArrayBuffer>;
  next: Int32Array<ArrayBuffer>;
  size = 0;

  constructor(capacity = 4096) {
    this.slowest = new Float64Array(capacity);
    this.exposed = new Float64Array(capacity);
    this.hidden = new Float64Array(capacity);
    this.parent = new Int32Array(capacity);
    this.layer = new Int16Array(capacity);
    this.replica = new Int8Array(capacity);
    this.next = new Int32Array(capacity);
  }

  /** Adds a triple to the list of `heads[state]` unless something there is at least as good; drops what it beats. */
  insert(heads: Int32Array, state: number, slowest: number, exposed: number, hidden: number): number {
    let previous = -1;
    for (let entry = heads[state]!; entry >= 0; entry = this.next[entry]!) {
      const w = this.slowest[entry]!;
      const y = this.exposed[entry]!;
      const c = this.hidden[entry]!;
      if (w <= slowest && y <= exposed && c >= hidden) return -1;
      if (slowest <= w && exposed <= y && hidden >= c) {
        if (previous < 0) heads[state] = this.next[entry]!;
        else this.next[previous] = this.next[entry]!;
      } else previous = entry;
    }
    return this.push(heads, state, slowest, exposed, hidden);
  }

  /** Keeps only the triple with the smallest weight · W + Y. */
  insertScalar(
    heads: Int32Array,
    state: number,
    triple: readonly [slowest: number, exposed: number, hidden: number],
    weight: number,
  ): number {
    const [slowest, exposed, hidden] = triple;
    const entry = heads[state]!;
    if (entry >= 0) {
      if (weight * this.slowest[entry]! + this.exposed[entry]! <= weight * slowest + exposed) return -1;
      heads[state] = -1;
    }
    return this.push(heads, state, slowest, exposed, hidden);
  }

  private push(heads: Int32Array, state: number, slowest: number, exposed: number, hidden: number): number {
    if (this.size === this.slowest.length) this.grow();
    const entry = this.size++;
    this.slowest[entry] = slowest;
    this.exposed[entry] = exposed;
    this.hidden[entry] = hidden;
    this.next[entry] = heads[state]!;
    heads[state] = entry;
    return entry;
  }

  private grow(): void {
    const capacity = this.slowest.length * 2;
    const wide = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(capacity);
      grown.set(old);
      return grown;
    };
    const long = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(capacity);
      grown.set(old);
      return grown;
    };
    this.slowest = wide(this.slowest);
    this.exposed = wide(this.exposed);
    this.hidden = wide(this.hidden);
    this.parent = long(this.parent);
    this.next = long(this.next);
    const layer = new Int16Array(capacity);
    layer.set(this.layer);
    this.layer = layer;
    const replica = new Int8Array(capacity);
    replica.set(this.replica);
    this.replica = replica;
  }
}
