/** Trains a model: holds the session of its training step and the count of updates. */
import { castTensor, scalarFromNumber } from './tensors.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Graph } from '../graph/index.ts';
import { openBackend } from '../runtime/index.ts';
import type { Backend, BackendName, Feeds, Session, SessionOptions, StateValues } from '../runtime/index.ts';
import { initialTensor } from './initialisers.ts';
import type { InputSpec, StateSpec } from './net.ts';
import { nnError } from './nn-errors.ts';
import { buildInference, buildTrainStep, EMA_PREFIX, SCALAR_PREFIX } from './train-step.ts';
import type { TrainStep, TrainStepOptions } from './train-step.ts';

export interface TrainerOptions extends TrainStepOptions {
  /** Default `cpu`. */
  readonly backend?: BackendName | Backend;
  /** First values by name, instead of fresh ones (a checkpoint). Others stay fresh. */
  readonly states?: StateValues;
  /** Updates made before (resume). Default 0. */
  readonly step?: number;
  readonly session?: Omit<SessionOptions, 'adoptStates'>;
}

export interface StepResult {
  readonly loss: number;
  /** Present with clipNorm. */
  readonly gradNorm?: number;
  /** The model outputs asked for. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

export interface Trainer {
  /** Updates made so far. */
  readonly stepCount: number;
  readonly trainStep: TrainStep;
  readonly session: Session;
  readonly parameterCount: number;
  /** One update. @throws TF-NN-004 if the loss is not finite */
  step(feeds: Feeds): Promise<StepResult>;
  /** The forward pass with the present parameters. @param options.inputs  other shapes than in training */
  predict(feeds: Feeds, options?: PredictOptions): Promise<Readonly<Record<string, Tensor>>>;
  /** Copies of parameters and buffers (not of the optimiser), by name. */
  parameters(options?: { readonly ema?: boolean }): Promise<StateValues>;
  /** Copies of all states: what a checkpoint holds. */
  allStates(): Promise<StateValues>;
  /** Replaces states by name. */
  load(states: StateValues, step?: number): Promise<void>;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PredictOptions {
  readonly inputs?: Readonly<Record<string, InputSpec>>;
  readonly outputs?: readonly string[];
  /** Use the moving average of the parameters. */
  readonly ema?: boolean;
}

/** First values of the states, by name.
 *  @param given  values that replace fresh ones */
export function initialStates(
  states: ReadonlyMap<string, StateSpec>,
  { seed = 0, given = {} }: { seed?: number; given?: StateValues } = {},
): StateValues {
  const values: Record<string, Tensor> = {};
  for (const spec of states.values()) {
    const known = given[spec.name];
    if (known !== undefined) values[spec.name] = known;
    else if (spec.name.startsWith(EMA_PREFIX)) {
      // The average starts where its parameter starts.
      const parameter = spec.name.slice(EMA_PREFIX.length);
      values[spec.name] = given[parameter] ?? initialTensor({ ...spec, name: parameter }, seed, castTensor);
    } else if (spec.kind !== 'optimizer') values[spec.name] = initialTensor(spec, seed, castTensor);
  }
  return values;
}

/** Joins the updates of all parameters where each kernel costs its launch, unless the engine fuses kernels by itself. */
async function buildFor(engine: Backend, options: TrainerOptions): Promise<TrainStep> {
  const apart = buildTrainStep(options);
  if (options.isUpdateFused !== undefined || engine.name !== 'webgpu') return apart;
  return (await engine.fuses?.(apart.graph, options.session)) === true
    ? apart
    : buildTrainStep({ ...options, isUpdateFused: true });
}

/** Builds the training step, opens its session on the backend (default `cpu`) and sets the states: those given, the rest drawn
 *  from the seed. The caller disposes of the trainer. */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { seed = 0, backend = 'cpu' } = options;
  const engine = typeof backend === 'string' ? await openBackend(backend) : backend;
  const trainStep = await buildFor(engine, options);
  const given = options.states ?? {};
  const session = await engine.createSession(trainStep.graph, initialStates(trainStep.states, { seed, given }), {
    ...options.session,
    // Fresh tensors may be adopted, the caller's may not.
    adoptStates: Object.keys(given).length === 0,
  });
  let step = options.step ?? 0;
  const predictors = createPredictors(options, engine);
  const kept = [...trainStep.states.values()].filter((spec) => spec.kind !== 'optimizer');

