/** Federated systems of the Stellar kind (spec §2.13): minimal quorums, intersection, blocking sets.
 *
 *  A node's quorum set is met by S if at least `threshold` of its entries are in S or met. U ≠ ∅ is a quorum exactly when
 *  every member's quorum set is met by U. */
import { z } from 'zod';
import { throwIfCancelled } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { minimalTransversals } from '../transversals.ts';

export interface QuorumSet {
  readonly threshold: number;
  readonly validators: readonly string[];
  readonly innerQuorumSets: readonly QuorumSet[];
}

export interface FederatedNode {
  readonly id: string;
  readonly name: string;
  /** Absent: the node can never be satisfied. */
  readonly quorumSet: QuorumSet | undefined;
}

export interface FederatedAnalysis {
  readonly numNodes: number;
  /** Nodes left after deleting unsatisfied ones until stable. */
  readonly largestQuorum: readonly string[];
  /** Strongly connected components that hold a quorum. */
  readonly coreComponents: readonly (readonly string[])[];
  readonly minimalQuorums: readonly (readonly string[])[];
  /** Minimal sets whose failure leaves no quorum. */
  readonly blockingSets: readonly (readonly string[])[];
  readonly hasIntersection: boolean;
  /** Two quorums without a common node, if there are any. */
  readonly disjointPair: readonly [readonly string[], readonly string[]] | undefined;
}

const quorumSetSchema: z.ZodType<QuorumSet> = z.lazy(() =>
  z.object({
    threshold: z.number().int().min(0),
    validators: z.array(z.string()).default([]),
    innerQuorumSets: z.array(quorumSetSchema).default([]),
  }),
) as z.ZodType<QuorumSet>;

const nodeSchema = z.object({
  publicKey: z.string(),
  name: z.string().nullish(),
  alias: z.string().nullish(),
  quorumSet: quorumSetSchema.nullish(),
});

/** Reads a stellarbeat node list. @throws TF-FAMILIES-016 */
export function parseStellarbeat(text: string, location: string): FederatedNode[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw familiesError('TF-FAMILIES-016', {
      subject: 'parseStellarbeat',
      expected: 'JSON',
      actual: (cause as Error).message,
      location,
      cause,
    });
  }
  const list = Array.isArray(json) ? json : (json as { nodes?: unknown } | null)?.nodes;
  const parsed = z.array(nodeSchema).safeParse(list);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw familiesError('TF-FAMILIES-016', {
      subject: 'parseStellarbeat',
      expected: 'a list of nodes with publicKey and quorumSet',
      actual: `${issue.message} at ${issue.path.join('.') || 'the top'}`,
      location,
    });
  }
  const ids = parsed.data.map((row) => row.publicKey);
  const repeated = ids.find((id, index) => ids.indexOf(id) < index);
  if (repeated !== undefined)
    throw familiesError('TF-FAMILIES-016', {
      subject: 'parseStellarbeat',
      expected: 'different public keys',
      actual: `"${repeated}" twice`,
      location,
    });
  return parsed.data.map((row) => ({
    id: row.publicKey,
    name: row.name ?? row.alias ?? row.publicKey.slice(0, 8),
    quorumSet: row.quorumSet ?? undefined,
  }));
}

const MAX_MINIMAL_QUORUMS = 200_000;
const VISITS_BETWEEN_CHECKS = 4096;

/** Analyses a federated system.
 *  @throws TF-FAMILIES-003 above 200,000 minimal quorums */
export function analyseFederated(nodes: readonly FederatedNode[], signal?: AbortSignal): FederatedAnalysis {
  const indexOf = new Map(nodes.map((node, index) => [node.id, index]));
  const everyone = nodes.map((_, index) => index);
  const largest = largestQuorum(nodes, indexOf, everyone);
  const components = stronglyConnected(nodes, indexOf, largest).filter(
    (component) => largestQuorum(nodes, indexOf, component).length > 0,
  );
  const minimal: number[][] = [];
  for (const component of components) minimal.push(...minimalIn(nodes, indexOf, component, signal));
  const masks = minimal.map((set) => set.reduce((mask, index) => mask | (1n << BigInt(index)), 0n));
  let disjoint: [number, number] | undefined;
  for (let a = 0; a < masks.length && !disjoint; a++)
    for (let b = a + 1; b < masks.length; b++)
      if ((masks[a]! & masks[b]!) === 0n) {
        disjoint = [a, b];
        break;
      }
  const names = (set: readonly number[]): string[] => set.map((index) => nodes[index]!.name);
  const blockingSets: string[][] = [];
  if (masks.length > 0)
    for (const mask of minimalTransversals(masks)) {
      throwIfCancelled(signal, 'analyseFederated');
      blockingSets.push(names(everyone.filter((index) => (mask >> BigInt(index)) & 1n)));
    }
  return {
    numNodes: nodes.length,
    largestQuorum: names(largest),
    coreComponents: components.map(names),
    minimalQuorums: minimal.map(names),
    blockingSets,
    hasIntersection: masks.length > 0 && !disjoint,
    disjointPair: disjoint && [names(minimal[disjoint[0]]!), names(minimal[disjoint[1]]!)],
  };
}

