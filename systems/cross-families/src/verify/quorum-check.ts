/** Checks quorum strategies: that reads meet writes, that they are legal, have the claimed load, and that node prices prove that no strategy has
 *  less. Exact fractions of its own; nothing here is shared with the planner. */
import { z } from 'zod';

const decimal = z.number();
const fraction = z.string().regex(/^\d+(\/[1-9]\d*)?$/, 'a fraction like 3/8');
export type CheckedExpr =
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'choose'; readonly k: number; readonly of: readonly CheckedExpr[] };
const expr: z.ZodType<CheckedExpr> = z.lazy(() =>
  z.union([
    z.strictObject({ kind: z.literal('node'), node: z.string() }),
    z.strictObject({ kind: z.literal('choose'), k: z.number().int().min(1), of: z.array(expr).min(1) }),
  ]),
);
const used = z.array(z.strictObject({ members: z.array(z.string()), probability: fraction }));

export const quorumCertificateSchema = z.strictObject({
  schema: z.literal('quorums/1'),
  nodes: z.array(
    z.strictObject({ id: z.string(), readCapacity: decimal.positive(), writeCapacity: decimal.positive() }),
  ),
  reads: expr,
  writes: expr,
  workload: z.array(z.strictObject({ readFraction: decimal.min(0).max(1), weight: decimal.positive() })).min(1),
  readStrategy: used,
  writeStrategy: used,
  /** prices[f][x], one row a read fraction, one column a node. */
  prices: z.array(z.array(fraction)),
  claim: z.strictObject({ load: fraction }),
});

export type QuorumCertificate = z.infer<typeof quorumCertificateSchema>;

/** Numerator over denominator, denominator > 0, not reduced. */
type Fraction = readonly [bigint, bigint];

const zero: Fraction = [0n, 1n];
const plus = (a: Fraction, b: Fraction): Fraction => [a[0] * b[1] + b[0] * a[1], a[1] * b[1]];
const times = (a: Fraction, b: Fraction): Fraction => [a[0] * b[0], a[1] * b[1]];
const over = (a: Fraction, b: Fraction): Fraction => [a[0] * b[1], a[1] * b[0]];
const isLess = (a: Fraction, b: Fraction): boolean => a[0] * b[1] < b[0] * a[1];
const reduce = (a: Fraction): Fraction => {
  let [x, y] = [a[0], a[1]];
  while (y !== 0n) [x, y] = [y, x % y];
  const divisor = x === 0n ? 1n : x < 0n ? -x : x;
  return [a[0] / divisor, a[1] / divisor];
};

function fromText(text: string): Fraction {
  const [top, bottom = '1'] = text.split('/');
  return [BigInt(top!), BigInt(bottom)];
}

/** The decimal that the number prints as. */
function fromDecimal(value: number): Fraction {
  const [mantissa, exponent = '0'] = String(value).split('e');
  const [whole, digits = ''] = mantissa!.split('.');
  const power = Number(exponent) - digits.length;
  const top = BigInt(whole! + digits);
  return power >= 0 ? [top * 10n ** BigInt(power), 1n] : [top, 10n ** BigInt(-power)];
}

/** Nodes up to which expressions that repeat nodes are tried set by set. */
const MAX_TRIED_NODES = 16;

export interface QuorumVerification {
  readonly ok: boolean;
  readonly failures: readonly string[];
  /** How it was checked that no strategy has less load and that reads meet writes. */
  readonly upper: 'proved' | 'trusted' | 'failed';
}

