/** Well-known quorum systems over given nodes, for comparison. */
import { both, choose, either, majority, nodeExpr } from './expression.ts';
import type { QuorumExpr } from './types.ts';

export interface NamedSystem {
  readonly name: string;
  readonly reads: QuorumExpr;
}

/** Majority, read-one-write-all, threshold splits, grid, paths (five nodes) and hierarchical majority, where they fit. */
export function knownSystems(ids: readonly string[]): NamedSystem[] {
  const n = ids.length;
  const nodes = ids.map(nodeExpr);
  const systems: NamedSystem[] = [
    { name: 'majority', reads: majority(ids) },
    { name: 'read one, write all', reads: choose(1, nodes) },
  ];
  const half = Math.floor(n / 2);
  for (let r = 2; r <= half; r++) systems.push({ name: `read ${r}, write ${n - r + 1}`, reads: choose(r, nodes) });
  const rows = splitRows(nodes);
  if (rows.length > 1)
    systems.push({ name: `grid of ${rows.length} rows`, reads: either(...rows.map((row) => both(...row))) });
  if (n === 5) {
    const [a, b, c, d, e] = nodes as [QuorumExpr, QuorumExpr, QuorumExpr, QuorumExpr, QuorumExpr];
    systems.push({ name: 'paths', reads: either(both(a, b), both(a, c, e), both(d, e), both(d, c, b)) });
  }
  if (n >= 6 && n % 3 === 0) {
    const groups = Array.from({ length: 3 }, (_, g) => nodes.slice((g * n) / 3, ((g + 1) * n) / 3));
    systems.push({
      name: 'majority of three majorities',
      reads: choose(
        2,
        groups.map((group) => choose(Math.floor(group.length / 2) + 1, group)),
      ),
    });
  }
  return systems;
}

/** Rows of about √n nodes; the first rows are the shorter ones. */
function splitRows(nodes: readonly QuorumExpr[]): QuorumExpr[][] {
  const numRows = Math.max(1, Math.floor(Math.sqrt(nodes.length)));
  const rows: QuorumExpr[][] = [];
  for (let r = 0; r < numRows; r++)
    rows.push(nodes.slice(Math.floor((r * nodes.length) / numRows), Math.floor(((r + 1) * nodes.length) / numRows)));
  return rows;
}
