/** A compressed radix tree over token ids, stored as a struct of arrays.
 *  Every node but a root owns a range of the token arena (its edge); ranges never overlap, so a split shares the arena
 *  without copying. Children keep the order of their insertion; a child is found by hashing (parent, first token).
 *  Nodes with at most one child stand in a dense candidate list that is kept up to date. */
import { ChildTable, hashOfChild, NO_NODE as NONE } from './child-table.ts';

const ROOT = 0;
const INITIAL_NODES = 64;
const INITIAL_TOKENS = 1024;
/** The arena is packed when more than this share of it is dead. */
const MAX_DEAD_SHARE = 0.5;

export class RadixTree {
  parent = new Int32Array(INITIAL_NODES);
  firstChild = new Int32Array(INITIAL_NODES);
  lastChild = new Int32Array(INITIAL_NODES);
  previousSibling = new Int32Array(INITIAL_NODES);
  nextSibling = new Int32Array(INITIAL_NODES);
  childCount = new Int32Array(INITIAL_NODES);
  /** Range of the edge in the arena. */
  tokenStart = new Int32Array(INITIAL_NODES);
  tokenCount = new Int32Array(INITIAL_NODES);
  /** Tokens from the root to the end of the edge. */
  depth = new Int32Array(INITIAL_NODES);
  lastAccess = new Float64Array(INITIAL_NODES);
  /** 1 if a checkpoint of the node's prefix is kept. */
  hasState = new Uint8Array(INITIAL_NODES);
  locks = new Int32Array(INITIAL_NODES);
  /** Position in `candidates`, or −1. */
  candidateIndex = new Int32Array(INITIAL_NODES);
  candidates = new Int32Array(INITIAL_NODES);
  numCandidates = 0;
  numNodes = 0;
  /** Tokens on all edges. */
  numTokens = 0;
  numStates = 0;
  /** Depths of the nodes with a checkpoint, summed. */
  numStateTokens = 0;
  arena = new Int32Array(INITIAL_TOKENS);

