/** Checks the tuple of a certificate: sizes, non-emptiness, intersections and the claimed total. */
import type { FamilyRule, ProblemJson } from '../types.ts';
import { choose, combinations, overlap } from './pascal.ts';

/** Sets up to which a rule is listed and compared pair by pair. */
const MAX_LISTED_SETS = 20_000n;
const MAX_COMPARED_PAIRS = 40_000_000;

/** @returns failures in words; empty if the tuple is as claimed */
export function tupleFailures(problem: ProblemJson, tuple: readonly FamilyRule[], claimed: bigint): string[] {
  const m = problem.sizes.length;
  if (tuple.length !== m) return [`the tuple has ${tuple.length} families, the problem has ${m}`];
  const failures: string[] = [];
  const totals: bigint[] = [];
  for (const [i, rule] of tuple.entries()) {
    failures.push(...ruleFailures(problem, i, rule));
    if (failures.length > 0) return failures;
    const layers = layerSizes(problem, i, rule);
    if (!problem.allowEmpty && layers.every((size) => size === 0n)) failures.push(`family ${i} is empty`);
    totals.push(layers.reduce((sum, size, p) => sum + size * BigInt(problem.weights?.[i]?.[p] ?? '1'), 0n));
  }
  const total =
    problem.objective === 'product' ? totals.reduce((x, y) => x * y, 1n) : totals.reduce((x, y) => x + y, 0n);
  if (total !== claimed) failures.push(`the tuple adds up to ${total}, the claim is ${claimed}`);
  for (let i = 0; i < m; i++)
    for (let j = i; j < m; j++) {
      if (!related(problem, i, j)) continue;
      const failure = meetFailure(problem, i, tuple[i]!, j, tuple[j]!);
      if (failure) failures.push(failure);
    }
  return failures;
}

/** True if families i and j have to meet (i = j: inner condition). */
export function related(problem: ProblemJson, i: number, j: number): boolean {
  if (i === j) return problem.selfIntersecting?.includes(i) ?? false;
  return problem.conflicts?.some(([a, b]) => (a === i && b === j) || (a === j && b === i)) ?? true;
}

function ruleFailures(problem: ProblemJson, i: number, rule: FamilyRule): string[] {
  const failures: string[] = [];
  const allowed = new Set(problem.sizes[i]!);
  const points =
    'meets' in rule ? rule.meets : 'contains' in rule ? rule.contains : 'atLeast' in rule ? rule.atLeast.of : [];
  if (!isSet(points, problem.n))
    failures.push(`family ${i}: {${points.join(', ')}} is not a set of points 1..${problem.n}`);
  if ('meets' in rule && points.length === 0) failures.push(`family ${i}: nothing meets the empty centre`);
  if ('full' in rule)
    for (const k of rule.full) if (!allowed.has(k)) failures.push(`family ${i}: size ${k} is not allowed`);
  if ('lexPrefix' in rule)
    for (const [size, count] of Object.entries(rule.lexPrefix)) {
      if (!allowed.has(Number(size))) failures.push(`family ${i}: size ${size} is not allowed`);
      else if (BigInt(count) > choose(problem.n, Number(size)))
        failures.push(`family ${i}: ${count} sets of size ${size} do not exist`);
    }
  if ('sets' in rule) {
    const seen = new Set<string>();
    for (const set of rule.sets) {
      const name = `{${set.join(', ')}}`;
      if (!isSet(set, problem.n))
        failures.push(`family ${i}: ${name} is not an ascending set of points 1..${problem.n}`);
      else if (!allowed.has(set.length))
        failures.push(`family ${i}: ${name} has a size outside ${[...allowed].join(', ')}`);
      if (seen.has(name)) failures.push(`family ${i}: ${name} is listed twice`);
      seen.add(name);
    }
  }
  return failures;
}

function isSet(set: readonly number[], n: number): boolean {
  return set.every((e, p) => Number.isInteger(e) && e >= 1 && e <= n && (p === 0 || set[p - 1]! < e));
}

