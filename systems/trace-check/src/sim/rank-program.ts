/** What every rank of a simulated run does: forward and backward passes of its micro-batches in 1F1B order, reduction of
 *  gradients, clipping, Adam (sharded with ZeRO-1), and capture of everything on the way. */
import type { RankContext } from '@tenfold/core/ranks';
import { rankAtCoords } from '@tenfold/core/ranks';
import { tensorFromArray } from '@tenfold/core/tensor';
import { globalMicroBatch } from '../trace/layer-map.ts';
import { boxesOfLocalRange } from '../trace/placement.ts';
import type { CapturedTensor } from '../trace/write-trace.ts';
import { vocabCrossEntropy } from './layers.ts';
import { computeVar, createModel, lossFactorOf, type Model, type Routes } from './model.ts';
import { createRankState, type Axis, type Parameter, type RankState } from './rank-state.ts';
import type { SimConfig } from './sim-config.ts';
import { createTape, createVar, runBackward, type Tape, type Var } from './tape.ts';

export interface RankParams {
  readonly config: SimConfig;
  readonly routes: Routes;
}

export interface RankResult {
  readonly entries: readonly CapturedTensor[];
  readonly numChanged: number;
  readonly numPerturbed: number;
  /** Mean loss per step, on the last stage. */
  readonly losses: readonly number[];
}

const CLIP_NORM = 1;
const BETA1 = 0.9;
const BETA2 = 0.95;
const EPSILON = 1e-8;

export function run(context: RankContext, { config, routes }: RankParams): RankResult {
  const state = createRankState(context, config);
  const model = createModel(state, routes);
  const losses: number[] = [];
  let pendingGathers: (() => void)[] = [];
  for (let step = 0; step < config.numSteps; step++) {
    state.iteration = step;
    for (const finish of pendingGathers) finish();
    pendingGathers = [];
    for (const parameter of model.parameters) {
      parameter.compute = computeVar(parameter.master, parameter.lowered.local, config.precision !== 'float32');
      parameter.mainGrad.fill(0);
      capture(state, 'param', parameter, parameter.master);
    }
    const deferred: (() => void)[] = [];
    const loss = runMicroBatches(state, model, deferred);
    const isLate = config.bug === 'overlap-flush';
    if (!isLate) for (const work of deferred) work();
    const shards = reduceGradients(state, model, () => {
      if (isLate) for (const work of deferred) work();
    });
    const meanLoss = state.allReduce(Float32Array.of(loss), ['dp', 'ep', 'cp'], { isExact: true })[0];
    if (state.coords.pp === config.mesh.pp - 1) {
      captureScalar(state, 'loss', meanLoss);
      losses.push(meanLoss);
    }
    pendingGathers = update(state, model, shards);
    if (step + 1 === config.numSteps) for (const finish of pendingGathers) finish();
    else if (config.isZero) {
      for (const finish of pendingGathers) finish();
      pendingGathers = [];
    }
    for (const parameter of model.parameters) capture(state, 'param_next', parameter, parameter.master);
  }
  const { numChanged, numTotal } = state.perturbed;
  return { entries: state.entries, numChanged, numPerturbed: numTotal, losses };
}

/** Forward and backward of one (chunk, micro-batch). */
interface Flight {
  readonly tape: Tape;
  readonly input: Var | undefined;
  readonly output: Var;
}

