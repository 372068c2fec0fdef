/** Runs the search of a certificate again and compares its log: the number of nodes and the hash of the decisions. The
 *  log proves nothing about the bound; a log that does not come back tells of a certificate changed by hand. */
import { normaliseProblem } from './problem.ts';
import { SEARCH_VERSION, solve } from './solve.ts';
import type { Certificate } from './types.ts';

/** `other-version`: the search has changed since; `too-long`: more nodes than are run again here. */
export type SearchLogCheck = 'none' | 'reproduced' | 'different' | 'other-version' | 'too-long';

/** Search nodes up to which a log is run again, well below a minute. */
const MAX_RERUN_NODES = 200_000;

/** @returns `none` where the bound does not come from a search */
export async function checkSearchLog({ problem, upper }: Certificate): Promise<SearchLogCheck> {
  if (upper.type !== 'search') return 'none';
  if (upper.version !== SEARCH_VERSION) return 'other-version';
  if (upper.nodes > MAX_RERUN_NODES) return 'too-long';
  const { weights, ...rest } = problem;
  const input = { ...rest, ...(weights ? { weights: weights.map((list) => list.map(BigInt)) } : {}) };
  // A search that counts all extremal tuples cuts fewer branches, so there are two logs.
  for (const want of ['value', 'count'] as const) {
    const { certificate } = await solve(normaliseProblem(input).problem, { want, maxNodes: MAX_RERUN_NODES });
    const log = certificate.upper;
    if (log.type === 'search' && log.nodes === upper.nodes && log.logHash === upper.logHash) return 'reproduced';
  }
  return 'different';
}