  const readAll = async (names: readonly string[]): Promise<StateValues> => {
    const values: Record<string, Tensor> = {};
    for (const name of names) values[name] = await session.readState(name);
    return values;
  };
  const parameters: Trainer['parameters'] = async ({ ema = false } = {}) => {
    const values: Record<string, Tensor> = {};
    for (const { name } of kept) {
      const source = ema && trainStep.states.has(EMA_PREFIX + name) ? EMA_PREFIX + name : name;
      values[name] = await session.readState(source);
    }
    return values;
  };
  const dispose = async (): Promise<void> => {
    await predictors.dispose();
    await session.dispose();
  };

  return {
    get stepCount() {
      return step;
    },
    trainStep,
    session,
    parameterCount: kept
      .filter((spec) => spec.kind === 'parameter')
      .reduce((count, spec) => count + createTensorSize(spec), 0),
    async step(feeds) {
      const scalars = Object.entries(trainStep.optimizer.scalars(step));
      const all = {
        ...feeds,
        ...Object.fromEntries(scalars.map(([n, value]) => [SCALAR_PREFIX + n, scalarFromNumber(value)])),
      };
      const { loss, gradNorm, ...outputs } = await session.run(all);
      const value = Number(loss.data[0]);
      if (!Number.isFinite(value)) {
        throw nnError('TF-NN-004', {
          subject: 'step',
          expected: 'a finite loss',
          actual: String(value),
          location: `step ${step}`,
          hints: ['Lower the learning rate, set clipNorm, or check the inputs for NaN.'],
        });
      }
      step++;
      return { loss: value, outputs, ...(gradNorm === undefined ? {} : { gradNorm: Number(gradNorm.data[0]) }) };
    },
    predict: async (feeds, predict = {}) =>
      predictors.run(feeds, predict, { version: step, read: () => parameters({ ema: predict.ema ?? false }) }),
    parameters,
    allStates: () => readAll([...trainStep.states.keys()]),
    async load(states, loadedStep) {
      for (const [name, value] of Object.entries(states)) await session.writeState(name, value);
      step = loadedStep ?? step;
      predictors.invalidate();
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

interface Predictors {
  run(
    feeds: Feeds,
    options: PredictOptions,
    source: { version: number; read: () => Promise<StateValues> },
  ): Promise<Readonly<Record<string, Tensor>>>;
  invalidate(): void;
  dispose(): Promise<void>;
}

/** Inference sessions by input shapes, brought up to date when the parameters have moved on. */
function createPredictors(options: TrainerOptions, engine: Backend): Predictors {
  const open = new Map<string, { session: Session; graph: Graph; key: string }>();
  return {
    async run(feeds, { inputs = specsOf(options.inputs, feeds), outputs, ema = false }, source) {
      const shapeKey = JSON.stringify([inputs, outputs]);
      const stateKey = `${source.version}:${ema}`;
      let entry = open.get(shapeKey);
      if (entry?.key !== stateKey) {
        const values = await source.read();
        if (entry === undefined) {
          const { graph } = buildInference({
            model: options.model,
            inputs,
            ...(options.computeDtype === undefined ? {} : { computeDtype: options.computeDtype }),
            ...(outputs === undefined ? {} : { outputs }),
          });
          const known = Object.fromEntries(graph.states.map(({ name }) => [name, values[name]]));
          const session = await engine.createSession(graph, known, { ...options.session, adoptStates: true });
          entry = { session, graph, key: stateKey };
          open.set(shapeKey, entry);
        } else {
          for (const { name } of entry.graph.states) await entry.session.writeState(name, values[name]);
          entry.key = stateKey;
        }
      }
      return entry.session.run(feeds);
    },
    invalidate() {
      for (const entry of open.values()) entry.key = '';
    },
    async dispose() {
      for (const { session } of open.values()) await session.dispose();
      open.clear();
    },
  };
}

/** The training inputs that are fed, with the shapes of the feeds. */
function specsOf(inputs: Readonly<Record<string, InputSpec>>, feeds: Feeds): Record<string, InputSpec> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [name, { dtype: inputs[name]?.dtype ?? dtype, shape }]),
  );
}

function createTensorSize(spec: StateSpec): number {
  return spec.shape.reduce((product, size) => product * size, 1);
}