function runMicroBatches(state: RankState, model: Model, deferred: (() => void)[]): number {
  const { config, coords, context } = state;
  const { mesh, numChunks } = config;
  const numLocal = config.numMicroBatches / (mesh.dp * mesh.ep);
  const numSlots = mesh.pp * numChunks;
  const isBf16 = config.precision !== 'float32';
  const dataRank = coords.ep + mesh.ep * coords.dp;
  const factor = lossFactorOf(config);
  const rows = (config.model.sequence / mesh.cp / (config.isSequenceParallel ? mesh.tp : 1)) * config.model.batch;
  const shape = [rows, config.model.hidden];
  const flights = new Map<string, Flight>();
  const sends: { wait(): void }[] = [];
  let loss = 0;

  const stageRank = (slot: number): number => rankAtCoords(context.mesh, { ...coords, pp: slot % mesh.pp });
  const slotOf = (chunk: number): number => chunk * mesh.pp + coords.pp;
  const tagOf = (slot: number, m: number, isBackward: boolean): number =>
    (m * numSlots + slot) * 2 + (isBackward ? 1 : 0);
  const receive = (from: number, tag: number): Float32Array =>
    (context.recv(from, { dtype: 'float32', shape }, { tag }).wait().data as Float32Array).slice();
  const post = (data: Float32Array, to: number, tag: number): void =>
    void sends.push(context.send(tensorFromArray('float32', shape, data), to, { tag }));

  const forward = (chunk: number, m: number): void => {
    const slot = slotOf(chunk);
    state.microBatch = globalMicroBatch(m, dataRank, mesh.dp * mesh.ep);
    const tape = createTape(isBf16);
    const input =
      slot === 0 ? undefined : createVar(receive(stageRank(slot - 1), tagOf(slot, m, false)), rows, shape[1]);
    const h = model.layers(tape, input ?? model.embed(tape), chunk);
    if (slot < numSlots - 1) {
      post(h.data, stageRank(slot + 1), tagOf(slot + 1, m, false));
      flights.set(`${chunk}/${m}`, { tape, input, output: h });
      return;
    }
    const { microBatch } = state;
    const isDeferred = numSlots > 1 && !config.model.isTied;
    const logits = model.head(
      tape,
      h,
      isDeferred
        ? (work) => {
            const parameter = model.parameters.find(({ name }) => name === 'output_layer.weight')!;
            // One micro-batch's weight gradient waits until the next one's arrives (it fills the bubble).
            for (const earlier of deferred.splice(0)) earlier();
            deferred.push(() => addToMain(state, parameter, work(), microBatch));
          }
        : undefined,
    );
    const tokensOfMicroBatch = config.model.sequence * config.model.batch;
    const { targets } = model.tokens(microBatch);
    const sum = vocabCrossEntropy(state, logits, targets, { vocabStart: model.vocabStart, tokensOfMicroBatch, factor });
    loss += sum / tokensOfMicroBatch / config.numMicroBatches;
    flights.set(`${chunk}/${m}`, { tape, input, output: logits });
  };

  const backwardPass = (chunk: number, m: number): void => {
    const slot = slotOf(chunk);
    state.microBatch = globalMicroBatch(m, dataRank, mesh.dp * mesh.ep);
    const { tape, input, output } = flights.get(`${chunk}/${m}`)!;
    flights.delete(`${chunk}/${m}`);
    if (slot < numSlots - 1) output.grad = receive(stageRank(slot + 1), tagOf(slot, m, true));
    runBackward(tape);
    if (input) post(input.grad!, stageRank(slot - 1), tagOf(slot - 1, m, true));
    for (const parameter of model.parameters) {
      const { grad } = parameter.compute;
      if (!grad) continue;
      delete parameter.compute.grad;
      addToMain(state, parameter, grad, state.microBatch);
    }
  };

  if (numChunks === 1) {
    const warmUp = Math.min(numLocal, mesh.pp - 1 - coords.pp);
    for (let m = 0; m < warmUp; m++) forward(0, m);
    for (let m = 0; m < numLocal; m++) {
      if (m + warmUp < numLocal) forward(0, m + warmUp);
      backwardPass(0, m);
    }
  } else {
    for (let chunk = 0; chunk < numChunks; chunk++) for (let m = 0; m < numLocal; m++) forward(chunk, m);
    for (let chunk = numChunks - 1; chunk >= 0; chunk--) for (let m = 0; m < numLocal; m++) backwardPass(chunk, m);
  }
  for (const handle of sends) handle.wait();
  return loss;
}

/** Captures one micro-batch's weight gradient and adds it to the sum. */
function addToMain(state: RankState, parameter: Parameter, grad: Float32Array, microBatch: number): void {
  const partial: Axis[] = ['cp'];
  if (parameter.needsTpSum) partial.push('tp');
  if (isTiedAcrossStages(state, parameter)) partial.push('pp');
  // A chunk of layers or an expert may see a micro-batch of every EP rank: its gradient is their sum.
  const isMixed = parameter.isExpert && state.size('ep') > 1;
  if (!isMixed)
    state.capture('wgrad', parameter.name, grad, parameter.global, parameter.lowered, { microBatch, partial });
  for (let i = 0; i < grad.length; i++) parameter.mainGrad[i] += grad[i];
}

function isTiedAcrossStages({ config }: RankState, { name }: Parameter): boolean {
  return config.model.isTied && config.mesh.pp > 1 && name.startsWith('embedding.');
}

/** A gradient shard of ZeRO-1: elements [start, end) of the local parameter. */
interface Shard {
  readonly start: number;
  readonly end: number;
  readonly grad: Float32Array;
}

/** Issues all reductions, then waits: what is added to a gradient in between is not in the sum.
 *  Bugs: `sp-final-norm`, `sp-router-grad` (list of sums over TP), `cp-loss-scale`, `dp-loss-scale` (divisor),
 *  `tied-not-summed` (sum across stages). */
