/** Sums of gradients over ranks: issued for all parameters, then waited for; then the copies of a tied weight are added
 *  across stages, and under ZeRO-1 every data rank keeps its part. */
import { rankAtCoords } from '@tenfold/core/ranks';
import { tensorFromArray } from '@tenfold/core/tensor';
import { boxesOfLocalRange } from '../trace/placement.ts';
import { buffersOf, ownRanges, type Range } from './flat-buffers.ts';
import { captureParameter, isTiedAcrossStages, type Axis, type Parameter, type RankState } from './rank-state.ts';

/** A rank's part of a gradient: elements [start, end) of the local parameter, all of them without ZeRO. */
export interface Shard extends Range {
  readonly grad: Float32Array;
}

/** What is added to a gradient between issue and wait is not in the sum.
 *  Bugs: `sp-final-norm`, `sp-router-grad` (list of sums over TP), `cp-loss-scale`, `dp-loss-scale` (divisor),
 *  `tied-not-summed` (sum across stages). */
export function reduceGradients(
  state: RankState,
  parameters: readonly Parameter[],
  betweenIssueAndWait: () => void,
): Map<Parameter, Shard> {
  const { config, context, coords } = state;
  const { mesh, bug } = config;
  let divisor = mesh.dp * mesh.ep * mesh.cp;
  if (bug === 'cp-loss-scale') divisor = mesh.dp * mesh.ep;
  if (bug === 'dp-loss-scale') divisor = mesh.ep * mesh.cp;
  const isForgotten = ({ name }: Parameter): boolean =>
    (bug === 'sp-final-norm' && name === 'decoder.final_layernorm.weight') ||
    (bug === 'sp-router-grad' && name.endsWith('router.weight'));
  const waits: (() => void)[] = [];
  const ranges = ownRanges(state, buffersOf(state, parameters));
  for (const parameter of parameters) {
    const axes: Axis[] = ['cp', 'dp'];
    if (!parameter.isExpert) axes.push('ep');
    if (parameter.needsTpSum && !isForgotten(parameter)) axes.push('tp');
    const group = axes.filter((axis) => state.size(axis) > 1);
    const tensor = tensorFromArray('float32', [parameter.mainGrad.length], parameter.mainGrad);
    const handle = group.length > 0 ? context.allReduce(tensor, { group, algorithm: config.algorithm }) : undefined;
    const copy = handle ? undefined : parameter.mainGrad.slice();
    waits.push(() => {
      const sum = handle ? (handle.wait().data as Float32Array) : copy!;
      const { start, end } = reducedRange(state, ranges.get(parameter)!, sum.length);
      for (let i = start; i < end; i++) parameter.mainGrad[i] = sum[i] / divisor;
    });
  }
  betweenIssueAndWait();
  for (const wait of waits) wait();
  for (const parameter of parameters) {
    if (!isTiedAcrossStages(state, parameter) || bug === 'tied-not-summed') continue;
    const ends = [0, mesh.pp - 1].map((pp) => rankAtCoords(context.mesh, { ...coords, pp }));
    const group = context.groupOfRanks(ends, 'tied');
    const tensor = tensorFromArray('float32', [parameter.mainGrad.length], parameter.mainGrad);
    parameter.mainGrad.set(context.allReduce(tensor, { group }).wait().data as Float32Array);
  }
  const shards = new Map<Parameter, Shard>();
  for (const parameter of parameters) {
    if (!config.isZero) {
      shards.set(parameter, { start: 0, end: parameter.mainGrad.length, grad: parameter.mainGrad });
      captureParameter(state, 'main_grad', parameter, parameter.mainGrad);
      continue;
    }
    const { start, end } = ranges.get(parameter)!;
    const grad = parameter.mainGrad.subarray(start, end);
    shards.set(parameter, { start, end, grad });
    if (end > start) captureShard(state, parameter, { start, end, grad });
  }
  return shards;
}

/** Where the sum replaces the local gradient: everywhere, so that what follows finds whole gradients.
 *  Bug `tied-partition`: a reduce-scatter stands here, which leaves local gradients outside of the own range; the addition
 *  across stages that follows needs the same ranges on both. */
function reducedRange({ config }: RankState, own: Range, length: number): Range {
  return config.bug === 'tied-partition' && config.isZero ? own : { start: 0, end: length };
}

function captureShard(state: RankState, { lowered, global, name }: Parameter, { start, end, grad }: Shard): void {
  const range = boxesOfLocalRange(lowered.boxes, lowered.local, global, start, end);
  state.capture('main_grad', name, grad, global, {
    ...lowered,
    ...range,
    flat: true,
    placements: { ...lowered.placements, dp: 'F' },
  });
}
