/** The published simulator's cache, quirks included, so that its figures can be compared token by token.
 *  `leafLru` is its SGLang-style baseline, `marconi` evicts nodes of up to one child by utility (paper, eq. 2).
 *  Quirks that are kept: after a partial edge the walk goes on below it; the MLP term of the score subtracts attention
 *  FLOPs; a leaf frees the bytes of the last candidate's edge; the score divides by the bytes of the whole depth;
 *  an eviction may take part of the path just matched, so the budget can be overrun. */
import { attentionFlops, kvBytes, mlpFlops, ssmFlops, ssmStateBytes, type PaperModel } from '../cost/paper-costs.ts';
import { RadixTree } from '../tree/radix-tree.ts';
import { heapify, heapPop, heapPush, type HeapEntry } from './binary-heap.ts';

export type CompatPolicy = { readonly kind: 'leafLru' } | { readonly kind: 'marconi'; alpha: number };

export interface CompatMatch {
  /** Tokens of fully matched edges. */
  readonly reusedTokens: number;
  /** Tokens matched whatever can be reused. */
  readonly prefixTokens: number;
  readonly isBranch: boolean;
}

export class CompatCache {
  readonly tree = new RadixTree();
  readonly model: PaperModel;
  readonly policy: CompatPolicy;
  readonly capacityBytes: number;
  clock = 0;
  numEvictions = 0;
  /** Whether an insertion ever ran out of room, even if there was nothing to remove. */
  hasOverflowed = false;
  peakBytes = 0;
  readonly #stateBytes: number;
  readonly #kvBytesPerToken: number;

  readonly #symbolTokens: number;

  /** @param symbolTokens  tokens that one symbol of the sequences stands for, default 1 */
  constructor(model: PaperModel, capacityBytes: number, policy: CompatPolicy, symbolTokens = 1) {
    this.model = model;
    this.#symbolTokens = symbolTokens;
    this.capacityBytes = capacityBytes;
    this.policy = policy;
    this.#stateBytes = model.numSsm * ssmStateBytes(model.width, model.stateWidth);
    this.#kvBytesPerToken = model.numAttention * kvBytes(symbolTokens, model.width);
  }

  get bytes(): number {
    return this.tree.numStates * this.#stateBytes + this.tree.numTokens * this.#kvBytesPerToken;
  }

  lookup(tokens: Int32Array): CompatMatch {
    this.clock++;
    const { tree, clock } = this;
    const isLru = this.policy.kind === 'leafLru';
    let node = tree.root;
    let deepest = node;
    let reusedTokens = 0;
    let at = 0;
    if (isLru) tree.lastAccess[node] = clock;
    while (at < tokens.length) {
      const child = tree.findChild(node, tokens[at]!);
      if (child < 0) break;
      const length = tree.matchEdge(child, tokens, at);
      if (isLru) tree.lastAccess[child] = clock;
      at += length;
      if (length === tree.tokenCount[child]) {
        reusedTokens += length;
        deepest = child;
      }
      node = child;
    }
    if (!isLru && !tree.isRoot(deepest)) tree.lastAccess[deepest] = clock;
    return { reusedTokens, prefixTokens: at, isBranch: at > reusedTokens };
  }

  /** Inserts input and output of a finished request. */
  insert(tokens: Int32Array): void {
    this.clock++;
    const { prefixTokens, isBranch } = this.lookup(tokens);
    const need = (isBranch ? 2 : 1) * this.#stateBytes + (tokens.length - prefixTokens) * this.#kvBytesPerToken;
    if (this.bytes + need > this.capacityBytes) this.evict(this.bytes + need - this.capacityBytes);
    this.#place(tokens);
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  /** Removes nodes until the bytes are (believed to be) free. */
  evict(bytes: number): void {
    this.clock++;
    this.hasOverflowed = true;
    if (this.policy.kind === 'leafLru') this.#evictLeaves(bytes);
    else this.#evictByUtility(bytes, this.policy.alpha);
  }

  #place(tokens: Int32Array): void {
    const { tree, clock } = this;
    const isLru = this.policy.kind === 'leafLru';
    let node = tree.root;
    let at = 0;
    while (at < tokens.length) {
      // The baseline refreshes every node it passes once more: an eviction may have moved the clock since the lookup.
      if (isLru) tree.lastAccess[node] = clock;
      const child = tree.findChild(node, tokens[at]!);
      if (child < 0) {
        const leaf = tree.addLeaf(node, tokens, at);
        tree.setState(leaf, true);
        tree.lastAccess[leaf] = clock;
        return;
      }
      const length = tree.matchEdge(child, tokens, at);
      at += length;
      node = child;
      if (length < tree.tokenCount[child]!) {
        node = tree.splitEdge(child, length);
        tree.setState(node, true);
        tree.lastAccess[node] = clock;
      }
    }
  }

