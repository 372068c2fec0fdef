/** What the layers of one rank share: its place in the mesh, its collectives, its parameters, its captures. */
import { rankAtCoords, type RankContext } from '@tenfold/core/ranks';
import { tensorFromArray } from '@tenfold/core/tensor';
import { counterHash, streamFromId } from '@tenfold/core/base';
import { formatId } from '../trace/canonical-id.ts';
import { generateLocal } from '../trace/generator.ts';
import { lowerPlacements, parsePlacement, type AxisPlacement, type Lowered } from '../trace/placement.ts';
import type { CapturedTensor } from '../trace/write-trace.ts';
import type { TensorKind } from '../types.ts';
import { createDelayedScales, type DelayedScales } from './fp8.ts';
import type { SimConfig, SimMesh } from './sim-config.ts';
import type { Var } from './tape.ts';

export type Axis = keyof SimMesh;
/** Axis → placement text, in nesting order. */
export type PlacementTexts = Readonly<Partial<Record<Axis, string>>>;

export interface Parameter {
  readonly name: string;
  readonly lowered: Lowered;
  readonly global: readonly number[];
  /** f32 master copy. */
  readonly master: Float32Array;
  /** What the layers read: rounded to the storage precision. */
  compute: Var;
  /** Sum of the gradients of the step. */
  readonly mainGrad: Float32Array;
  readonly placements: PlacementTexts;
  /** Gradients are partial sums over TP (sequence parallelism). */
  needsTpSum: boolean;
  /** One expert's weight: data-parallel over dp alone. */
  readonly isExpert: boolean;
  readonly momentum: Float32Array;
  readonly variance: Float32Array;
}

export interface CaptureOptions {
  readonly microBatch?: number;
  readonly slot?: string;
  readonly partial?: readonly Axis[];
}

export interface RankState {
  readonly config: SimConfig;
  readonly context: RankContext;
  readonly coords: Readonly<Record<Axis, number>>;
  readonly entries: CapturedTensor[];
  iteration: number;
  microBatch: number;
  /** True while a chunk is computed again for its backward pass. */
  isRecomputing: boolean;
  /** False in warm-up steps: nothing is kept. */
  isRecording: boolean;
  /** Of FP8 with delayed scaling. */
  readonly scales?: DelayedScales;
  readonly perturbed: { numChanged: number; numTotal: number };
  lower(global: readonly number[], placements: PlacementTexts): Lowered;
  capture(
    kind: TensorKind,
    module: string,
    data: Float32Array,
    global: readonly number[],
    lowered: Lowered,
    options?: CaptureOptions,
  ): void;
  generated(id: string, global: readonly number[], lowered: Lowered, sigma: number): Float32Array;
  perturb(id: string, data: Float32Array): void;
  allReduce(data: Float32Array, axis: Axis | readonly Axis[], options?: ReduceChoice): Float32Array;
  gatherRows(data: Float32Array, columns: number, axis: Axis): Float32Array;
  scatterRows(data: Float32Array, columns: number, axis: Axis): Float32Array;
  size(axis: Axis): number;
}

interface ReduceChoice {
  readonly reduction?: 'sum' | 'mean' | 'max';
  /** Activations travel in the storage precision; gradients of weights and statistics in f32. */
  readonly isExact?: boolean;
}

