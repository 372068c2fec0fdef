/** The published simulator's vLLM-style baseline: fixed blocks, each with its keys, values and one checkpoint.
 *  A trie of blocks; a hit counts full blocks, and a last partial block only if it matches entirely. LRU on leaves,
 *  times of all visited nodes. A shorter last block is filled when a later sequence extends it. */
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
    const { node, matched } = this.#walk(this.#blocksOf(tokens), true);
    const partial = this.#findPartial(node, tokens.subarray(matched * this.#blockSymbols));
    let reused = 0;
    if (partial >= 0) {
      reused += this.#sizeOf(partial);
      this.#tree.lastAccess[partial] = this.clock;
    }
    for (let at = node; !this.#tree.isRoot(at); at = this.#tree.parent[at]!) reused += this.#sizeOf(at);
    return reused;
  }

  insert(tokens: Int32Array): void {
    this.clock++;
    const tree = this.#tree;
    const blocks = this.#blocksOf(tokens);
    const { matched } = this.#walk(blocks, true);
    const newTokens = Math.max(0, tokens.length - matched * this.#blockSymbols);
    const need = (blocks.length - matched) * this.#stateBytes + newTokens * this.#kvBytesPerToken;
    if (this.bytes + need > this.capacityBytes) this.#evict(this.bytes + need - this.capacityBytes);
    const { node, matched: kept } = this.#walk(blocks, false);
    let at = node;
    for (let i = kept; i < blocks.length; i++) {
      const partial = this.#findPartial(at, tokens.subarray(i * this.#blockSymbols));
      if (partial >= 0) this.#drop(partial);
      const parent = at;
      at = tree.addLeaf(parent, blocks, i, i + 1);
      tree.lastAccess[at] = this.clock;
      this.#numTokens += this.#sizeOf(at);
      if (this.#sizeOf(at) < this.#blockSymbols)
        this.#partials.set(parent, [...(this.#partials.get(parent) ?? []), at]);
    }
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  #walk(blocks: Int32Array, isVisit: boolean): { readonly node: number; readonly matched: number } {
    const tree = this.#tree;
    let node = tree.root;
    let matched = 0;
    while (matched < blocks.length) {
      const child = tree.findChild(node, blocks[matched]!);
      if (child < 0) break;
      if (isVisit) tree.lastAccess[child] = this.clock;
      node = child;
      matched++;
    }
    return { node, matched };
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

  /** The longest partial block below a node that the tokens start with, or −1. */
  #findPartial(node: number, tokens: Int32Array): number {
    let best = -1;
    for (const partial of this.#partials.get(node) ?? []) {
      const content = this.#contentOf(partial);
      if (content.length > tokens.length || (best >= 0 && content.length <= this.#sizeOf(best))) continue;
      if (content.every((token, i) => token === tokens[i])) best = partial;
    }
    return best;
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

  #blocksOf(tokens: Int32Array): Int32Array {
    const blocks = new Int32Array(Math.ceil(tokens.length / this.#blockSymbols));
    for (let i = 0; i < blocks.length; i++) {
      const block = tokens.subarray(i * this.#blockSymbols, (i + 1) * this.#blockSymbols);
      const key = block.join();
      let id = this.#blockIds.get(key);
      if (id === undefined) {
        id = this.#contents.length;
        this.#blockIds.set(key, id);
        this.#contents.push(block.slice());
      }
      blocks[i] = id;
    }
    return blocks;
  }
}
