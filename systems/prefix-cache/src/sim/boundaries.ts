/** The tree of a whole trace: all places where a checkpoint can matter, and which requests pass through them.
 *  Boundaries are the nodes of an unlimited tree of all prompts and sequences. A checkpoint inside an edge is never better
 *  than one at the edge's end, which serves the same requests with more tokens. */
import { RadixTree } from '../tree/radix-tree.ts';
import { sequenceOf } from '../trace/request-builder.ts';
import type { Trace } from '../types.ts';

export interface BoundaryPath {
  /** Node ids, shallow to deep. */
  readonly nodes: Int32Array;
  /** Lengths in symbols. */
  readonly depths: Int32Array;
  /** So many of them lie within the prompt. */
  readonly numInPrompt: number;
}

export class BoundaryIndex {
  readonly paths: readonly BoundaryPath[];
  /** Per node: requests whose prompt passes through it, rising. */
  readonly uses = new Map<number, number[]>();
  /** Symbols of each request's prompt that an earlier sequence shares. */
  readonly sharedSymbols: Int32Array;

  constructor(trace: Trace) {
    const tree = new RadixTree();
    const sequences = trace.requests.map((request) => (trace.hasOpaqueOutputs ? request.input : sequenceOf(request)));
    this.sharedSymbols = new Int32Array(sequences.length);
    for (const [index, { input, inputTokens }] of trace.requests.entries()) {
      const fullBlocks = Math.floor(inputTokens / trace.symbolTokens);
      this.sharedSymbols[index] = addSequence(tree, input);
      addSequence(tree, input.subarray(0, fullBlocks));
      addSequence(tree, sequences[index]!);
    }
    this.paths = sequences.map((sequence, index) => {
      const path = pathOf(tree, sequence, trace.requests[index]!.input.length);
      for (let i = 0; i < path.numInPrompt; i++) {
        const uses = this.uses.get(path.nodes[i]!);
        if (uses === undefined) this.uses.set(path.nodes[i]!, [index]);
        else uses.push(index);
      }
      return path;
    });
  }

  /** First request after `now` whose prompt passes through the node, or Infinity. Cost: O(log uses). */
  nextUse(node: number, now: number): number {
    const uses = this.uses.get(node);
    if (uses === undefined) return Infinity;
    let [low, high] = [0, uses.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (uses[middle]! > now) high = middle;
      else low = middle + 1;
    }
    return uses[low] ?? Infinity;
  }
}

/** @returns symbols that were there already */
function addSequence(tree: RadixTree, tokens: Int32Array): number {
  let node = tree.root;
  let at = 0;
  while (at < tokens.length) {
    const child = tree.findChild(node, tokens[at]!);
    if (child < 0) {
      tree.addLeaf(node, tokens, at);
      return at;
    }
    const length = tree.matchEdge(child, tokens, at);
    at += length;
    node = length < tree.tokenCount[child]! ? tree.splitEdge(child, length) : child;
  }
  return at;
}

function pathOf(tree: RadixTree, sequence: Int32Array, promptLength: number): BoundaryPath {
  const nodes: number[] = [];
  for (let node = tree.root, at = 0; at < sequence.length; at += tree.tokenCount[node]!) {
    node = tree.findChild(node, sequence[at]!);
    nodes.push(node);
  }
  const depths = Int32Array.from(nodes, (node) => tree.depth[node]!);
  return { nodes: Int32Array.from(nodes), depths, numInPrompt: depths.filter((depth) => depth <= promptLength).length };
}