export function createRankState(context: RankContext, config: SimConfig): RankState {
  const { mesh, precision, algorithm } = config;
  const coords = context.coords as Readonly<Record<Axis, number>>;
  const loweredOf = new Map<string, Lowered>();
  const storedDtype = precision === 'float32' ? 'F32' : 'BF16';
  const size = (axis: Axis): number => mesh[axis];
  const groupOf = (axis: Axis | readonly Axis[]): readonly Axis[] =>
    (typeof axis === 'string' ? [axis] : axis).filter((each) => size(each) > 1);
  const matrix = (data: Float32Array, columns: number) =>
    tensorFromArray('float32', [data.length / columns, columns], data);
  const wireOf = (isExact: boolean | undefined) => (isExact || precision === 'float32' ? 'float32' : 'bfloat16');

  const state: RankState = {
    config,
    context,
    coords,
    entries: [],
    iteration: 0,
    microBatch: 0,
    isRecomputing: false,
    isRecording: true,
    ...(precision === 'float8' && config.fp8Scaling === 'delayed' ? { scales: createDelayedScales() } : {}),
    perturbed: { numChanged: 0, numTotal: 0 },
    size,
    lower(global, placements) {
      const key = `${global.join('x')}|${JSON.stringify(placements)}`;
      const known = loweredOf.get(key);
      if (known) return known;
      const axes = Object.entries(placements).map(([axis, text]): AxisPlacement => ({
        axis,
        index: coords[axis as Axis],
        size: size(axis as Axis),
        placement: parsePlacement(text),
      }));
      const lowered = lowerPlacements(global, axes);
      loweredOf.set(key, lowered);
      return lowered;
    },
    capture(kind, module, data, global, lowered, { microBatch, slot, partial = [] } = {}) {
      if (!state.isRecording) return;
      const id = formatId({ iteration: state.iteration, microBatch, kind, module, slot });
      const isStored = kind === 'in' || kind === 'out' || kind === 'din' || kind === 'dout' || kind === 'recompute_out';
      const pending = partial.filter((axis) => size(axis) > 1);
      state.entries.push({
        id,
        file: '',
        key: id,
        dtype: isStored ? storedDtype : 'F32',
        local: lowered.local,
        global,
        boxes: lowered.boxes,
        ...(lowered.flat ? { flat: true } : {}),
        placements: lowered.placements,
        ...(pending.length > 0 ? { partial: pending } : {}),
        seq: state.entries.length,
        data: data.slice(),
      });
    },
    generated: (id, global, lowered, sigma) =>
      generateLocal(id, config.planSeed, global, lowered.local, lowered.boxes, { sigma }),
    perturb(id, data) {
      if (!config.perturb) return;
      const { seed, ulps } = config.perturb;
      const unit = ulps * (precision === 'float32' ? 2 ** -24 : 2 ** -8);
      const stream = streamFromId(`perturb/${id}`, seed);
      const before = data.slice();
      for (let i = 0; i < data.length; i++) data[i] *= counterHash(stream, i) & 1 ? 1 + unit : 1 - unit;
      roundFor(precision, data);
      for (let i = 0; i < data.length; i++) if (data[i] !== before[i] || before[i] === 0) state.perturbed.numChanged++;
      state.perturbed.numTotal += data.length;
    },
    allReduce(data, axis, { reduction = 'sum', isExact } = {}) {
      const group = groupOf(axis);
      if (group.length === 0) return data;
      const tensor = tensorFromArray('float32', [data.length], data);
      return context.allReduce(tensor, { group, reduction, algorithm, wire: wireOf(isExact) }).wait()
        .data as Float32Array;
    },
    gatherRows(data, columns, axis) {
      if (size(axis) === 1) return data;
      return context.allGather(matrix(data, columns), { group: axis }).wait().data as Float32Array;
    },
    scatterRows(data, columns, axis) {
      if (size(axis) === 1) return data;
      const options = { group: axis, algorithm, wire: wireOf(false) } as const;
      return context.reduceScatter(matrix(data, columns), options).wait().data as Float32Array;
    },
  };
  return state;
}

function roundFor(precision: SimConfig['precision'], data: Float32Array): void {
  if (precision === 'float32') return;
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < words.length; i++) words[i] = (words[i] + 0x7fff + ((words[i] >>> 16) & 1)) & 0xffff0000;
}

/** Issues the exchange with both neighbours of the ring along an axis; the result waits for it. */
export function passAround(state: RankState, axis: Axis, arrays: readonly Float32Array[]): () => Float32Array[] {
  const { context, coords } = state;
  const size = state.size(axis);
  const neighbour = (by: number): number =>
    rankAtCoords(context.mesh, { ...coords, [axis]: (coords[axis] + by + size) % size });
  const handles = arrays.map((data, tag) => {
    const send = context.send(tensorFromArray('float32', [data.length], data), neighbour(1), { tag });
    return { send, recv: context.recv(neighbour(-1), { dtype: 'float32', shape: [data.length] }, { tag }) };
  });
  return () =>
    handles.map(({ send, recv }) => {
      const { data } = recv.wait();
      send.wait();
      return (data as Float32Array).slice();
    });
}

export function captureParameter(
  state: RankState,
  kind: 'param' | 'param_next' | 'main_grad',
  parameter: Parameter,
  data: Float32Array,
): void {
  state.capture(kind, parameter.name, data, parameter.global, parameter.lowered);
}

export function captureScalar(state: RankState, name: string, value: number): void {
  state.capture('scalar', name, Float32Array.of(value), [1], state.lower([1], {}));
}

/** Whether first and last stage hold copies of it, whose gradients are to be added. */
export function isTiedAcrossStages({ config }: RankState, { name }: Parameter): boolean {
  return config.model.isTied && config.mesh.pp > 1 && name.startsWith('embedding.');
}
