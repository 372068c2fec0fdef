/** A training step as one graph: forward, backward, update. Parameters, moments and buffers are its states. */
import { backward } from '../autodiff/index.ts';
import { createGraphBuilder } from '../graph/index.ts';
import type { Graph, GraphBuilder, GraphValue } from '../graph/index.ts';
import { numel } from '../tensor/index.ts';
import type { Dtype, Shape } from '../tensor/index.ts';
import { createNet, pick } from './net.ts';
import type { InputSpec, Model, Net, StateSpec, Values } from './net.ts';
import { zeros } from './initialisers.ts';
import { assertOption, BELOW_ONE, POSITIVE } from './number-checks.ts';
import type { Optimizer } from './optim/optimizer.ts';

export interface LossContext {
  readonly g: GraphBuilder;
  readonly net: Net;
  readonly outputs: Values;
  readonly inputs: Values;
}

/** A scalar f32 to make small. */
export type LossFunction = (context: LossContext) => GraphValue;

export interface TrainStepOptions {
  readonly model: Model;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly loss: LossFunction;
  readonly optimizer: Optimizer;
  /** Largest L2 norm of all gradients together; default: no clipping. */
  readonly clipNorm?: number;
  /** Weight of the old value in a moving average of the parameters (states `ema/<name>`); default: none. */
  readonly emaDecay?: number;
  /** Dtype of activations and of parameters in use; they are stored in f32. Default float32. */
  readonly computeDtype?: Dtype;
  /** The loss is multiplied by this before, and gradients divided after, the backward pass (f16). Default 1. */
  readonly lossScale?: number;
  /** Recompute decoder layers in the backward pass instead of keeping their inner values. Default false. */
  readonly isCheckpointed?: boolean;
  /** Update all parameters as one long vector: far fewer kernels, some copies more. Pays on GPUs, where a kernel costs
   *  its launch. Moments are then the states `optimizer/decayed/…` and `optimizer/plain/…`. Default: true on webgpu
   *  where it does not fuse kernels itself. */
  readonly isUpdateFused?: boolean;
  /** Which parameters are trained; default all. */
  readonly isTrained?: (name: string) => boolean;
  /** Decides dropout masks and, in createTrainer, the first values of all parameters. Default 0. */
  readonly seed?: number;
  /** Model outputs to bring out beside the loss. */
  readonly outputs?: readonly string[];
}

export interface TrainStep {
  readonly graph: Graph;
  /** Everything that needs a first value. Optimiser states start at zero. */
  readonly states: ReadonlyMap<string, StateSpec>;
  readonly optimizer: Optimizer;
  /** Prefix of the graph inputs that hold the optimiser's scalars. */
  readonly scalarNames: readonly string[];
}

export const SCALAR_PREFIX = 'optimizer.';
export const EMA_PREFIX = 'ema/';
/** Keeps the division by the gradients' norm finite; as in PyTorch's clip_grad_norm_. */
const CLIP_EPSILON = 1e-6;

/** Builds the graph of one update from model, loss and optimiser: forward, backward and the new states. Runs nothing.
 *  @returns the graph, with the loss as output `loss`, and the states it needs */
