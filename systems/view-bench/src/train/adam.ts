/** Adam over the rows of a cloud with a rate for each group, and moments that move with the rows. */
import { rowWidths } from '../cloud.ts';
import { createSharedFloats } from '../reals.ts';
import type { CloudGradients, GaussianCloud, ParameterKind, Reals } from '../types.ts';
import { PARAMETER_KINDS } from '../types.ts';

export const BETA1 = 0.9;
export const BETA2 = 0.999;
export const EPSILON = 1e-15;

/** Rates a step. `sh` splits into the constant coefficient and the rest. */
export interface GroupRates {
  readonly means: number;
  readonly quats: number;
  readonly logScales: number;
  readonly opacityLogits: number;
  readonly shConstant: number;
  readonly shRest: number;
}

export interface AdamState {
  step: number;
  first: CloudGradients;
  second: CloudGradients;
}

export function createAdamState(cloud: GaussianCloud): AdamState {
  return { step: 0, first: createMoments(cloud), second: createMoments(cloud) };
}

/** One step of rows [start, end). Math: θ −= rate · m̂ / (√v̂ + ε), with the step number as it stands. Mutates: these rows of cloud and state. */
export function applyAdamRows(
  cloud: GaussianCloud,
  gradients: CloudGradients,
  state: AdamState,
  rates: GroupRates,
  start: number,
  end: number,
): void {
  const correction1 = 1 - BETA1 ** state.step;
  const correction2 = Math.sqrt(1 - BETA2 ** state.step);
  const widths = rowWidths(cloud.shDegree);
  for (const kind of PARAMETER_KINDS) {
    const width = widths[kind];
    const isSh = kind === 'sh';
    const rate = (isSh ? rates.shRest : rates[kind]) / correction1;
    const constantRate = isSh ? rates.shConstant / correction1 : rate;
    stepValues(cloud[kind], gradients[kind], state.first[kind], state.second[kind], {
      start: start * width,
      end: end * width,
      width,
      rate,
      constantRate,
      correction2,
    });
  }
}

interface StepPart {
  readonly start: number;
  readonly end: number;
  readonly width: number;
  readonly rate: number;
  /** Of the first three values of a row. */
  readonly constantRate: number;
  readonly correction2: number;
}

function stepValues(values: Reals, gradient: Reals, first: Reals, second: Reals, part: StepPart): void {
  const { start, end, width, rate, constantRate, correction2 } = part;
  let column = 0;
  for (let k = start; k < end; k++) {
    const g = gradient[k];
    const m = BETA1 * first[k] + (1 - BETA1) * g;
    const v = BETA2 * second[k] + (1 - BETA2) * g * g;
    first[k] = m;
    second[k] = v;
    values[k] -= ((column < 3 ? constantRate : rate) * m) / (Math.sqrt(v) / correction2 + EPSILON);
    if (++column === width) column = 0;
  }
}

/** Moments of a changed cloud: row r continues row sources[r], or starts at zero for -1. Mutates: state. */
export function moveAdamRows(state: AdamState, sources: Int32Array, shDegree: number): void {
  const widths = rowWidths(shDegree);
  const moved = (moments: CloudGradients): CloudGradients => {
    const entries = PARAMETER_KINDS.map((kind) => {
      const width = widths[kind];
      const rows = createSharedFloats(sources.length * width);
      for (let r = 0; r < sources.length; r++) {
        if (sources[r] >= 0) rows.set(moments[kind].subarray(sources[r] * width, (sources[r] + 1) * width), r * width);
      }
      return [kind, rows] as const;
    });
    return Object.fromEntries(entries) as Record<ParameterKind, Float32Array>;
  };
  state.first = moved(state.first);
  state.second = moved(state.second);
}

/** Zeroes the moments of one kind. Mutates: state. */
export function resetMoments(state: AdamState, kind: ParameterKind): void {
  state.first[kind].fill(0);
  state.second[kind].fill(0);
}

function createMoments(cloud: GaussianCloud): CloudGradients {
  return Object.fromEntries(PARAMETER_KINDS.map((kind) => [kind, createSharedFloats(cloud[kind].length)])) as Record<
    ParameterKind,
    Float32Array
  >;
}