export function verifyQuorumCertificate(certificate: QuorumCertificate): QuorumVerification {
  const { nodes, workload } = certificate;
  const failures: string[] = [];
  const ids = nodes.map((node) => node.id);
  const total = workload.reduce((sum, { weight }) => plus(sum, fromDecimal(weight)), zero);
  const claimed = fromText(certificate.claim.load);
  for (const id of [...leaves(certificate.reads), ...leaves(certificate.writes)])
    if (!ids.includes(id)) return { ok: false, failures: [`node "${id}" is unknown`], upper: 'failed' };
  const repeated = ids.find((id, x) => ids.indexOf(id) < x);
  if (repeated !== undefined)
    return { ok: false, failures: [`node "${repeated}" stands in the table twice`], upper: 'failed' };
  const meeting = checkMeeting(certificate.reads, certificate.writes, ids);
  if (meeting.disjoint) failures.push(meeting.disjoint);
  const sides = [
    {
      name: 'read',
      tree: certificate.reads,
      list: certificate.readStrategy,
      cost: nodes.map((node) => over([1n, 1n], fromDecimal(node.readCapacity))),
    },
    {
      name: 'write',
      tree: certificate.writes,
      list: certificate.writeStrategy,
      cost: nodes.map((node) => over([1n, 1n], fromDecimal(node.writeCapacity))),
    },
  ] as const;
  const use = sides.map(({ name, tree, list }) => {
    let sum = zero;
    const perNode = ids.map((): Fraction => zero);
    for (const { members, probability } of list) {
      const has = new Set(members);
      if (members.some((id) => !ids.includes(id)) || has.size < members.length)
        failures.push(`a ${name} quorum lists unknown or repeated nodes`);
      if (!holds(tree, has)) failures.push(`{${members.join(', ')}} is no ${name} quorum`);
      sum = plus(sum, fromText(probability));
      for (const [x, id] of ids.entries())
        if (has.has(id)) perNode[x] = reduce(plus(perNode[x]!, fromText(probability)));
    }
    if (sum[0] !== sum[1]) failures.push(`the ${name} probabilities do not add up to 1`);
    return perNode;
  });
  if (certificate.prices.length !== workload.length || certificate.prices.some((row) => row.length !== ids.length))
    return { ok: false, failures: [...failures, 'one price a read fraction and node is needed'], upper: 'failed' };
  let load = zero;
  let hasOverpaid = false;
  const price = sides.map(() => ids.map((): Fraction => zero));
  for (const [f, { readFraction, weight }] of workload.entries()) {
    const share = reduce(over(fromDecimal(weight), total));
    const parts: Fraction[] = [fromDecimal(readFraction), plus([1n, 1n], times([-1n, 1n], fromDecimal(readFraction)))];
    let worst = zero;
    let sumOfPrices = zero;
    for (const x of ids.keys()) {
      const loads = sides.map(({ cost }, s) => times(times(parts[s]!, use[s]![x]!), cost[x]!));
      const both = reduce(plus(loads[0]!, loads[1]!));
      if (isLess(worst, both)) worst = both;
      const y = fromText(certificate.prices[f]![x]!);
      sumOfPrices = reduce(plus(sumOfPrices, y));
      for (const [s, { cost }] of sides.entries())
        price[s]![x] = reduce(plus(price[s]![x]!, times(times(y, parts[s]!), cost[x]!)));
    }
    load = reduce(plus(load, times(share, worst)));
    if (isLess(share, sumOfPrices)) {
      hasOverpaid = true;
      failures.push(`the prices of read fraction ${readFraction} add up to more than its probability`);
    }
  }
  if (isLess(load, claimed) || isLess(claimed, load))
    failures.push(`the strategy has load ${load.join('/')}, the claim is ${certificate.claim.load}`);
  // E[load] ≥ cheapest read quorum + cheapest write quorum under the prices.
  let bound: Fraction | undefined = zero;
  for (const [s, { tree }] of sides.entries()) {
    const cheapest = cheapestQuorum(tree, ids, price[s]!);
    bound = bound && cheapest && reduce(plus(bound, cheapest));
  }
  const isTooWeak = bound !== undefined && isLess(bound, claimed);
  if (bound && isTooWeak)
    failures.push(`the prices prove ${bound.join('/')} only, the claim is ${certificate.claim.load}`);
  const isSpoilt = isTooWeak || hasOverpaid || meeting.disjoint !== undefined;
  return {
    ok: failures.length === 0,
    failures,
    upper: isSpoilt ? 'failed' : bound && meeting.isDecided ? 'proved' : 'trusted',
  };
}

/** Whether every read quorum meets every write quorum: by the shape of the trees where that settles it, else over all
 *  sets S of nodes (S a read quorum, the rest a write quorum: they miss each other). */
function checkMeeting(
  reads: CheckedExpr,
  writes: CheckedExpr,
  ids: readonly string[],
): { readonly isDecided: boolean; readonly disjoint?: string } {
  if (mustMeet(reads, writes)) return { isDecided: true };
  const used = new Set([...leaves(reads), ...leaves(writes)]);
  const names = ids.filter((id) => used.has(id));
  if (names.length > MAX_TRIED_NODES) return { isDecided: false };
  for (let set = 0; set < 2 ** names.length; set++) {
    const inside = names.filter((_, x) => (set >> x) & 1);
    const outside = names.filter((_, x) => !((set >> x) & 1));
    if (holds(reads, new Set(inside)) && holds(writes, new Set(outside)))
      return {
        isDecided: true,
        disjoint: `a read quorum within {${inside.join(', ')}} misses a write quorum within {${outside.join(', ')}}`,
      };
  }
  return { isDecided: true };
}

/** Sufficient: j and k of the same n parts, j + k > n, share a part, in which they meet by induction. */
function mustMeet(a: CheckedExpr, b: CheckedExpr): boolean {
  if (a.kind === 'node' || b.kind === 'node') return a.kind === 'node' && b.kind === 'node' && a.node === b.node;
  const n = a.of.length;
  return b.of.length === n && a.k + b.k > n && a.of.every((part, x) => mustMeet(part, b.of[x]!));
}

function leaves(tree: CheckedExpr): string[] {
  return tree.kind === 'node' ? [tree.node] : tree.of.flatMap(leaves);
}

function holds(tree: CheckedExpr, has: ReadonlySet<string>): boolean {
  if (tree.kind === 'node') return has.has(tree.node);
  return tree.of.filter((part) => holds(part, has)).length >= tree.k;
}

/** Least price of a quorum: on trees without repeated nodes the sum of the k cheapest parts, else by trying all sets. */
function cheapestQuorum(tree: CheckedExpr, ids: readonly string[], price: readonly Fraction[]): Fraction | undefined {
  const all = leaves(tree);
  if (new Set(all).size === all.length) return cheapestPart(tree, ids, price);
  if (ids.length > MAX_TRIED_NODES) return undefined;
  let best: Fraction | undefined;
  for (let set = 1; set < 2 ** ids.length; set++) {
    const has = new Set(ids.filter((_, x) => (set >> x) & 1));
    if (!holds(tree, has)) continue;
    let cost = zero;
    for (const [x, id] of ids.entries()) if (has.has(id)) cost = reduce(plus(cost, price[x]!));
    if (!best || isLess(cost, best)) best = cost;
  }
  return best;
}

function cheapestPart(tree: CheckedExpr, ids: readonly string[], price: readonly Fraction[]): Fraction {
  if (tree.kind === 'node') return price[ids.indexOf(tree.node)]!;
  const parts = tree.of
    .map((part) => cheapestPart(part, ids, price))
    .sort((a, b) => (isLess(a, b) ? -1 : isLess(b, a) ? 1 : 0));
  return parts.slice(0, tree.k).reduce((sum, part) => reduce(plus(sum, part)), zero);
}