  #evictLeaves(bytes: number): void {
    const { tree } = this;
    const heap: HeapEntry[] = [];
    tree.preorder(tree.root, (node) => {
      if (tree.childCount[node] === 0) heap.push({ key: tree.lastAccess[node]!, node });
    });
    heapify(heap);
    let freed = 0;
    while (freed < bytes && heap.length > 0) {
      const { node } = heapPop(heap);
      freed += this.#stateBytes + tree.tokenCount[node]! * this.#kvBytesPerToken;
      const parent = tree.removeLeaf(node);
      this.numEvictions++;
      if (tree.childCount[parent] === 0 && !tree.isRoot(parent))
        heapPush(heap, { key: tree.lastAccess[parent]!, node: parent });
    }
  }

  #evictByUtility(bytes: number, alpha: number): void {
    const { tree } = this;
    let freed = 0;
    while (freed < bytes && tree.numCandidates > 0) {
      const candidates: number[] = [];
      tree.preorder(tree.root, (node) => {
        if (tree.childCount[node]! <= 1) candidates.push(node);
      });
      const victim = this.#leastUseful(candidates, alpha);
      this.numEvictions++;
      if (tree.childCount[victim] === 0) {
        freed += this.#stateBytes + tree.tokenCount[candidates.at(-1)!]! * this.#kvBytesPerToken;
        tree.removeLeaf(victim);
      } else {
        freed += this.#stateBytes;
        const time = tree.lastAccess[victim]!;
        const child = tree.absorbIntoChild(victim);
        tree.lastAccess[child] = Math.max(tree.lastAccess[child]!, time);
      }
    }
  }

  #leastUseful(candidates: readonly number[], alpha: number): number {
    const { tree, clock } = this;
    const recency = new Float64Array(candidates.length);
    const efficiency = new Float64Array(candidates.length);
    for (let i = 0; i < candidates.length; i++) {
      const node = candidates[i]!;
      recency[i] = 1 / (clock - tree.lastAccess[node]!);
      efficiency[i] = this.#efficiency(tree.tokenCount[node]!, tree.depth[node]!);
    }
    normalise(recency);
    normalise(efficiency);
    let best = 0;
    let least = Infinity;
    for (let i = 0; i < candidates.length; i++) {
      const utility = recency[i]! + alpha * efficiency[i]!;
      if (utility < least) [least, best] = [utility, i];
    }
    return candidates[best]!;
  }

  #efficiency(edgeSymbols: number, totalSymbols: number): number {
    const edge = edgeSymbols * this.#symbolTokens;
    const total = totalSymbols * this.#symbolTokens;
    const { numSsm, numAttention, numMlp, width: D, stateWidth: N } = this.model;
    const above = total - edge;
    const flops =
      numSsm * ssmFlops(edge, D, N) +
      numAttention * (attentionFlops(total, D) - attentionFlops(above, D)) +
      numMlp * (mlpFlops(total, D) - attentionFlops(above, D));
    return flops / (this.#stateBytes + totalSymbols * this.#kvBytesPerToken);
  }
}

/** Min-max to 0..1 in place; equal values become 1. */
function normalise(values: Float64Array): void {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const range = high - low;
  for (let i = 0; i < values.length; i++) values[i] = range === 0 ? 1 : (values[i]! - low) / range;
}
