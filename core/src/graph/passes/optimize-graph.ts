/** All meaning-preserving passes in the order in which each finds most. Pre: sound graph. Post: the posts of all of them. */
import type { Graph } from '../types.ts';
import { cleanUp } from './clean-up.ts';
import { foldConstants, type EvaluateNode } from './fold-constants.ts';
import { fuseMatMul, type FuseMatMulOptions } from './fuse-matmul.ts';
import { mergeCommonSubexpressions } from './merge-common-subexpressions.ts';
import { removeDeadCode } from './remove-dead-code.ts';

export interface OptimizeOptions extends FuseMatMulOptions {
  /** Folds constants if given, e.g. with core/runtime's reference interpreter. */
  readonly evaluate?: EvaluateNode;
}

/** The graph with fewer nodes and the same inputs, states, outputs and results (up to where a scalar factor is rounded). */
export function optimizeGraph(graph: Graph, { evaluate, ...fuse }: OptimizeOptions = {}): Graph {
  const live = removeDeadCode(graph);
  let before = evaluate === undefined ? live : foldConstants(live, evaluate);
  let after = once(before, fuse);
  while (after.nodes.length < before.nodes.length) {
    before = after;
    after = once(before, fuse);
  }
  return after;
}

/** Merging after the clean-up sees equal sources behind different views. */
function once(graph: Graph, fuse: FuseMatMulOptions): Graph {
  return fuseMatMul(mergeCommonSubexpressions(cleanUp(graph)), fuse);
}
