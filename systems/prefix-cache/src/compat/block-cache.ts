/** The published simulator's vLLM-style baseline: fixed blocks, each with its keys, values and one checkpoint.
 *  A trie of blocks; a hit counts full blocks, and a last partial block only if it matches entirely. LRU on leaves,
 *  times of all visited nodes. A shorter last block is filled when a later sequence extends it.
 *  Quirks that are kept: the room needed is a rough estimate that may be negative, so the budget can be overrun; a lookup
 *  takes the first shorter block that fits, not the longest, and does not refresh it. */
import { kvBytes, ssmStateBytes, type PaperModel } from '../cost/paper-costs.ts';
import { RadixTree } from '../tree/radix-tree.ts';
import { heapify, heapPop, heapPush, type HeapEntry } from './binary-heap.ts';

const BLOCK_TOKENS = 32;

export class BlockCache {
  readonly capacityBytes: number;
  numEvictions = 0;
  peakBytes = 0;
  clock = 0;
  /** Interned blocks: every block is a node whose "tokens" are the id of its content. */
  readonly #tree = new RadixTree();
  readonly #blockIds = new Map<string, number>();
  readonly #contents: Int32Array[] = [];
  /** Shorter last blocks below a node: they have no children and may be filled. */
  readonly #partials = new Map<number, number[]>();
  readonly #blockSymbols: number;
  readonly #stateBytes: number;
  readonly #kvBytesPerToken: number;
  #numTokens = 0;

  /** @param symbolTokens  tokens that one symbol of the sequences stands for, default 1 */
  constructor(model: PaperModel, capacityBytes: number, symbolTokens = 1) {
    this.capacityBytes = capacityBytes;
    this.#blockSymbols = Math.ceil(BLOCK_TOKENS / symbolTokens);
    this.#stateBytes = model.numSsm * ssmStateBytes(model.width, model.stateWidth);
    this.#kvBytesPerToken = model.numAttention * kvBytes(symbolTokens, model.width);
  }

  get bytes(): number {
    return (this.#tree.numNodes - 1) * this.#stateBytes + this.#numTokens * this.#kvBytesPerToken;
  }

  /** @returns tokens that can be reused */
  lookup(tokens: Int32Array): number {
    this.clock++;
    return this.#match(tokens).reused;
  }

  insert(tokens: Int32Array): void {
    this.clock += 2;
    // The published estimate: the root counts as a matched block, and states are a fraction of the tokens left.
    const { numMatched } = this.#match(tokens);
    const newTokens = tokens.length - this.#blockSymbols * (numMatched + 1);
    const need = (newTokens / this.#blockSymbols) * this.#stateBytes + newTokens * this.#kvBytesPerToken;
    if (this.bytes + need > this.capacityBytes) {
      this.clock++;
      this.#evict(this.bytes + need - this.capacityBytes);
    }
    this.#place(tokens);
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  /** Full blocks as far as they are known, then the first shorter block that the rest begins with. */
  #match(tokens: Int32Array): { readonly reused: number; readonly numMatched: number } {
    const tree = this.#tree;
    const size = this.#blockSymbols;
    let node = tree.root;
    let numMatched = 0;
    tree.lastAccess[node] = this.clock;
    for (; (numMatched + 1) * size <= tokens.length; numMatched++) {
      const child = this.#findBlock(node, tokens.subarray(numMatched * size, (numMatched + 1) * size));
      if (child < 0) break;
      node = child;
      tree.lastAccess[node] = this.clock;
    }
    const rest = tokens.subarray(numMatched * size);
    const partial = (this.#partials.get(node) ?? []).find((child) => startsWith(rest, this.#contentOf(child)));
    if (partial === undefined) return { reused: numMatched * size, numMatched };
    return { reused: numMatched * size + this.#sizeOf(partial), numMatched: numMatched + 1 };
  }

  #place(tokens: Int32Array): void {
    const tree = this.#tree;
    const size = this.#blockSymbols;
    let node = tree.root;
    for (let at = 0; ; at += size) {
      tree.lastAccess[node] = this.clock;
      if (at >= tokens.length) return;
      const block = tokens.subarray(at, at + size);
      const known = this.#findBlock(node, block);
      if (known >= 0) {
        node = known;
        continue;
      }
      // A shorter block is filled up: it leaves its place and stands last among its siblings.
      const partial = this.#findFillable(node, block);
      if (partial >= 0) this.#drop(partial);
      node = this.#add(node, block);
    }
  }

  #add(parent: number, block: Int32Array): number {
    const leaf = this.#tree.addLeaf(parent, Int32Array.of(this.#idOf(block)), 0);
    this.#tree.lastAccess[leaf] = this.clock;
    this.#numTokens += block.length;
    if (block.length < this.#blockSymbols) this.#partials.set(parent, [...(this.#partials.get(parent) ?? []), leaf]);
    return leaf;
  }

  #evict(bytes: number): void {
    const tree = this.#tree;
    const heap: HeapEntry[] = [];
    tree.preorder(tree.root, (node) => {
      if (tree.childCount[node] === 0) heap.push({ key: tree.lastAccess[node]!, node });
    });
    heapify(heap);
    let freed = 0;
    while (freed < bytes && heap.length > 0) {
      const { node } = heapPop(heap);
      const size = this.#sizeOf(node);
      freed += this.#stateBytes + size * this.#kvBytesPerToken;
      const parent = this.#drop(node);
      this.numEvictions++;
      if (tree.childCount[parent] === 0 && !tree.isRoot(parent))
        heapPush(heap, { key: tree.lastAccess[parent]!, node: parent });
    }
  }

  /** The child with exactly this content, or −1. */
  #findBlock(node: number, block: Int32Array): number {
    const id = this.#blockIds.get(block.join());
    return id === undefined ? -1 : this.#tree.findChild(node, id);
  }

  /** The shorter block that the content begins with, unless another child shares more with it, or −1. */
  #findFillable(node: number, block: Int32Array): number {
    const partials = (this.#partials.get(node) ?? []).filter((child) => startsWith(block, this.#contentOf(child)));
    if (partials.length === 0) return -1;
    const most = Math.max(...this.#tree.childrenOf(node).map((child) => commonLength(this.#contentOf(child), block)));
    return partials.find((child) => this.#sizeOf(child) === most) ?? -1;
  }

  /** @returns the parent */
  #drop(node: number): number {
    const size = this.#sizeOf(node);
    this.#numTokens -= size;
    const parent = this.#tree.removeLeaf(node);
    if (size < this.#blockSymbols) {
      const rest = (this.#partials.get(parent) ?? []).filter((other) => other !== node);
      if (rest.length > 0) this.#partials.set(parent, rest);
      else this.#partials.delete(parent);
    }
    return parent;
  }

  #contentOf(node: number): Int32Array {
    return this.#contents[this.#tree.edgeOf(node)[0]!]!;
  }

  #sizeOf(node: number): number {
    return this.#contentOf(node).length;
  }

  #idOf(block: Int32Array): number {
    const key = block.join();
    let id = this.#blockIds.get(key);
    if (id === undefined) {
      id = this.#contents.length;
      this.#blockIds.set(key, id);
      this.#contents.push(block.slice());
    }
    return id;
  }
}

function startsWith(tokens: Int32Array, start: Int32Array): boolean {
  return start.length <= tokens.length && commonLength(tokens, start) === start.length;
}

function commonLength(a: Int32Array, b: Int32Array): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}
