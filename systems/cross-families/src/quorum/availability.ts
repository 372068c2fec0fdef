/** Availability: the probability that the nodes that are up hold a quorum (spec §2.11).
 *
 *  Independent nodes: by recursion where no node repeats, else over all 2^n states; zones: conditioned on which zones are
 *  up (a node is up if its zone is up and it is up itself); beyond that by sampling, with a confidence interval. */
import type { Rng } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { contains, isDuplicateFree, nodesOf } from './expression.ts';
import { exprFromSets, ones } from './monotone.ts';
import type { QuorumExpr, QuorumNode } from './types.ts';

export interface Availability {
  readonly probability: number;
  readonly method: 'recursion' | 'all-states' | 'sampling';
  /** Half width of the 95 % confidence interval; 0 where exact. */
  readonly halfWidth: number;
}

export interface ZoneModel {
  /** Probability that a zone as a whole is up; zones not named are always up. */
  readonly up: ReadonlyMap<string, number>;
}

const MAX_STATE_NODES = 24;
const MAX_ZONES = 16;
const NUM_SAMPLES = 200_000;

/** @throws TF-FAMILIES-011 if a node of the expression has no up-probability */
export function availability(
  expr: QuorumExpr,
  nodes: readonly QuorumNode[],
  options: { readonly zones?: ZoneModel; readonly rng: Rng },
): Availability {
  const used = nodesOf(expr);
  const nodeOf = new Map(nodes.map((node) => [node.id, node]));
  const up = new Map(
    used.map((id) => {
      const probability = nodeOf.get(id)?.up;
      if (probability === undefined)
        throw familiesError('TF-FAMILIES-011', {
          subject: 'availability',
          expected: `an up-probability for node "${id}"`,
          actual: 'none',
          hints: ['Add "up": 0.999 to the node.'],
        });
      return [id, probability];
    }),
  );
  const zones = [...new Set(used.map((id) => nodeOf.get(id)!.zone))].filter(
    (zone): zone is string => zone !== undefined && (options.zones?.up.has(zone) ?? false),
  );
  const isExact = isDuplicateFree(expr) || used.length <= MAX_STATE_NODES;
  if (!isExact || zones.length > MAX_ZONES) return sampled(expr, used, nodeOf, up, options);
  let probability = 0;
  for (let state = 0; state < 2 ** zones.length; state++) {
    let weight = 1;
    const down = new Set<string>();
    for (const [z, zone] of zones.entries()) {
      const zoneUp = options.zones!.up.get(zone)!;
      weight *= (state >> z) & 1 ? zoneUp : 1 - zoneUp;
      if (!((state >> z) & 1)) down.add(zone);
    }
    if (weight === 0) continue;
    const effective = (id: string): number => {
      const zone = nodeOf.get(id)!.zone;
      return zone !== undefined && down.has(zone) ? 0 : up.get(id)!;
    };
    probability += weight * (isDuplicateFree(expr) ? byRecursion(expr, effective) : byStates(expr, used, effective));
  }
  return { probability, method: isDuplicateFree(expr) ? 'recursion' : 'all-states', halfWidth: 0 };
}

/** P(at least k parts are available), parts independent; the number of available parts is built up part by part. */
export function byRecursion(expr: QuorumExpr, up: (node: string) => number): number {
  if (expr.kind === 'node') return up(expr.node);
  let counts = [1];
  for (const child of expr.of) {
    const p = byRecursion(child, up);
    const next = Array<number>(counts.length + 1).fill(0);
    for (const [count, weight] of counts.entries()) {
      next[count]! += weight * (1 - p);
      next[count + 1]! += weight * p;
    }
    counts = next;
  }
  return counts.slice(expr.k).reduce((sum, weight) => sum + weight, 0);
}

function byStates(expr: QuorumExpr, used: readonly string[], up: (node: string) => number): number {
  const p = used.map(up);
  let total = 0;
  const walk = (index: number, state: Set<string>, weight: number): void => {
    if (weight === 0) return;
    if (index === used.length) {
      if (contains(expr, (node) => state.has(node))) total += weight;
      return;
    }
    state.add(used[index]!);
    walk(index + 1, state, weight * p[index]!);
    state.delete(used[index]!);
    walk(index + 1, state, weight * (1 - p[index]!));
  };
  walk(0, new Set(), 1);
  return total;
}

