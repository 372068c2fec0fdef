/** Every partition there is: the judge of the dynamic program on small instances. */
import { evaluatePartition, type Partition, type PartitionProblem } from './problem.ts';

/** @returns the best partition into exactly `numStages` stages that use all devices, or undefined
 *  Cost: C(L−1, S−1) · |replicas|^S evaluations. */
export function partitionByBruteForce(problem: PartitionProblem, numStages: number): Partition | undefined {
  let best: Partition | undefined;
  const ends: number[] = [];
  const replicas: number[] = [];
  const extend = (start: number, used: number): void => {
    const isLast = ends.length === numStages - 1;
    // Every later stage keeps at least one layer.
    const lastEnd = problem.numLayers - (numStages - 1 - ends.length);
    for (let end = isLast ? problem.numLayers : start + 1; end <= lastEnd; end++) {
      for (const count of problem.replicas) {
        if (used + count > problem.numDevices) break;
        ends.push(end);
        replicas.push(count);
        if (!isLast) extend(end, used + count);
        else if (used + count === problem.numDevices) {
          const found = evaluatePartition(problem, [...ends], [...replicas]);
          if (!best || found.boundMs < best.boundMs) best = found;
        }
        ends.pop();
        replicas.pop();
      }
    }
  };
  extend(0, 0);
  return best;
}
