/** The end of a step: clipping, Adam, and under ZeRO-1 the way of the new parameters to the ranks that read them. */
import { tensorFromArray } from '@tenfold/core/tensor';
import { buffersOf, hasSharedBuffer } from './flat-buffers.ts';
import { computeVar } from './model.ts';
import { captureScalar, isTiedAcrossStages, type Axis, type Parameter, type RankState } from './rank-state.ts';
import type { Shard } from './reduce-gradients.ts';

const CLIP_NORM = 1;
const BETA1 = 0.9;
const BETA2 = 0.95;
const EPSILON = 1e-8;

/** A bucket of parameters on its way from the ranks that own its parts. */
interface Gather {
  readonly bucket: readonly Parameter[];
  /** Waits and puts the parameters together; a second call changes nothing. */
  finish(): void;
}

/** Clips, then Adam on the own shard; under ZeRO the parameters are gathered bucket by bucket.
 *  Bug `zero-update`: the list of gathers is one bucket short.
 *  @returns what must be finished before the parameters are read */
export function update(state: RankState, shards: ReadonlyMap<Parameter, Shard>): Gather[] {
  const { config, coords } = state;
  let square = 0;
  for (const [parameter, { grad }] of shards) {
    const isCopy =
      (coords.tp > 0 &&
        !Object.values(parameter.placements).some(
          (text, i) => Object.keys(parameter.placements)[i] === 'tp' && text !== 'R',
        )) ||
      (isTiedAcrossStages(state, parameter) && coords.pp > 0) ||
      (!parameter.isExpert && coords.ep > 0);
    if (!isCopy) for (let i = 0; i < grad.length; i++) square += grad[i] ** 2;
  }
  const axes: Axis[] = ['tp', 'pp', 'ep', ...(config.isZero ? (['dp'] as const) : [])];
  const norm = Math.sqrt(state.allReduce(Float32Array.of(square), axes, { isExact: true })[0]);
  captureScalar(state, 'grad_norm', norm);
  const clip = Math.min(1, CLIP_NORM / (norm + EPSILON));
  const step = state.iteration + 1;
  for (const [{ master, momentum, variance }, { start, grad }] of shards)
    for (let i = 0; i < grad.length; i++) {
      const g = grad[i] * clip;
      const at = start + i;
      momentum[at] = BETA1 * momentum[at] + (1 - BETA1) * g;
      variance[at] = BETA2 * variance[at] + (1 - BETA2) * g * g;
      const m = momentum[at] / (1 - BETA1 ** step);
      const v = variance[at] / (1 - BETA2 ** step);
      master[at] -= (config.learningRate * m) / (Math.sqrt(v) + EPSILON);
    }
  if (!config.isZero || config.mesh.dp === 1) return [];
  const buckets = bucketsOf(state, [...shards.keys()]);
  const issued = config.bug === 'zero-update' ? buckets.slice(0, -1) : buckets;
  return issued.map((bucket) => {
    const finishes = buffersOf(state, bucket).map((buffer) => issueGather(state, buffer, shards));
    return {
      bucket,
      finish: () => {
        for (const finish of finishes) finish();
      },
    };
  });
}

function issueGather(
  { context }: RankState,
  buffer: readonly Parameter[],
  shards: ReadonlyMap<Parameter, Shard>,
): () => void {
  const parts = buffer.map((parameter) => {
    const { start, end } = shards.get(parameter)!;
    return parameter.master.subarray(start, end);
  });
  const own = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    own.set(part, at);
    at += part.length;
  }
  const handle = context.allGather(tensorFromArray('float32', [own.length], own), { group: 'dp' });
  return () => {
    const whole = handle.wait().data as Float32Array;
    let from = 0;
    for (const { master } of buffer) {
      master.set(whole.subarray(from, from + master.length));
      from += master.length;
    }
  };
}

/** Casts every parameter for the next forward pass, bucket by bucket, once its gather is there.
 *  Bug `zero-wait`: the handle is looked up by position in a list in backward order; where it is not that of the bucket,
 *  nothing is waited for and the old values are cast. */
export function castWhenGathered(state: RankState, parameters: readonly Parameter[], gathers: readonly Gather[]): void {
  const listed = state.config.bug === 'zero-wait' ? gathers.toReversed() : gathers;
  bucketsOf(state, parameters).forEach((bucket, position) => {
    const gather = listed[position];
    if (gather?.bucket[0] === bucket[0]) gather.finish();
    for (const parameter of bucket)
      parameter.compute = computeVar(parameter.master, parameter.lowered.local, state.config.precision !== 'float32');
  });
  for (const { finish } of gathers) finish();
}

/** One bucket a layer, one for the rest before and after; a shared buffer is one bucket. */
function bucketsOf(state: RankState, parameters: readonly Parameter[]): Parameter[][] {
  if (hasSharedBuffer(state)) return [[...parameters]];
  const buckets = new Map<string, Parameter[]>();
  for (const parameter of parameters) {
    const key = /layers\.\d+/.exec(parameter.name)?.[0] ?? parameter.name.split('.')[0];
    const bucket = buckets.get(key);
    if (bucket) bucket.push(parameter);
    else buckets.set(key, [parameter]);
  }
  return [...buckets.values()];
}