export function buildTrainStep(options: TrainStepOptions): TrainStep {
  const { model, loss, optimizer, computeDtype = 'float32', lossScale = 1, isTrained = () => true } = options;
  assertOption('buildTrainStep', 'clipNorm', options.clipNorm, POSITIVE);
  assertOption('buildTrainStep', 'emaDecay', options.emaDecay, BELOW_ONE);
  assertOption('buildTrainStep', 'lossScale', lossScale, POSITIVE);
  const g = createGraphBuilder(`${model.name}.train`);
  const net = createNet(g, {
    isTraining: true,
    computeDtype,
    isCheckpointed: options.isCheckpointed ?? false,
    seed: options.seed ?? 0,
  });
  const inputs = declareInputs(g, options.inputs);
  const outputs = model.forward(net, inputs);
  let total = loss({ g, net, outputs, inputs });
  for (const term of net.extraLosses) total = g.add(total, term);
  total = g.output(total, 'loss');
  for (const name of options.outputs ?? []) g.output(pick(outputs, name, 'buildTrainStep'), name);

  const trained = [...net.parameters].filter(([name]) => isTrained(name));
  const scaled = lossScale === 1 ? total : g.mul(total, lossScale);
  const gradients = gradientsOf(g, scaled, trained);
  const scalarNames = Object.keys(optimizer.scalars(0));
  const states = new Map(net.states);
  g.withNotes({ module: 'optimizer', phase: 'update', role: 'none' }, () => {
    const scalars = Object.fromEntries(
      scalarNames.map((name) => [name, g.input(`${SCALAR_PREFIX}${name}`, 'float32', [])]),
    );
    const declare = (name: string, shape: Shape, init = zeros): GraphValue => {
      states.set(name, { name, kind: 'optimizer', dtype: 'float32', shape, init });
      return g.state(name, 'optimizer', 'float32', shape);
    };
    const updated = (owner: string, decays: boolean, value: GraphValue, gradient: GraphValue): GraphValue => {
      const moment = (suffix: string, next: (present: GraphValue) => GraphValue): GraphValue => {
        const present = declare(`${owner}/${suffix}`, value.shape);
        const result = next(present);
        g.setNextState(present, result);
        return result;
      };
      return optimizer.update(g, { decays, value, gradient, scalars, moment });
    };
    const settle = (name: string, value: GraphValue, next: GraphValue): void => {
      g.setNextState(value, next);
      if (options.emaDecay === undefined) return;
      const average = declare(`${EMA_PREFIX}${name}`, value.shape, states.get(name)!.init);
      g.setNextState(average, g.add(g.mul(average, options.emaDecay), g.mul(next, 1 - options.emaDecay)));
    };
    const parts = trained.map(([name, value], i): TrainedPart => {
      return { name, value, gradient: gradients[i], decays: optimizer.decays(name, value) };
    });
    if (options.isUpdateFused === true) {
      const groups = [true, false].flatMap((decays) => joinParts(g, decays, parts) ?? []);
      const factor = gradientFactor(
        g,
        groups.map(({ gradient }) => gradient),
        options,
      );
      for (const { decays, value, gradient, members } of groups) {
        const scaledGradient = factor === undefined ? gradient : g.mul(gradient, factor);
        const next = updated(`optimizer/${decays ? 'decayed' : 'plain'}`, decays, value, scaledGradient);
        let start = 0;
        for (const { name, value: member } of members) {
          const end = start + numel(member.shape);
          settle(name, member, g.reshape(g.sliceAxis(next, 0, start, end), member.shape));
          start = end;
        }
      }
    } else {
      const factor = gradientFactor(g, gradients, options);
      for (const { name, value, gradient, decays } of parts) {
        const scaledGradient = factor === undefined ? gradient : g.mul(gradient, factor);
        settle(name, value, updated(name, decays, value, scaledGradient));
      }
    }
  });
  return { graph: g.finish(), states, optimizer, scalarNames };
}

interface TrainedPart {
  readonly name: string;
  readonly value: GraphValue;
  readonly gradient: GraphValue;
  readonly decays: boolean;
}

/** All parameters that decay (or do not) as one vector, and their gradients as another. */
function joinParts(g: GraphBuilder, decays: boolean, parts: readonly TrainedPart[]) {
  const members = parts.filter((part) => part.decays === decays);
  if (members.length === 0) return undefined;
  const join = (values: readonly GraphValue[]): GraphValue =>
    g.concat(
      values.map((value) => g.reshape(value, [numel(value.shape)])),
      0,
    );
  return {
    decays,
    members,
    value: join(members.map(({ value }) => value)),
    gradient: join(members.map(({ gradient }) => gradient)),
  };
}

/** The forward pass alone; parameters are frozen states. */
export function buildInference(options: {
  readonly model: Model;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly computeDtype?: Dtype;
  /** Default: all of the model. */
  readonly outputs?: readonly string[];
}): { graph: Graph; states: ReadonlyMap<string, StateSpec> } {
  const g = createGraphBuilder(options.model.name);
  const net = createNet(g, { isTraining: false, computeDtype: options.computeDtype ?? 'float32' });
  const outputs = options.model.forward(net, declareInputs(g, options.inputs));
  for (const name of options.outputs ?? Object.keys(outputs)) g.output(pick(outputs, name, 'buildInference'), name);
  return { graph: g.finish(), states: net.states };
}

function declareInputs(g: GraphBuilder, specs: Readonly<Record<string, InputSpec>>): Values {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { dtype, shape }]) => [name, g.input(name, dtype, shape)]),
  );
}

function gradientsOf(
  g: GraphBuilder,
  loss: GraphValue,
  parameters: readonly (readonly [string, GraphValue])[],
): GraphValue[] {
  return [
    ...backward(
      g,
      loss,
      parameters.map(([, value]) => value),
    ),
  ];
}

/** What every gradient is multiplied by: undo the loss scale, clip the norm. Reports `gradNorm` when it clips. */
function gradientFactor(
  g: GraphBuilder,
  gradients: readonly GraphValue[],
  options: TrainStepOptions,
): GraphValue | undefined {
  const { clipNorm, lossScale = 1 } = options;
  if (clipNorm === undefined) return lossScale === 1 ? undefined : g.scalar(1 / lossScale);
  const squares = gradients.map((gradient) => g.reshape(g.reduceSumSquare(gradient), [1]));
  const scaledNorm = g.sqrt(g.reduceSum(g.concat(squares, 0)));
  const norm = g.output(lossScale === 1 ? scaledNorm : g.div(scaledNorm, lossScale), 'gradNorm');
  const factor = g.min(g.div(clipNorm, g.add(norm, CLIP_EPSILON)), 1);
  return lossScale === 1 ? factor : g.div(factor, lossScale);
}
