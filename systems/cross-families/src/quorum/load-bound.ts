/** Lower bounds on the load of every read/write quorum system on given nodes. */
import type { QuorumNode, Workload } from './types.ts';

/** No system of the wanted resilience has a smaller expected load.
 *
 *  With a and b the sizes of the smallest read and write quorums (each at least resilience + 1, since they hit all
 *  quorums of the other side): the mean load of the nodes is at least (f·A + (1−f)·B)/n, A and B the sums of the a and b
 *  smallest 1/capacity; the b nodes of a smallest write quorum share every read, so one of them bears at least
 *  f/(Σ of its capacities); likewise for writes. The best pair (a, b) bounds all systems. */
export function loadLowerBound(nodes: readonly QuorumNode[], workload: Workload, resilience: number): number {
  const n = nodes.length;
  const readCosts = nodes.map((node) => 1 / node.readCapacity).sort((x, y) => x - y);
  const writeCosts = nodes.map((node) => 1 / node.writeCapacity).sort((x, y) => x - y);
  const readCapacities = nodes.map((node) => node.readCapacity).sort((x, y) => y - x);
  const writeCapacities = nodes.map((node) => node.writeCapacity).sort((x, y) => y - x);
  const head = (values: readonly number[], count: number): number =>
    values.slice(0, count).reduce((sum, value) => sum + value, 0);
  let best = Infinity;
  for (let a = resilience + 1; a <= n; a++)
    for (let b = resilience + 1; b <= n; b++) {
      let expected = 0;
      for (const { readFraction, probability } of workload) {
        const mean = (readFraction * head(readCosts, a) + (1 - readFraction) * head(writeCosts, b)) / n;
        const onWrites = readFraction / head(readCapacities, b);
        const onReads = (1 - readFraction) / head(writeCapacities, a);
        expected += probability * Math.max(mean, onWrites, onReads);
      }
      if (expected < best) best = expected;
    }
  return best;
}