function sampled(
  expr: QuorumExpr,
  used: readonly string[],
  nodeOf: ReadonlyMap<string, QuorumNode>,
  up: ReadonlyMap<string, number>,
  { zones, rng }: { readonly zones?: ZoneModel; readonly rng: Rng },
): Availability {
  const draw = rng.fork('availability');
  let hits = 0;
  for (let sample = 0; sample < NUM_SAMPLES; sample++) {
    const zoneUp = new Map<string, boolean>();
    for (const [zone, probability] of zones?.up ?? []) zoneUp.set(zone, draw.uniform() < probability);
    const alive = new Set<string>();
    for (const id of used) {
      const zone = nodeOf.get(id)!.zone;
      const isUp = draw.uniform() < up.get(id)!;
      if (isUp && (zone === undefined || (zoneUp.get(zone) ?? true))) alive.add(id);
    }
    if (contains(expr, (node) => alive.has(node))) hits++;
  }
  const probability = hits / NUM_SAMPLES;
  // Agresti and Coull: two hits and two misses more, so that no sample of hits alone looks exact.
  const centre = (hits + 2) / (NUM_SAMPLES + 4);
  const halfWidth = 1.96 * Math.sqrt((centre * (1 - centre)) / (NUM_SAMPLES + 4));
  return { probability, method: 'sampling', halfWidth };
}

export interface AvailabilityOptimum {
  readonly reads: QuorumExpr;
  readonly readAvailability: number;
  readonly writeAvailability: number;
  /** fr·A_R + (1−fr)·A_W. */
  readonly value: number;
  /** Voting weight ln(p/(1−p)) per node; reads need a total of at least `threshold`. */
  readonly votes: readonly number[];
  readonly threshold: number;
  /** Nodes with up-probability below ½, left out. */
  readonly dropped: readonly string[];
}

const MAX_VOTING_NODES = 20;

/** The pair (F, dual F) of largest fr·A_R + (1−fr)·A_W for independent nodes with up-probability ≥ ½: A is a read quorum
 *  exactly when fr·P(A is the set of up nodes) ≥ (1−fr)·P(its complement is): weighted voting.
 *  At a share of ½ nodes below ½ are dropped (Amir, Wool); at other shares they can help, and the rule says nothing.
 *  @throws TF-FAMILIES-003 where the rule does not hold, TF-FAMILIES-011 for a node without up-probability */
export function mostAvailablePair(nodes: readonly QuorumNode[], readFraction: number): AvailabilityOptimum {
  const unknown = nodes.find((node) => node.up === undefined);
  if (unknown)
    throw familiesError('TF-FAMILIES-011', {
      subject: 'mostAvailablePair',
      expected: `an up-probability for node "${unknown.id}"`,
      actual: 'none',
    });
  const kept = nodes.filter((node) => node.up! >= 0.5);
  const dropped = nodes.filter((node) => node.up! < 0.5).map((node) => node.id);
  const n = kept.length;
  if (!(readFraction > 0 && readFraction < 1) || (dropped.length > 0 && readFraction !== 0.5))
    throw familiesError('TF-FAMILIES-003', {
      subject: 'mostAvailablePair',
      expected: 'a read share between 0 and 1, and of ½ where some node is up less than half of the time',
      actual: `${readFraction}${dropped.length > 0 ? ` and ${dropped.join(', ')}` : ''}`,
    });
  if (n === 0 || n > MAX_VOTING_NODES)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'mostAvailablePair',
      expected: `1 to ${MAX_VOTING_NODES} nodes with up-probability of at least ½`,
      actual: String(n),
    });
  const all = 2 ** n - 1;
  const probability = new Float64Array(all + 1);
  for (let set = 0; set <= all; set++) {
    let p = 1;
    for (let x = 0; x < n; x++) p *= (set >> x) & 1 ? kept[x]!.up! : 1 - kept[x]!.up!;
    probability[set] = p;
  }
  const isRead = (set: number): boolean =>
    readFraction * probability[set]! >= (1 - readFraction) * probability[all & ~set]!;
  let readAvailability = 0;
  let writeAvailability = 0;
  const reads: number[] = [];
  for (let set = 0; set <= all; set++) {
    if (isRead(set)) readAvailability += probability[set]!;
    if (!isRead(all & ~set)) writeAvailability += probability[set]!;
    if (!isRead(set)) continue;
    let isMinimal = true;
    for (let rest = set; rest !== 0 && isMinimal; rest &= rest - 1) isMinimal = !isRead(set & ~(rest & -rest));
    if (isMinimal) reads.push(set);
  }
  const votes = kept.map((node) => Math.log(node.up! / (1 - node.up!)));
  reads.sort((a, b) => ones(a) - ones(b) || a - b);
  return {
    reads: exprFromSets(
      reads,
      kept.map((node) => node.id),
    ),
    readAvailability,
    writeAvailability,
    value: readFraction * readAvailability + (1 - readFraction) * writeAvailability,
    votes,
    threshold: (votes.reduce((sum, vote) => sum + vote, 0) + Math.log((1 - readFraction) / readFraction)) / 2,
    dropped,
  };
}
