/** Reads node tables and workloads (spec §2.14). */
import { z } from 'zod';
import { nearestNameHints } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { dual, findDisjointPair, nodesOf } from './expression.ts';
import type { QuorumExpr, QuorumNode, QuorumSystem, Workload } from './types.ts';

/** Stands in for latencies that nobody gave; never shown (see assertLatencies). */
const ASSUMED_LATENCY = { latencyMs: 1000, isLatencyAssumed: true } as const;

const nodeRow = z.strictObject({
  id: z.string().min(1),
  capacity: z.number().positive().optional(),
  readCapacity: z.number().positive().optional(),
  writeCapacity: z.number().positive().optional(),
  latencyMs: z.number().min(0).optional(),
  up: z.number().min(0).max(1).optional(),
  zone: z.string().optional(),
});

/** Reads nodes.json. @throws TF-FAMILIES-011 with the path of the first wrong field */
export function parseNodes(text: string, location: string): QuorumNode[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw familiesError('TF-FAMILIES-011', {
      subject: 'parseNodes',
      expected: 'JSON',
      actual: (cause as Error).message,
      location,
      cause,
    });
  }
  const parsed = z.array(nodeRow).min(1).safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw familiesError('TF-FAMILIES-011', {
      subject: 'parseNodes',
      expected: 'a list of nodes',
      actual: `${issue.message} at ${issue.path.join('.') || 'the top'}`,
      location,
    });
  }
  const ids = parsed.data.map((row) => row.id);
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined)
    throw familiesError('TF-FAMILIES-011', {
      subject: 'parseNodes',
      expected: 'different ids',
      actual: `"${repeated}" twice`,
      location,
    });
  return parsed.data.map((row) => ({
    id: row.id,
    readCapacity: row.readCapacity ?? row.capacity ?? 1,
    writeCapacity: row.writeCapacity ?? row.capacity ?? 1,
    ...(row.latencyMs === undefined ? ASSUMED_LATENCY : { latencyMs: row.latencyMs }),
    ...(row.up === undefined ? {} : { up: row.up }),
    ...(row.zone === undefined ? {} : { zone: row.zone }),
  }));
}

/** Nodes of an expression with default properties. */
export function plainNodes(ids: readonly string[]): QuorumNode[] {
  return ids.map((id) => ({ id, readCapacity: 1, writeCapacity: 1, ...ASSUMED_LATENCY }));
}

export function hasLatencies(nodes: readonly QuorumNode[]): boolean {
  return nodes.every((node) => !node.isLatencyAssumed);
}

/** A node as it is shown and written: without a latency that nobody gave. */
export function givenNode({ latencyMs, isLatencyAssumed, ...node }: QuorumNode): Omit<QuorumNode, 'latencyMs'> {
  return isLatencyAssumed ? node : ({ ...node, latencyMs } as Omit<QuorumNode, 'latencyMs'>);
}

/** Times can be minimised or limited only where every node has one. @throws TF-FAMILIES-011 with the first that lacks it */
export function assertLatencies(nodes: readonly QuorumNode[], subject: string): void {
  const unknown = nodes.find((node) => node.isLatencyAssumed);
  if (unknown)
    throw familiesError('TF-FAMILIES-011', {
      subject,
      expected: `a latency for node "${unknown.id}"`,
      actual: 'none',
      hints: ['Give a table with --nodes and add "latencyMs": 12 to the node.'],
    });
}

/** Reads `0.75` or `0.9:10,0.8:20` (read fraction : weight). @throws TF-FAMILIES-011 */
export function parseWorkload(text: string): Workload {
  const entries = text.split(',').map((part) => {
    const [fraction = '', weight = '1', ...rest] = part.split(':').map((piece) => piece.trim());
    if (fraction === '' || weight === '' || rest.length > 0)
      throw badWorkload('read fraction or read fraction:weight', JSON.stringify(part), text);
    return { readFraction: Number(fraction), weight: Number(weight) };
  });
  for (const { readFraction, weight } of entries) {
    if (!(readFraction >= 0 && readFraction <= 1))
      throw badWorkload('read fractions in 0..1', String(readFraction), text);
    if (!(weight >= 0 && Number.isFinite(weight))) throw badWorkload('weights of at least 0', String(weight), text);
  }
  const total = entries.reduce((sum, entry) => sum + entry.weight, 0);
  if (total <= 0) throw badWorkload('a weight above 0', 'weights that are all 0', text);
  return entries
    .filter((entry) => entry.weight > 0)
    .map(({ readFraction, weight }) => ({ readFraction, probability: weight / total, weight }));
}

function badWorkload(expected: string, actual: string, text: string): Error {
  return familiesError('TF-FAMILIES-011', {
    subject: 'parseWorkload',
    expected,
    actual,
    location: `read fraction ${JSON.stringify(text)}`,
  });
}

/** Puts nodes and expressions together and checks them.
 *  @param writes  default: the dual of the reads
 *  @throws TF-FAMILIES-011 for unknown nodes, TF-FAMILIES-012 with a disjoint pair */
export function createQuorumSystem(
  nodes: readonly QuorumNode[],
  reads: QuorumExpr,
  writes: QuorumExpr = dual(reads),
): QuorumSystem {
  const known = new Set(nodes.map((node) => node.id));
  for (const id of [...nodesOf(reads), ...nodesOf(writes)])
    if (!known.has(id))
      throw familiesError('TF-FAMILIES-011', {
        subject: 'createQuorumSystem',
        expected: 'expressions over the nodes of the table',
        actual: `"${id}"`,
        hints: nearestNameHints(id, known),
      });
  const disjoint = findDisjointPair(reads, writes);
  if (disjoint)
    throw familiesError('TF-FAMILIES-012', {
      subject: 'createQuorumSystem',
      expected: 'every read quorum to meet every write quorum',
      actual: `read {${disjoint.read.join(', ')}} and write {${disjoint.write.join(', ')}}`,
    });
  return { nodes, reads, writes };
}
