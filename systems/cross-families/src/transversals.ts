/** Minimal transversals (hitting sets) by MMCS (Murakami, Uno 2014): choose an uncovered edge with fewest candidates,
 *  add its vertices one by one, keep for every chosen vertex the edges that only it hits. Vertex sets are BigInt masks. */

/** All minimal sets that meet every edge, one after the other.
 *  @param edges  masks over any number of vertices; an empty edge has no transversal */
export function* minimalTransversals(edges: readonly bigint[]): Generator<bigint> {
  if (edges.length === 0) {
    yield 0n;
    return;
  }
  const distinct = minimalEdges(edges);
  const numVertices = Math.max(...distinct.map((edge) => edge.toString(2).length));
  const edgesOf: number[][] = Array.from({ length: numVertices }, () => []);
  const members: number[][] = distinct.map((edge, e) => {
    const list: number[] = [];
    for (let v = 0; v < numVertices; v++)
      if ((edge >> BigInt(v)) & 1n) {
        list.push(v);
        edgesOf[v]!.push(e);
      }
    return list;
  });
  if (members.some((list) => list.length === 0)) return;
  const hits = new Int32Array(distinct.length); // chosen vertices in each edge
  const owner = new Int32Array(distinct.length).fill(-1); // the only chosen vertex, if hits = 1
  const numOwn = new Int32Array(numVertices); // critical edges of a chosen vertex
  const isCandidate = new Uint8Array(numVertices).fill(1);
  const chosen: number[] = [];
  let numUncovered = distinct.length;

  const add = (v: number): boolean => {
    chosen.push(v);
    for (const e of edgesOf[v]!) {
      if (hits[e]++ === 0) {
        owner[e] = v;
        numOwn[v]!++;
        numUncovered--;
      } else if (hits[e] === 2) numOwn[owner[e]!]!--;
    }
    return chosen.every((u) => numOwn[u]! > 0);
  };
  const remove = (v: number): void => {
    chosen.pop();
    for (const e of edgesOf[v]!) {
      hits[e]!--;
      if (hits[e] === 0) {
        numOwn[v]!--;
        numUncovered++;
      } else if (hits[e] === 1) {
        if (owner[e] === v) owner[e] = members[e]!.find((u) => u !== v && chosen.includes(u))!;
        numOwn[owner[e]!]!++;
      }
    }
  };
  const visit = function* (): Generator<bigint> {
    if (numUncovered === 0) {
      yield chosen.reduce((mask, v) => mask | (1n << BigInt(v)), 0n);
      return;
    }
    let pick = -1;
    let fewest = Infinity;
    for (let e = 0; e < distinct.length; e++) {
      if (hits[e] !== 0) continue;
      let count = 0;
      for (const v of members[e]!) count += isCandidate[v]!;
      if (count < fewest) {
        fewest = count;
        pick = e;
      }
    }
    const branch = members[pick]!.filter((v) => isCandidate[v]);
    for (const v of branch) isCandidate[v] = 0;
    for (const v of branch) {
      if (add(v)) yield* visit();
      remove(v);
      isCandidate[v] = 1;
    }
  };
  yield* visit();
}

/** Drops edges that contain another edge. */
function minimalEdges(edges: readonly bigint[]): bigint[] {
  const distinct = [...new Set(edges)];
  return distinct.filter((edge) => !distinct.some((other) => other !== edge && (other & edge) === other));
}