  #arenaEnd = 0;
  #top = 0;
  #free = NONE;
  #roots: number[] = [];
  readonly #children = new ChildTable(INITIAL_NODES * 2, (node) =>
    hashOfChild(this.parent[node]!, this.arena[this.tokenStart[node]!]!),
  );

  constructor() {
    this.createRoot();
  }

  get root(): number {
    return ROOT;
  }

  get roots(): readonly number[] {
    return this.#roots;
  }

  /** Nodes have indices below this; free ones among them have depth −1. */
  get nodeLimit(): number {
    return this.#top;
  }

  /** Bytes of all arrays, grown capacity included. */
  get allocatedBytes(): number {
    const arrays = [
      this.parent,
      this.firstChild,
      this.lastChild,
      this.previousSibling,
      this.nextSibling,
      this.childCount,
      this.tokenStart,
      this.tokenCount,
      this.depth,
      this.lastAccess,
      this.hasState,
      this.locks,
      this.candidateIndex,
      this.candidates,
      this.#children.slots,
    ];
    return arrays.reduce((sum, array) => sum + array.byteLength, this.arena.byteLength);
  }

  /** A root of its own: sequences below it share nothing with those of other roots. */
  createRoot(): number {
    const node = this.#allocate();
    this.#roots.push(node);
    return node;
  }

  isRoot(node: number): boolean {
    return this.parent[node] === NONE;
  }

  isLive(node: number): boolean {
    return node >= 0 && node < this.#top && this.depth[node]! >= 0;
  }

  /** @returns the child whose edge starts with the token, or −1 */
  findChild(node: number, token: number): number {
    const { parent, tokenStart, arena } = this;
    const { slots: table, mask } = this.#children;
    for (let slot = hashOfChild(node, token) & mask; ; slot = (slot + 1) & mask) {
      const child = table[slot]!;
      if (child === NONE) return NONE;
      if (parent[child] === node && arena[tokenStart[child]!] === token) return child;
    }
  }

  /** @returns length of the common prefix of the node's edge and tokens[from..] */
  matchEdge(node: number, tokens: Int32Array, from: number): number {
    const { arena } = this;
    const start = this.tokenStart[node]!;
    const limit = Math.min(this.tokenCount[node]!, tokens.length - from);
    let i = 0;
    while (i < limit && arena[start + i] === tokens[from + i]) i++;
    return i;
  }

  edgeOf(node: number): Int32Array {
    const start = this.tokenStart[node]!;
    return this.arena.subarray(start, start + this.tokenCount[node]!);
  }

  /** All tokens from the root to the end of the node's edge. */
  sequenceOf(node: number): Int32Array {
    const sequence = new Int32Array(this.depth[node]!);
    for (let at = node; !this.isRoot(at); at = this.parent[at]!)
      sequence.set(this.edgeOf(at), this.depth[at]! - this.tokenCount[at]!);
    return sequence;
  }

  childrenOf(node: number): number[] {
    const children: number[] = [];
    for (let child = this.firstChild[node]!; child !== NONE; child = this.nextSibling[child]!) children.push(child);
    return children;
  }

  /** Adds tokens[from..end) as a new last child. The node has no state. */
  addLeaf(parent: number, tokens: Int32Array, from: number, end = tokens.length): number {
    const count = end - from;
    this.#reserveTokens(count);
    const node = this.#allocate();
    this.arena.set(tokens.subarray(from, end), this.#arenaEnd);
    this.tokenStart[node] = this.#arenaEnd;
    this.tokenCount[node] = count;
    this.#arenaEnd += count;
    this.numTokens += count;
    this.parent[node] = parent;
    this.depth[node] = this.depth[parent]! + count;
    const last = this.lastChild[parent]!;
    this.previousSibling[node] = last;
    if (last === NONE) this.firstChild[parent] = node;
    else this.nextSibling[last] = node;
    this.lastChild[parent] = node;
    this.childCount[parent]!++;
    this.#children.enter(node);
    this.#refreshCandidate(parent);
    this.#refreshCandidate(node);
    return node;
  }

  /** Cuts the edge after `at` tokens (0 < at < tokenCount): a new node takes the first part and the place among the
   *  siblings; the old node keeps its state, locks and time.
   *  @returns the new upper node, without state */
  splitEdge(node: number, at: number): number {
    this.#children.remove(node);
    const upper = this.#allocate();
    const parent = this.parent[node]!;
    this.tokenStart[upper] = this.tokenStart[node]!;
    this.tokenCount[upper] = at;
    this.tokenStart[node]! += at;
    this.tokenCount[node]! -= at;
    this.depth[upper] = this.depth[node]! - this.tokenCount[node]!;
    this.parent[upper] = parent;
    this.#takePlace(node, upper);
    this.parent[node] = upper;
    this.previousSibling[node] = NONE;
    this.nextSibling[node] = NONE;
    this.firstChild[upper] = node;
    this.lastChild[upper] = node;
    this.childCount[upper] = 1;
    this.#children.enter(upper);
    this.#children.enter(node);
    this.#refreshCandidate(upper);
    return upper;
  }

  /** Removes a node without children. @returns its parent */
  removeLeaf(node: number): number {
    const parent = this.parent[node]!;
    this.#children.remove(node);
    const previous = this.previousSibling[node]!;
    const next = this.nextSibling[node]!;
    if (previous === NONE) this.firstChild[parent] = next;
    else this.nextSibling[previous] = next;
    if (next === NONE) this.lastChild[parent] = previous;
    else this.previousSibling[next] = previous;
    this.childCount[parent]!--;
    this.numTokens -= this.tokenCount[node]!;
    this.#release(node);
    this.#refreshCandidate(parent);
    return parent;
  }

  /** Removes a node with exactly one child, whose edge then starts with the node's tokens. @returns that child */
  absorbIntoChild(node: number): number {
    const child = this.firstChild[node]!;
    const [count, childTokens] = [this.tokenCount[node]!, this.tokenCount[child]!];
    this.#children.remove(node);
    this.#children.remove(child);
    if (this.tokenStart[node]! + count === this.tokenStart[child]!) {
      this.tokenStart[child] = this.tokenStart[node]!;
    } else {
      this.#reserveTokens(count + childTokens);
      const end = this.#arenaEnd;
      this.arena.copyWithin(end, this.tokenStart[node]!, this.tokenStart[node]! + count);
      this.arena.copyWithin(end + count, this.tokenStart[child]!, this.tokenStart[child]! + childTokens);
      this.tokenStart[child] = end;
      this.#arenaEnd += count + childTokens;
    }
    this.tokenCount[child] = count + childTokens;
    this.parent[child] = this.parent[node]!;
    this.#takePlace(node, child);
    this.#release(node);
    this.#children.enter(child);
    return child;
  }

  setState(node: number, present: boolean): void {
    const now = present ? 1 : 0;
    const change = now - this.hasState[node]!;
    this.numStates += change;
    this.numStateTokens += change * this.depth[node]!;
    this.hasState[node] = now;
  }

  /** Visits nodes below a root (not the root), parents first, children in order of insertion. */
  preorder(root: number, visit: (node: number) => void): void {
    let node = this.firstChild[root]!;
    while (node !== NONE) {
      visit(node);
      if (this.firstChild[node] !== NONE) {
        node = this.firstChild[node]!;
        continue;
      }
      while (node !== root && this.nextSibling[node] === NONE) node = this.parent[node]!;
      if (node === root) return;
      node = this.nextSibling[node]!;
    }
  }

  #takePlace(old: number, replacement: number): void {
    const parent = this.parent[old]!;
    const previous = this.previousSibling[old]!;
    const next = this.nextSibling[old]!;
    this.previousSibling[replacement] = previous;
    this.nextSibling[replacement] = next;
    if (previous === NONE) this.firstChild[parent] = replacement;
    else this.nextSibling[previous] = replacement;
    if (next === NONE) this.lastChild[parent] = replacement;
    else this.previousSibling[next] = replacement;
  }

  #refreshCandidate(node: number): void {
    const wanted = this.parent[node] !== NONE && this.childCount[node]! <= 1;
    const index = this.candidateIndex[node]!;
    if (wanted === index >= 0) return;
    if (wanted) {
      this.candidateIndex[node] = this.numCandidates;
      this.candidates[this.numCandidates++] = node;
    } else this.#dropCandidate(node);
  }

  #dropCandidate(node: number): void {
    const index = this.candidateIndex[node]!;
    if (index < 0) return;
    const last = this.candidates[--this.numCandidates]!;
    this.candidates[index] = last;
    this.candidateIndex[last] = index;
    this.candidateIndex[node] = NONE;
  }

  #allocate(): number {
    let node = this.#free;
    if (node !== NONE) this.#free = this.nextSibling[node]!;
    else {
      if (this.#top === this.parent.length) this.#growNodes();
      node = this.#top++;
    }
    this.parent[node] = NONE;
    this.firstChild[node] = NONE;
    this.lastChild[node] = NONE;
    this.previousSibling[node] = NONE;
    this.nextSibling[node] = NONE;
    this.childCount[node] = 0;
    this.tokenStart[node] = 0;
    this.tokenCount[node] = 0;
    this.depth[node] = 0;
    this.lastAccess[node] = 0;
    this.hasState[node] = 0;
    this.locks[node] = 0;
    this.candidateIndex[node] = NONE;
    this.numNodes++;
    return node;
  }

  #release(node: number): void {
    if (this.hasState[node] === 1) this.setState(node, false);
    this.#dropCandidate(node);
    this.parent[node] = NONE;
    this.depth[node] = -1;
    this.nextSibling[node] = this.#free;
    this.#free = node;
    this.numNodes--;
  }

  #growNodes(): void {
    const size = this.parent.length * 2;
    const grow = (array: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(size);
      grown.set(array);
      return grown;
    };
    this.parent = grow(this.parent);
    this.firstChild = grow(this.firstChild);
    this.lastChild = grow(this.lastChild);
    this.previousSibling = grow(this.previousSibling);
    this.nextSibling = grow(this.nextSibling);
    this.childCount = grow(this.childCount);
    this.tokenStart = grow(this.tokenStart);
    this.tokenCount = grow(this.tokenCount);
    this.depth = grow(this.depth);
    this.locks = grow(this.locks);
    this.candidateIndex = grow(this.candidateIndex);
    this.candidates = grow(this.candidates);
    const lastAccess = new Float64Array(size);
    lastAccess.set(this.lastAccess);
    this.lastAccess = lastAccess;
    const hasState = new Uint8Array(size);
    hasState.set(this.hasState);
    this.hasState = hasState;
  }

  #reserveTokens(count: number): void {
    if (this.#arenaEnd + count <= this.arena.length) return;
    const dead = this.#arenaEnd - this.numTokens;
    const isMostlyDead = dead > MAX_DEAD_SHARE * this.#arenaEnd && this.numTokens + count <= this.arena.length;
    const size = isMostlyDead ? this.arena.length : Math.max(this.arena.length * 2, this.numTokens + count);
    const packed = new Int32Array(size);
    let end = 0;
    const pack = (node: number): void => {
      const length = this.tokenCount[node]!;
      packed.set(this.edgeOf(node), end);
      this.tokenStart[node] = end;
      end += length;
    };
    // Detached nodes (an absorb in progress) are not in the child lists' way: both are still linked.
    for (const root of this.#roots) this.preorder(root, pack);
    this.arena = packed;
    this.#arenaEnd = end;
  }
}
