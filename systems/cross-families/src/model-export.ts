/** Exports of the exact model for other solvers: DIMACS graph, CPLEX LP, WCNF; sets as GAP, Sage or LaTeX. */
import { binomial } from './binomial.ts';
import { createDisjointnessGraph, elementsFromMask } from './exact/graph.ts';
import type { DisjointnessGraph } from './exact/graph.ts';
import { layerWeight } from './problem.ts';
import type { FamilyTuple, Problem } from './types.ts';

export type ModelFormat = 'dimacs' | 'lp' | 'wcnf' | 'gap' | 'sage' | 'latex';

/** The maximum-weight independent set problem with every family hit, as text. Sets that miss nothing are no vertices: their
 *  weight is the constant of the LP objective, and a comment elsewhere.
 *  @throws TF-FAMILIES-003 above 256 constrained sets */
export function exportModel(problem: Problem, format: 'dimacs' | 'lp' | 'wcnf'): string {
  const graph = createDisjointnessGraph(problem);
  const edges = edgesOf(graph);
  const vertex = (v: number): string => `F${graph.family[v]! + 1}_${elementsFromMask(graph.mask[v]!).join('_')}`;
  const constant = graph.free.reduce((sum, { i, k }) => sum + layerWeight(problem, i, k) * binomial(problem.n, k), 0n);
  const remark = `${constant} more for sets that meet all others and are no vertices`;
  const open = graph.ofFamily
    .map((members, i) => ({ i, members: verticesOf(members) }))
    .filter(({ i }) => !graph.alreadyHit[i]);
  if (format === 'dimacs') {
    // The complement question: independent sets of this graph; families are told in comments.
    const comments = Array.from(
      { length: graph.numVertices },
      (_, v) => `c ${v + 1} ${vertex(v)} weight ${graph.weight[v]}`,
    );
    return `${[...(constant > 0n ? [`c ${remark}`] : []), ...comments].join('\n')}\np edge ${graph.numVertices} ${edges.length}\n${edges.map(([u, v]) => `e ${u + 1} ${v + 1}`).join('\n')}\n`;
  }
  if (format === 'lp') {
    const objective = Array.from({ length: graph.numVertices }, (_, v) => `${graph.weight[v]} ${vertex(v)}`).join(
      ' + ',
    );
    const rows = [
      ...edges.map(([u, v]) => ` ${vertex(u)} + ${vertex(v)} <= 1`),
      ...open.map(({ members }) => ` ${members.map(vertex).join(' + ')} >= 1`),
    ];
    const names = Array.from({ length: graph.numVertices }, (_, v) => ` ${vertex(v)}`).join('\n');
    const offset = constant > 0n ? `${graph.numVertices > 0 ? ' + ' : ''}${constant} always` : '';
    const fixed = constant > 0n ? '\nBounds\n always = 1' : '';
    return `Maximize\n total: ${objective}${offset}\nSubject To\n${rows.join('\n')}${fixed}\nBinary\n${names}\nEnd\n`;
  }
  const top = graph.weight.reduce((sum, w) => sum + w, 1);
  const clauses = [
    ...edges.map(([u, v]) => `${top} -${u + 1} -${v + 1} 0`),
    ...open.map(({ members }) => `${top} ${members.map((v) => v + 1).join(' ')} 0`),
    ...Array.from({ length: graph.numVertices }, (_, v) => v)
      .filter((v) => graph.weight[v]! > 0)
      .map((v) => `${graph.weight[v]} ${v + 1} 0`),
  ];
  return `${constant > 0n ? `c ${remark}\n` : ''}p wcnf ${graph.numVertices} ${clauses.length} ${top}\n${clauses.join('\n')}\n`;
}

/** A tuple as a literal of a computer algebra system, or as a LaTeX row. */
export function exportTuple(tuple: FamilyTuple, format: 'gap' | 'sage' | 'latex'): string {
  if (format === 'latex')
    return `${tuple.map((family) => `$\\{${family.map((set) => `\\{${set.join(',')}\\}`).join(',')}\\}$`).join(' & ')} \\\\\n`;
  const list = tuple.map((family) => `[${family.map((set) => `[${set.join(', ')}]`).join(', ')}]`).join(',\n ');
  return format === 'gap' ? `tuple := [${list}];\n` : `tuple_ = [${list}]\n`;
}

function edgesOf(graph: DisjointnessGraph): [number, number][] {
  const edges: [number, number][] = [];
  for (let u = 0; u < graph.numVertices; u++)
    for (let v = u + 1; v < graph.numVertices; v++)
      if ((graph.adjacency[u * graph.words + (v >>> 5)]! >>> (v & 31)) & 1) edges.push([u, v]);
  return edges;
}

function verticesOf(members: Int32Array): number[] {
  const found: number[] = [];
  for (const [w, word] of members.entries())
    for (let bit = 0; bit < 32; bit++) if ((word >>> bit) & 1) found.push(w * 32 + bit);
  return found;
}
