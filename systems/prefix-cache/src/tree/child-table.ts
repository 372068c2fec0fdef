/** Open addressing with linear probing, by (parent, first token of the edge). It stores nodes only; what they hash to is
 *  asked from the tree, so that nothing is stored twice. */
import { fmix32 } from '@tenfold/core/base';

export const NO_NODE = -1;
const GOLDEN_RATIO_32 = 0x9e3779b1;

export function hashOfChild(parent: number, token: number): number {
  return fmix32(Math.imul(parent, GOLDEN_RATIO_32) ^ token);
}

export class ChildTable {
  slots: Int32Array<ArrayBuffer>;
  mask: number;
  readonly #hashOf: (node: number) => number;
  #entries = 0;

  /** @param size  power of two */
  constructor(size: number, hashOf: (node: number) => number) {
    this.slots = new Int32Array(size).fill(NO_NODE);
    this.mask = size - 1;
    this.#hashOf = hashOf;
  }

  enter(node: number): void {
    if ((this.#entries + 1) * 2 > this.slots.length) this.#grow();
    const { slots, mask } = this;
    let slot = this.#hashOf(node) & mask;
    while (slots[slot] !== NO_NODE) slot = (slot + 1) & mask;
    slots[slot] = node;
    this.#entries++;
  }

  /** Without grave marks: later entries of the run move back. */
  remove(node: number): void {
    const { slots, mask } = this;
    let hole = this.#hashOf(node) & mask;
    while (slots[hole] !== node) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; slots[slot] !== NO_NODE; slot = (slot + 1) & mask) {
      const home = this.#hashOf(slots[slot]!) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = slots[slot]!;
        hole = slot;
      }
    }
    slots[hole] = NO_NODE;
    this.#entries--;
  }

  #grow(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2).fill(NO_NODE);
    this.mask = this.slots.length - 1;
    this.#entries = 0;
    for (const node of old) if (node !== NO_NODE) this.enter(node);
  }
}
