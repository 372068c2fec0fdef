/** What a model is built in: a graph builder that also declares parameters.
 *
 *  A model is a function of a Net and its inputs. Layers are functions too: they declare their parameters where they use
 *  them, so shapes follow from the input and nothing is written twice. Names are module paths: inside
 *  `net.in('layers.0', …)` the parameter `weight` is `layers.0.weight`. */
import { checkpoint } from '../autodiff/index.ts';
import { counterDropout } from '../graph/index.ts';
import type { Graph, GraphBuilder, GraphState, GraphValue } from '../graph/index.ts';
import { DTYPES } from '../tensor/index.ts';
import type { Dtype, Shape } from '../tensor/index.ts';
import { streamFromId } from '../base/index.ts';
import { zeros } from './initialisers.ts';
import type { Initialiser } from './initialisers.ts';
import { nnError } from './nn-errors.ts';

/** Graph values by name: what models take and give. */
export type Values = Readonly<Record<string, GraphValue>>;

export interface Model {
  readonly name: string;
  /** Builds the forward pass into the net's graph. */
  readonly forward: (net: Net, inputs: Values) => Values;
}

/** Dtype and shape of a model input. */
export interface InputSpec {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** Short forms: `f32(64, 784)`. */
export const f32 = (...shape: number[]): InputSpec => ({ dtype: 'float32', shape });
export const i64 = (...shape: number[]): InputSpec => ({ dtype: 'int64', shape });

/** A declared parameter or buffer. */
export interface StateSpec {
  readonly name: string;
  readonly kind: GraphState['kind'];
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly init: Initialiser;
}

export interface Net {
  /** The graph under construction: `net.g.add(a, b)`. */
  readonly g: GraphBuilder;
  readonly isTraining: boolean;
  /** Dtype that parameters are used in; they are stored in f32 and cast where this differs. */
  readonly computeDtype: Dtype;
  /** A trainable parameter, in the compute dtype. Asking again for a declared name gives the same value (tied weights). */
  parameter(name: string, shape: Shape, init: Initialiser): GraphValue;
  /** A state that gradients do not reach (running statistics). */
  buffer(name: string, shape: Shape, init: Initialiser): GraphValue;
  /** What the buffer holds after a training step. */
  updateBuffer(name: string, next: GraphValue): void;
  /** A float in the compute dtype; other values as they are. Models cast their inputs with it. */
  cast(value: GraphValue): GraphValue;
  /** Builds inside a named module. */
  in<T>(name: string, body: () => T): T;
  /** Like `in`; with checkpointing the inner values are not kept for the backward pass but computed again there. */
  segment<T>(name: string, body: () => T): T;
  /** Training only: drops elements at random and scales the rest by 1 / (1 − rate). The mask depends on (seed, place,
   *  step) alone, the same on every backend. */
  dropout(x: GraphValue, rate: number): GraphValue;
  /** Adds a scalar to the loss (load balancing, regularisers). */
  addLoss(term: GraphValue): void;
  readonly extraLosses: readonly GraphValue[];
  readonly states: ReadonlyMap<string, StateSpec>;
  /** The stored value of each parameter: what gradients are taken with respect to. */
  readonly parameters: ReadonlyMap<string, GraphValue>;
  finish(): Graph;
}

/** State that counts updates for dropout. */
const STEP_COUNTER = 'dropout.step';

export interface NetOptions {
  readonly isTraining?: boolean;
  readonly computeDtype?: Dtype;
  /** Recompute segments (decoder layers) in the backward pass: less memory, about a third more time. Default false. */
  readonly isCheckpointed?: boolean;
  /** Of dropout masks; default 0. */
  readonly seed?: number;
}

/** A net on a graph builder, without parameters yet; layers declare them as they are called. Default: inference in float32. */
export function createNet(g: GraphBuilder, options: NetOptions = {}): Net {
  const { isTraining = false, computeDtype = 'float32', isCheckpointed = false, seed = 0 } = options;
  let dropouts = 0;
  let step: GraphValue | undefined;
  const states = new Map<string, StateSpec>();
  const stored = new Map<string, GraphValue>();
  const used = new Map<string, GraphValue>();
  const parameters = new Map<string, GraphValue>();
  const extraLosses: GraphValue[] = [];
  const fullName = (name: string): string => (g.notes.module === '' ? name : `${g.notes.module}.${name}`);

  const declare = (kind: 'parameter' | 'buffer', local: string, shape: Shape, init: Initialiser): GraphValue => {
    const name = fullName(local);
    const known = states.get(name);
    if (known !== undefined) {
      if (known.kind === kind && known.shape.join() === shape.join()) return used.get(name)!;
      throw nnError('TF-NN-002', {
        subject: 'parameter',
        expected: `"${name}" to be declared with one shape`,
        actual: `[${known.shape.join(', ')}] and [${shape.join(', ')}]`,
      });
    }
    const value = g.state(name, kind, 'float32', shape);
    states.set(name, { name, kind, dtype: 'float32', shape, init });
    stored.set(name, value);
    if (kind === 'parameter') parameters.set(name, value);
    const inUse = kind === 'parameter' && computeDtype !== 'float32' ? g.cast(value, computeDtype) : value;
    used.set(name, inUse);
    return inUse;
  };

  /** Counts updates in a state of its own, made when the first dropout asks for it. */
  const stepCounter = (): GraphValue => {
    if (step !== undefined) return step;
    step = g.state(STEP_COUNTER, 'buffer', 'float32', []);
    states.set(STEP_COUNTER, { name: STEP_COUNTER, kind: 'buffer', dtype: 'float32', shape: [], init: zeros });
    g.withNotes({ module: 'dropout', phase: 'update' }, () => g.setNextState(step!, g.add(step!, 1)));
    return step;
  };

  return {
    g,
    isTraining,
    computeDtype,
    parameter: (name, shape, init) => declare('parameter', name, shape, init),
    buffer: (name, shape, init) => declare('buffer', name, shape, init),
    updateBuffer(name, next) {
      g.setNextState(stored.get(fullName(name)) ?? fullName(name), next);
    },
    cast: (value) => (DTYPES[value.dtype].kind === 'float' ? g.cast(value, computeDtype) : value),
    in: (name, body) => g.scope(name, body),
    segment: (name, body) => g.scope(name, () => (isCheckpointed && isTraining ? checkpoint(g, body) : body())),
    dropout(x, rate) {
      if (!isTraining || rate === 0) return x;
      const stream = streamFromId(`${g.notes.module}/${dropouts++}`, seed);
      const dropped = counterDropout(g, g.cast(x, 'float32'), { rate, step: stepCounter(), stream });
      return g.cast(dropped, x.dtype);
    },
    addLoss: (term) => void extraLosses.push(term),
    extraLosses,
    states,
    parameters,
    finish: () => g.finish(),
  };
}

/** The output or input of that name. @throws TF-NN-005 with the known names */
export function pick(values: Values, name: string, subject: string): GraphValue {
  const value = values[name];
  if (value !== undefined) return value;
  throw nnError('TF-NN-005', {
    subject,
    expected: `a value named "${name}"`,
    actual: Object.keys(values).join(', ') || 'none',
  });
}
