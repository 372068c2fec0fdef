/** What an optimiser is: scalars that JavaScript computes per step and nodes that turn a gradient into the next value. */
import type { GraphBuilder, GraphValue } from '../../graph/index.ts';
import { constantRate } from './schedules.ts';
import type { Schedule } from './schedules.ts';

export interface ParameterUpdate {
  /** Does it shrink by weight decay? */
  readonly decays: boolean;
  readonly value: GraphValue;
  readonly gradient: GraphValue;
  /** The scalars of this step, as f32 graph inputs. */
  readonly scalars: Readonly<Record<string, GraphValue>>;
  /** Declares a zero-started state of the parameter's shape and sets its next value. */
  moment(suffix: string, next: (present: GraphValue) => GraphValue): GraphValue;
}

export interface Optimizer {
  readonly name: string;
  /** Values of the scalars at a step (from 0). Keys never change. */
  scalars(step: number): Readonly<Record<string, number>>;
  /** Which parameters shrink by weight decay. */
  decays(name: string, value: GraphValue): boolean;
  /** Adds the update's nodes; elementwise, so that parameters may be updated one by one or as one long vector. @returns the parameter's next value */
  update(g: GraphBuilder, parameter: ParameterUpdate): GraphValue;
}

export type LearningRate = number | Schedule;

/** The rate as a schedule: a number stays the same at every step. */
export function scheduleFrom(rate: LearningRate): Schedule {
  return typeof rate === 'number' ? constantRate(rate) : rate;
}

/** Matrices and kernels decay, biases and norm scales do not. */
export function decaysByDefault(_name: string, value: GraphValue): boolean {
  return value.shape.length >= 2;
}
