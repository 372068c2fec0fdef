/** How far a prompt is known: the walk from a root along matching edges. */
import type { RadixTree } from '../tree/radix-tree.ts';

export interface Walk {
  /** Deepest node whose edge matched. */
  readonly node: number;
  /** Node of the edge that matched in part, or −1. */
  readonly partial: number;
  /** Tokens that the tree knows. */
  readonly shared: number;
  /** Deepest matched node with a usable state, or the root. */
  readonly stateNode: number;
  /** Depth of the deepest matched node below it that lost its state, or 0. */
  readonly tombstone: number;
}

/** @param keepTokens  states deeper than `tokens.length − keepTokens` are not usable */
export function walkTree(tree: RadixTree, root: number, tokens: Int32Array, keepTokens: number): Walk {
  const limit = tokens.length - keepTokens;
  let node = root;
  let stateNode = root;
  let shared = 0;
  let tombstone = 0;
  while (shared < tokens.length) {
    const child = tree.findChild(node, tokens[shared]!);
    if (child < 0) break;
    const length = tree.matchEdge(child, tokens, shared);
    shared += length;
    if (length < tree.tokenCount[child]!) return { node, partial: child, shared, stateNode, tombstone };
    node = child;
    if (shared > limit) continue;
    if (tree.hasState[child] === 1) {
      stateNode = child;
      tombstone = 0;
    } else tombstone = shared;
  }
  return { node, partial: -1, shared, stateNode, tombstone };
}

/** Where a prompt shows that sequences part and no checkpoint stands: inside an edge, and at a node that lost its state. */
export function branchesOf({ partial, shared, tombstone }: Walk, promptTokens: number): number[] {
  const branches = partial >= 0 && shared < promptTokens ? [shared] : [];
  if (tombstone > 0) branches.push(tombstone);
  return branches;
}