function reduceGradients(state: RankState, model: Model, betweenIssueAndWait: () => void): Map<Parameter, Shard> {
  const { config, context, coords } = state;
  const { mesh, bug } = config;
  let divisor = mesh.dp * mesh.ep * mesh.cp;
  if (bug === 'cp-loss-scale') divisor = mesh.dp * mesh.ep;
  if (bug === 'dp-loss-scale') divisor = mesh.ep * mesh.cp;
  const isForgotten = ({ name }: Parameter): boolean =>
    (bug === 'sp-final-norm' && name === 'decoder.final_layernorm.weight') ||
    (bug === 'sp-router-grad' && name.endsWith('router.weight'));
  const waits: (() => void)[] = [];
  for (const parameter of model.parameters) {
    const axes: Axis[] = ['cp', 'dp'];
    if (!parameter.isExpert) axes.push('ep');
    if (parameter.needsTpSum && !isForgotten(parameter)) axes.push('tp');
    const group = axes.filter((axis) => state.size(axis) > 1);
    const tensor = tensorFromArray('float32', [parameter.mainGrad.length], parameter.mainGrad);
    const handle = group.length > 0 ? context.allReduce(tensor, { group, algorithm: config.algorithm }) : undefined;
    const copy = handle ? undefined : parameter.mainGrad.slice();
    waits.push(() => {
      const sum = handle ? (handle.wait().data as Float32Array) : copy!;
      for (let i = 0; i < sum.length; i++) parameter.mainGrad[i] = sum[i] / divisor;
    });
  }
  betweenIssueAndWait();
  for (const wait of waits) wait();
  for (const parameter of model.parameters) {
    if (!isTiedAcrossStages(state, parameter) || bug === 'tied-not-summed') continue;
    const ends = [0, mesh.pp - 1].map((pp) => rankAtCoords(context.mesh, { ...coords, pp }));
    const group = context.groupOfRanks(ends, 'tied');
    const tensor = tensorFromArray('float32', [parameter.mainGrad.length], parameter.mainGrad);
    parameter.mainGrad.set(context.allReduce(tensor, { group }).wait().data as Float32Array);
  }
  const shards = new Map<Parameter, Shard>();
  for (const parameter of model.parameters) {
    const { length } = parameter.mainGrad;
    if (!config.isZero) {
      shards.set(parameter, { start: 0, end: length, grad: parameter.mainGrad });
      capture(state, 'main_grad', parameter, parameter.mainGrad);
      continue;
    }
    const each = Math.ceil(length / mesh.dp);
    const start = Math.min(coords.dp * each, length);
    const end = Math.min(start + each, length);
    const grad = parameter.mainGrad.subarray(start, end);
    shards.set(parameter, { start, end, grad });
    const { lowered, global, name } = parameter;
    const range = boxesOfLocalRange(lowered.boxes, lowered.local, global, start, end);
    state.capture('main_grad', name, grad, global, {
      ...lowered,
      ...range,
      flat: true,
      placements: { ...lowered.placements, dp: 'F' },
    });
  }
  return shards;
}

/** Clips, then Adam on the own shard; under ZeRO the parameters are gathered bucket by bucket.
 *  Bug `zero-update`: the list of gathers is one bucket short.
 *  @returns what must be called before the parameters are read */
function update(state: RankState, model: Model, shards: ReadonlyMap<Parameter, Shard>): (() => void)[] {
  const { config, context, coords } = state;
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
  const buckets = bucketsOf(model.parameters);
  const issued = config.bug === 'zero-update' ? buckets.slice(0, -1) : buckets;
  return issued.flatMap((bucket) =>
    bucket.map((parameter) => {
      const { start, end } = shards.get(parameter)!;
      const own = parameter.master.slice(start, end);
      const handle = context.allGather(tensorFromArray('float32', [own.length], own), { group: 'dp' });
      return () => parameter.master.set(handle.wait().data as Float32Array);
    }),
  );
}

/** One bucket a layer, one for the rest before and after. */
function bucketsOf(parameters: readonly Parameter[]): Parameter[][] {
  const buckets = new Map<string, Parameter[]>();
  for (const parameter of parameters) {
    const key = /layers\.\d+/.exec(parameter.name)?.[0] ?? parameter.name.split('.')[0];
    const bucket = buckets.get(key);
    if (bucket) bucket.push(parameter);
    else buckets.set(key, [parameter]);
  }
  return [...buckets.values()];
}

function capture(
  state: RankState,
  kind: 'param' | 'param_next' | 'main_grad',
  parameter: Parameter,
  data: Float32Array,
): void {
  state.capture(kind, parameter.name, data, parameter.global, parameter.lowered);
}

function captureScalar(state: RankState, name: string, value: number): void {
  state.capture('scalar', name, Float32Array.of(value), [1], state.lower([1], {}));
}
