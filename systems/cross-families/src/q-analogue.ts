/** Vector-space analogue: families of subspaces of F_q^n of prescribed dimensions, cross-intersecting in more than 0.
 *
 *  Replace C(a, b) by the Gaussian [a, b] and C(n−s, k) by q^{sk} [n−s, k]. For two uniform families it is in the literature
 *  (Wang, Zhang 2013); the layered form is derived here and was checked by search for q = 2, n ≤ 4. */
import { gaussianBinomial } from './binomial.ts';
import type { DisjointnessGraph } from './exact/graph.ts';
import { searchGraph } from './exact/search.ts';
import { familiesError } from './families-errors.ts';
import type { Problem } from './types.ts';

/** max{STAR, max_j BALL(j, s_j)} over F_q for n ≥ K1 + K2. */
export function qClosedForm(problem: Problem, q: bigint): bigint {
  const { n, sizes } = problem;
  const top = sizes.map((list) => Math.max(...list));
  const sum = (term: (i: number, k: number) => bigint): bigint =>
    sizes.reduce((total, list, i) => total + list.reduce((part, k) => part + term(i, k), 0n), 0n);
  let best = sum((_, k) => gaussianBinomial(n - 1, k - 1, q));
  for (let j = 0; j < sizes.length; j++) {
    const s = Math.min(...top.filter((_, i) => i !== j));
    // Subspaces that meet a fixed s-space trivially: q^{sk} [n−s, k].
    const ball = sum((i, k) =>
      i === j
        ? gaussianBinomial(n, k, q) - q ** BigInt(s * k) * gaussianBinomial(n - s, k, q)
        : gaussianBinomial(n - s, k - s, q),
    );
    if (ball > best) best = ball;
  }
  return best;
}

/** The prime under a prime power, or undefined: fields have orders q = p^a only. */
export function primeOfFieldOrder(q: number): number | undefined {
  let p = 2;
  while (p * p <= q && q % p !== 0) p++;
  if (q % p !== 0) p = q;
  let rest = q;
  while (rest % p === 0) rest /= p;
  return q >= 2 && rest === 1 ? p : undefined;
}

const MAX_VECTORS = 81;
const MAX_VERTICES = 256;

/** All subspaces of F_q^n by dimension, q prime; a subspace is a mask over its q^n vectors. */
export function subspaces(n: number, q: number): bigint[][] {
  const numVectors = q ** n;
  if (numVectors > MAX_VECTORS)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'subspaces',
      expected: `at most ${MAX_VECTORS} vectors`,
      actual: `${q}^${n}`,
    });
  const digits = Array.from({ length: numVectors }, (_, v) =>
    Array.from({ length: n }, (__, p) => Math.floor(v / q ** p) % q),
  );
  const plus = (a: number, b: number, factor: number): number =>
    digits[a]!.reduce((sum, digit, p) => sum + ((digit + factor * digits[b]![p]!) % q) * q ** p, 0);
  const found: bigint[][] = [[1n]];
  for (let dimension = 1; dimension <= n; dimension++) {
    const next = new Set<bigint>();
    for (const space of found[dimension - 1]!)
      for (let v = 1; v < numVectors; v++) {
        if ((space >> BigInt(v)) & 1n) continue;
        let span = 0n;
        for (let u = 0; u < numVectors; u++)
          if ((space >> BigInt(u)) & 1n)
            for (let factor = 0; factor < q; factor++) span |= 1n << BigInt(plus(u, v, factor));
        next.add(span);
      }
    found.push([...next]);
  }
  return found;
}

/** Maximum and number of optimal tuples of subspaces, by complete search. */
export function qSearch(
  problem: Problem,
  q: number,
): { readonly value: bigint; readonly labelled: bigint | undefined } {
  const spaces = subspaces(problem.n, q);
  const vertices = problem.sizes.flatMap((list, family) =>
    list.flatMap((k) => spaces[k]!.map((space) => ({ family, space }))),
  );
  const numVertices = vertices.length;
  if (numVertices > MAX_VERTICES)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'qSearch',
      expected: `at most ${MAX_VERTICES} subspaces`,
      actual: String(numVertices),
    });
  const words = Math.max(1, (numVertices + 31) >>> 5);
  const adjacency = new Int32Array(numVertices * words);
  const all = new Int32Array(words);
  const ofFamily = problem.sizes.map(() => new Int32Array(words));
  for (const [u, a] of vertices.entries()) {
    all[u >>> 5]! |= 1 << (u & 31);
    ofFamily[a.family]![u >>> 5]! |= 1 << (u & 31);
    for (const [v, b] of vertices.entries())
      if (a.family !== b.family && (a.space & b.space) === 1n) adjacency[u * words + (v >>> 5)]! |= 1 << (v & 31);
  }
  const graph: DisjointnessGraph = {
    problem,
    numVertices,
    words,
    family: Uint8Array.from(vertices, (vertex) => vertex.family),
    mask: Int32Array.from(vertices, (_, index) => index),
    adjacency,
    weight: new Float64Array(numVertices).fill(1),
    unit: true,
    all,
    ofFamily,
    alreadyHit: problem.sizes.map(() => false),
    free: [],
  };
  const outcome = searchGraph(graph);
  return { value: outcome.value, labelled: outcome.labelled };
}