function isMet(set: QuorumSet, has: (id: string) => boolean): boolean {
  let met = 0;
  for (const id of set.validators) if (has(id) && ++met >= set.threshold) return true;
  for (const inner of set.innerQuorumSets) if (isMet(inner, has) && ++met >= set.threshold) return true;
  return met >= set.threshold;
}

/** Deletes unsatisfied nodes until stable. */
function largestQuorum(
  nodes: readonly FederatedNode[],
  indexOf: ReadonlyMap<string, number>,
  candidates: readonly number[],
): number[] {
  let left = [...candidates];
  for (;;) {
    const inside = new Set(left);
    const has = (id: string): boolean => inside.has(indexOf.get(id) ?? -1);
    const next = left.filter((index) => {
      const { quorumSet } = nodes[index]!;
      return quorumSet !== undefined && isMet(quorumSet, has);
    });
    if (next.length === left.length) return left;
    left = next;
  }
}

function membersOf(set: QuorumSet): string[] {
  return [...set.validators, ...set.innerQuorumSets.flatMap(membersOf)];
}

/** Components of the graph node → members of its quorum set (Tarjan, without recursion limits for small systems). */
function stronglyConnected(
  nodes: readonly FederatedNode[],
  indexOf: ReadonlyMap<string, number>,
  inside: readonly number[],
): number[][] {
  const allowed = new Set(inside);
  const targets = nodes.map(({ quorumSet }) =>
    quorumSet
      ? membersOf(quorumSet)
          .map((id) => indexOf.get(id) ?? -1)
          .filter((index) => allowed.has(index))
      : [],
  );
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const components: number[][] = [];
  const visit = (v: number): void => {
    order.set(v, order.size);
    low.set(v, order.get(v)!);
    stack.push(v);
    onStack.add(v);
    for (const w of targets[v]!) {
      if (!order.has(w)) {
        visit(w);
        low.set(v, Math.min(low.get(v)!, low.get(w)!));
      } else if (onStack.has(w)) low.set(v, Math.min(low.get(v)!, order.get(w)!));
    }
    if (low.get(v) !== order.get(v)) return;
    const component: number[] = [];
    for (;;) {
      const w = stack.pop()!;
      onStack.delete(w);
      component.push(w);
      if (w === v) break;
    }
    components.push(component.sort((a, b) => a - b));
  };
  for (const v of inside) if (!order.has(v)) visit(v);
  return components;
}

/** Branch and bound: a set of chosen nodes grows while the nodes still allowed hold a quorum around it. */
function minimalIn(
  nodes: readonly FederatedNode[],
  indexOf: ReadonlyMap<string, number>,
  component: readonly number[],
  signal: AbortSignal | undefined,
): number[][] {
  const found: number[][] = [];
  let numVisits = 0;
  const quorumWithin = (set: readonly number[]): number[] => largestQuorum(nodes, indexOf, set);
  const isMinimal = (set: readonly number[]): boolean =>
    set.every((gone) => quorumWithin(set.filter((index) => index !== gone)).length === 0);
  const visit = (chosen: readonly number[], open: readonly number[]): void => {
    if (++numVisits % VISITS_BETWEEN_CHECKS === 0) throwIfCancelled(signal, 'analyseFederated');
    // The chosen nodes hold a quorum already: it is minimal only if it is all of them.
    const inside = quorumWithin(chosen);
    if (inside.length > 0) {
      if (inside.length === chosen.length && isMinimal(chosen)) found.push([...chosen].sort((a, b) => a - b));
      if (found.length > MAX_MINIMAL_QUORUMS)
        throw familiesError('TF-FAMILIES-003', {
          subject: 'analyseFederated',
          expected: `at most ${MAX_MINIMAL_QUORUMS} minimal quorums`,
          actual: 'more',
        });
      return;
    }
    const around = quorumWithin([...chosen, ...open]);
    const reachable = new Set(around);
    if (around.length === 0 || chosen.some((index) => !reachable.has(index))) return;
    const next = open.filter((index) => reachable.has(index));
    if (next.length === 0) return;
    const [pick, ...rest] = next as [number, ...number[]];
    visit([...chosen, pick], rest);
    visit(chosen, rest);
  };
  visit([], component);
  return found;
}
