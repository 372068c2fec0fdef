/** Adam over the rows of a cloud with a rate for each group, and moments that move with the rows. */
import { rowWidths } from '../cloud.ts';
import type { CloudGradients, GaussianCloud, ParameterKind } from '../types.ts';
import { PARAMETER_KINDS } from '../types.ts';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-15;

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

/** One step. Math: θ −= rate · m̂ / (√v̂ + ε).  Mutates: cloud, state. */
export function applyAdam(cloud: GaussianCloud, gradients: CloudGradients, state: AdamState, rates: GroupRates): void {
  state.step++;
  const correction1 = 1 - BETA1 ** state.step;
  const correction2 = Math.sqrt(1 - BETA2 ** state.step);
  const shWidth = rowWidths(cloud.shDegree).sh;
  for (const kind of PARAMETER_KINDS) {
    const values = cloud[kind];
    const gradient = gradients[kind];
    const first = state.first[kind];
    const second = state.second[kind];
    const isSh = kind === 'sh';
    const rate = (isSh ? rates.shRest : rates[kind]) / correction1;
    const constantRate = rates.shConstant / correction1;
    for (let k = 0; k < values.length; k++) {
      const g = gradient[k];
      const m = (first[k] = BETA1 * first[k] + (1 - BETA1) * g);
      const v = (second[k] = BETA2 * second[k] + (1 - BETA2) * g * g);
      const step = isSh && k % shWidth < 3 ? constantRate : rate;
      values[k] -= (step * m) / (Math.sqrt(v) / correction2 + EPSILON);
    }
  }
}

/** Moments of a changed cloud: row r continues row sources[r], or starts at zero for -1. Mutates: state. */
export function moveAdamRows(state: AdamState, sources: Int32Array, shDegree: number): void {
  const widths = rowWidths(shDegree);
  const moved = (moments: CloudGradients): CloudGradients => {
    const entries = PARAMETER_KINDS.map((kind) => {
      const width = widths[kind];
      const rows = new Float32Array(sources.length * width);
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
  return Object.fromEntries(PARAMETER_KINDS.map((kind) => [kind, new Float32Array(cloud[kind].length)])) as Record<
    ParameterKind,
    Float32Array
  >;
}
