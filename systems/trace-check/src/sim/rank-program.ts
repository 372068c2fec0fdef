/** What every rank of a simulated run does: forward and backward passes of its micro-batches in 1F1B order, reduction of
 *  gradients, clipping, Adam (sharded with ZeRO-1), and capture of everything on the way. */
import type { RankContext } from '@tenfold/core/ranks';
import { rankAtCoords } from '@tenfold/core/ranks';
import { tensorFromArray } from '@tenfold/core/tensor';
import { globalMicroBatch } from '../trace/layer-map.ts';
import type { CapturedTensor } from '../trace/write-trace.ts';
import { updateForwardScales, updateGradientScales } from './fp8.ts';
import { vocabCrossEntropy } from './layers.ts';
import { createModel, lossFactorOf, numValidPositions, type Model, type Routes } from './model.ts';
import { castWhenGathered, update } from './optimizer-step.ts';
import {
  captureParameter,
  captureScalar,
  createRankState,
  isTiedAcrossStages,
  type Axis,
  type Parameter,
  type RankState,
} from './rank-state.ts';
import { reduceGradients } from './reduce-gradients.ts';
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

export function run(context: RankContext, { config, routes }: RankParams): RankResult {
  const state = createRankState(context, config);
  const model = createModel(state, routes);
  const { parameters } = model;
  const losses: number[] = [];
  state.isRecording = false;
  for (let pass = 0; pass < config.numWarmUpSteps; pass++) passThrough(state, model);
  state.isRecording = true;
  for (let step = 0; step < config.numSteps; step++) {
    state.iteration = step;
    for (const parameter of parameters) captureParameter(state, 'param', parameter, parameter.master);
    const { loss, deferred } = passThrough(state, model);
    const isLate = config.bug === 'overlap-flush';
    if (!isLate) for (const work of deferred) work();
    const shards = reduceGradients(state, parameters, () => {
      if (isLate) for (const work of deferred) work();
    });
    const meanLoss = state.allReduce(Float32Array.of(loss), ['dp', 'ep', 'cp'], { isExact: true })[0];
    if (state.coords.pp === config.mesh.pp - 1) {
      captureScalar(state, 'loss', meanLoss);
      losses.push(meanLoss);
    }
    castWhenGathered(state, parameters, update(state, shards));
    for (const parameter of parameters) captureParameter(state, 'param_next', parameter, parameter.master);
  }
  const { numChanged, numTotal } = state.perturbed;
  return { entries: state.entries, numChanged, numPerturbed: numTotal, losses };
}

/** Forward and backward passes of all micro-batches; FP8 scales move on. */
function passThrough(state: RankState, model: Model): { readonly loss: number; readonly deferred: (() => void)[] } {
  for (const { mainGrad } of model.parameters) mainGrad.fill(0);
  const deferred: (() => void)[] = [];
  const loss = runMicroBatches(state, model, deferred);
  updateGradientScales(state);
  return { loss, deferred };
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
  const batchOf = (m: number): number => globalMicroBatch(m, dataRank, mesh.dp * mesh.ep);
  const factor = lossFactorOf(config);
  const rows = (config.model.sequence / mesh.cp / (config.isSequenceParallel ? mesh.tp : 1)) * config.model.batch;
  const shape = [rows, config.model.hidden];
  const tokensOfMicroBatch = meanTokens(
    state,
    Array.from({ length: numLocal }, (_, m) => batchOf(m)),
  );
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
    state.microBatch = batchOf(m);
    const tape = createTape(isBf16);
    const input =
      slot === 0 ? undefined : createVar(receive(stageRank(slot - 1), tagOf(slot, m, false)), rows, shape[1]);
    const h = model.layers(tape, input ?? model.embed(tape), chunk);
    if (chunk === numChunks - 1 && m === numLocal - 1) updateForwardScales(state);
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
    const { targets } = model.tokens(microBatch);
    const sum = vocabCrossEntropy(state, logits, targets, { vocabStart: model.vocabStart, tokensOfMicroBatch, factor });
    loss += sum / tokensOfMicroBatch / config.numMicroBatches;
    flights.set(`${chunk}/${m}`, { tape, input, output: logits });
  };

  const backwardPass = (chunk: number, m: number): void => {
    const slot = slotOf(chunk);
    state.microBatch = batchOf(m);
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

/** Valid tokens of a micro-batch, on average over the step: what every data rank divides its losses by.
 *  Bug `dp-token-mean`: the counts of the ranks are not added up, each divides by its own. */
function meanTokens(state: RankState, ownBatches: readonly number[]): number {
  const { model, numMicroBatches, bug } = state.config;
  if (!model.isMasked) return model.sequence * model.batch;
  const own = ownBatches.reduce((sum, m) => sum + numValidPositions(state.config, m) * model.batch, 0);
  const isLocal = bug === 'dp-token-mean';
  const counted = isLocal ? own : state.allReduce(Float32Array.of(own), ['dp', 'ep'], { isExact: true })[0];
  captureScalar(state, 'num_tokens', counted);
  return counted / (isLocal ? ownBatches.length : numMicroBatches);
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