/** Number of sets per allowed size. */
function layerSizes(problem: ProblemJson, i: number, rule: FamilyRule): bigint[] {
  const { n } = problem;
  return problem.sizes[i]!.map((k) => {
    if ('meets' in rule) return choose(n, k) - choose(n - rule.meets.length, k);
    if ('contains' in rule) return choose(n - rule.contains.length, k - rule.contains.length);
    if ('full' in rule) return rule.full.includes(k) ? choose(n, k) : 0n;
    if ('sets' in rule) return BigInt(rule.sets.filter((set) => set.length === k).length);
    if ('lexPrefix' in rule) return BigInt(rule.lexPrefix[k] ?? '0');
    const s = rule.atLeast.of.length;
    let size = 0n;
    for (let x = rule.atLeast.count; x <= s; x++) size += choose(s, x) * choose(n - s, k - x);
    return size;
  });
}

/** Undefined if every set of one rule meets every set of the other in t elements. */
function meetFailure(problem: ProblemJson, i: number, a: FamilyRule, j: number, b: FamilyRule): string | undefined {
  const { n, t = 1 } = problem;
  if (i !== j && Math.min(...problem.sizes[i]!) + Math.min(...problem.sizes[j]!) >= n + t) return undefined;
  if (symbolicallyMeets(a, b, n, t)) return undefined;
  const total = (index: number, rule: FamilyRule): bigint =>
    layerSizes(problem, index, rule).reduce((x, y) => x + y, 0n);
  const counts = [total(i, a), total(j, b)] as const;
  if (counts[0] > MAX_LISTED_SETS || counts[1] > MAX_LISTED_SETS || Number(counts[0] * counts[1]) > MAX_COMPARED_PAIRS)
    return `families ${i} and ${j} are too large to compare set by set and their rules prove nothing`;
  const left = [...listed(problem, i, a)];
  const right = i === j ? left : [...listed(problem, j, b)];
  for (const x of left)
    for (const y of right)
      if ((i !== j || x !== y) && overlap(x, y) < t)
        return `{${x.join(', ')}} of family ${i} and {${y.join(', ')}} of family ${j} share ${overlap(x, y)} elements, not ${t}`;
  if (i === j)
    for (const x of left) if (x.length < t) return `{${x.join(', ')}} of family ${i} has fewer than ${t} elements`;
  return undefined;
}

/** Rule algebra: holds for sets of any size, so that n = 1000 needs no list. */
function symbolicallyMeets(a: FamilyRule, b: FamilyRule, n: number, t: number): boolean {
  const left = asThreshold(a);
  const right = asThreshold(b);
  if (left && right) {
    // Both promise many elements of the common part of their centres.
    const shared = overlap(left.of, right.of);
    const inLeft = left.count - (left.of.length - shared);
    const inRight = right.count - (right.of.length - shared);
    if (inLeft > 0 && inRight > 0 && inLeft + inRight - shared >= t) return true;
  }
  if ('full' in a && 'full' in b) return a.full.every((k) => b.full.every((l) => k + l - n >= t));
  return false;
}

function asThreshold(rule: FamilyRule): { count: number; of: readonly number[] } | undefined {
  if ('meets' in rule) return { count: 1, of: rule.meets };
  if ('contains' in rule) return { count: rule.contains.length, of: rule.contains };
  return 'atLeast' in rule ? rule.atLeast : undefined;
}

function* listed(problem: ProblemJson, i: number, rule: FamilyRule): Generator<number[]> {
  if ('sets' in rule) {
    for (const set of rule.sets) yield [...set];
    return;
  }
  for (const k of problem.sizes[i]!) {
    let taken = 0n;
    for (const set of combinations(problem.n, k)) {
      if ('lexPrefix' in rule) {
        if (taken >= BigInt(rule.lexPrefix[k] ?? '0')) break;
        taken++;
        yield set;
      } else if ('full' in rule) {
        if (rule.full.includes(k)) yield set;
      } else {
        const { count, of } = asThreshold(rule)!;
        if (overlap(set, of) >= count) yield set;
      }
    }
  }
}
