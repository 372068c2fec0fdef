/** Which weight gradients hide which all-to-all, with times, as the page draws it. */
import { scheduleDw, type DwRule, type DwSchedule } from './dw-order.ts';
import type { OverlapGraph } from './types.ts';

export interface DwMatching {
  readonly rule: string;
  readonly hiddenMs: number;
  /** No assignment hides more. Greedy rules give no bound. */
  readonly boundMs: number | null;
  readonly isProved: boolean;
  readonly rows: readonly {
    readonly a2a: string;
    readonly a2aMs: number;
    readonly gradients: readonly { readonly name: string; readonly ms: number }[];
  }[];
}

/** By every rule; the exact one was solved before. */
export async function dwMatchings(graph: OverlapGraph, exact: DwSchedule): Promise<Record<DwRule, DwMatching>> {
  const [paper, official] = [await scheduleDw(graph, { rule: 'paper' }), await scheduleDw(graph, { rule: 'official' })];
  return {
    paper: dwMatching(graph, paper),
    official: dwMatching(graph, official),
    exact: dwMatching(graph, exact),
  };
}

function dwMatching(
  { ops }: Pick<OverlapGraph, 'ops'>,
  { rule, labels, assignment, status, boundMs }: DwSchedule,
): DwMatching {
  const { a2aOf, chosen, hiddenMs } = assignment;
  return {
    rule,
    hiddenMs,
    boundMs: boundMs ?? null,
    isProved: status === 'optimal',
    rows: labels.allToAlls.map((position, index) => ({
      a2a: ops[position]!.id,
      a2aMs: ops[position]!.timeMs,
      gradients: chosen
        .filter((dw) => a2aOf[dw] === index)
        .map((dw) => ({ name: ops[labels.candidates[dw]!]!.id, ms: ops[labels.candidates[dw]!]!.timeMs })),
    })),
  };
}
