/** Plans with stages that the user chose. */
import { evaluatePartition, type Partition } from '../partition/problem.ts';
import { pipeError } from '../pipe-errors.ts';
import type { Plan, PlanOptions } from '../plan-types.ts';
import type { Cluster, DiffusionModel } from '../types.ts';
import { candidateFrom } from './candidate.ts';
import { planFrom } from './filled-plan.ts';
import { createSpace, problemOf, type Point } from './space.ts';

/** A plan with given stages, simulated and filled like searched ones.
 *  @throws TF-PIPE-005 on stages that do not follow one another or do not fit the devices, TF-PIPE-002 on shares that do
 *  not divide */
export function planOfStages(
  model: DiffusionModel,
  cluster: Cluster,
  options: PlanOptions & { readonly numMicroBatches: number },
  stages: Pick<Partition, 'ends' | 'replicas'>,
): Plan {
  const space = createSpace(model, cluster, options);
  const { ends, replicas } = stages;
  const { numMicroBatches } = options;
  const groupDevices = replicas.reduce((sum, count) => sum + count, 0);
  assertStages(stages, space.model.backbones[0]!.layers.length, cluster.numDevices);
  const microBatch = (options.batch * groupDevices) / cluster.numDevices / numMicroBatches;
  if (!Number.isInteger(microBatch) || (!options.allowsUneven && replicas.some((count) => microBatch % count !== 0)))
    throw pipeError('TF-PIPE-002', {
      subject: 'planOfStages',
      expected: 'micro-batches and replica shares of whole samples',
      actual: `batch ${options.batch} over ${cluster.numDevices / groupDevices} groups, ${numMicroBatches} micro-batches, replicas ${replicas.join(', ')}`,
      hints: ['Use a multiple of the number of devices, or allow uneven shares.'],
    });
  const recomputes = options.recompute === 'always';
  const problem = problemOf(space, { groupDevices, numMicroBatches, recomputes });
  const point: Point = {
    groupDevices,
    numMicroBatches,
    numStages: ends.length,
    warmup: options.warmup ?? 'commAware',
    recomputes,
  };
  return planFrom(space, candidateFrom(space, problem, point, evaluatePartition(problem, ends, replicas)));
}

function assertStages(
  { ends, replicas }: Pick<Partition, 'ends' | 'replicas'>,
  numLayers: number,
  numDevices: number,
): void {
  const isAscending = ends.every((end, stage) => Number.isInteger(end) && end > (ends[stage - 1] ?? 0));
  if (!isAscending || ends.at(-1) !== numLayers || ends.length !== replicas.length)
    throw pipeError('TF-PIPE-005', {
      subject: 'planOfStages',
      expected: `ascending ends up to ${numLayers} with one replica count each`,
      actual: `ends ${ends.join(',')} and replicas ${replicas.join(',')}`,
    });
  const isWhole = replicas.every((count) => Number.isInteger(count) && count > 0);
  const sum = replicas.reduce((total, count) => total + count, 0);
  if (!isWhole || numDevices % sum !== 0)
    throw pipeError('TF-PIPE-005', {
      subject: 'planOfStages',
      expected: `replicas above 0 that sum to a divisor of ${numDevices} devices`,
      actual: replicas.join(' + '),
    });
}
