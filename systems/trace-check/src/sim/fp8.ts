/** FP8 operands of matrix products: rounded to E4M3 (forward) or E5M2 (gradients) under one scale per logical tensor and
 *  back. The scale comes from the present tensor, or from the magnitudes of earlier steps (delayed scaling). */
import { decodeFloats, encodeFloats } from '@tenfold/core/tensor';
import type { Axis, RankState } from './rank-state.ts';

type Format = 'float8e4m3fn' | 'float8e5m2';

const LARGEST: Readonly<Record<Format, number>> = { float8e4m3fn: 448, float8e5m2: 57_344 };
/** Ranks that hold parts of one activation. */
const ACTIVATION_AXES: readonly Axis[] = ['tp', 'cp'];
/** Ranks whose magnitudes make one delayed scale: they see parts of the same step. */
const STEP_AXES: readonly Axis[] = ['tp', 'cp', 'dp'];
/** Steps whose largest magnitudes are remembered. */
const HISTORY_STEPS = 16;

export interface Quantiser {
  input(values: Float32Array): Float32Array;
  weight(values: Float32Array): Float32Array;
  gradient(values: Float32Array): Float32Array;
}

/** Scales of a rank under delayed scaling. `forward` is changed in place when a step's forward passes end. */
export interface DelayedScales {
  forward: Record<string, number>;
  readonly gradient: Record<string, number>;
  readonly history: Map<string, number[]>;
  /** Largest magnitudes of the step under way. */
  readonly amax: Map<string, number>;
  /** The first FP8 module of this rank: its backward pass is the last and asks for the update of gradient scales. */
  firstModule: string | undefined;
  isGradientUpdateDue: boolean;
  /** What was put into the trace already. */
  readonly captured: Set<string>;
}

export function createDelayedScales(): DelayedScales {
  return {
    forward: {},
    gradient: {},
    history: new Map(),
    amax: new Map(),
    firstModule: undefined,
    isGradientUpdateDue: false,
    captured: new Set(),
  };
}

/** Bug `recompute-precision`: the recomputed pass is outside of the FP8 context. */
export function usesFp8({ config, isRecomputing }: RankState): boolean {
  return config.precision === 'float8' && !(config.bug === 'recompute-precision' && isRecomputing);
}

/** @param weightName  of the linear layer whose operands these are */
export function quantiserOf(state: RankState, weightName: string): Quantiser {
  const module = weightName.replace(/\.weight$/, '');
  return state.scales ? delayedQuantiser(state, state.scales, module) : currentQuantiser(state);
}

function currentQuantiser(state: RankState): Quantiser {
  const by =
    (format: Format, axes: readonly Axis[]) =>
    (values: Float32Array): Float32Array => {
      const [amax] = state.allReduce(Float32Array.of(amaxOf(values)), axes, { reduction: 'max', isExact: true });
      const scale = scaleOf(format, amax);
      return divided(codesOf(format, values, scale), scale);
    };
  return {
    input: by('float8e4m3fn', ACTIVATION_AXES),
    weight: by('float8e4m3fn', ['tp']),
    gradient: by('float8e5m2', ACTIVATION_AXES),
  };
}

/** Scales of the steps before. What a recomputed pass sees was noted when it ran first.
 *  Bug `fp8-grad-amax`: recomputation loses the mark of the first module, so that gradient scales are never updated. */
function delayedQuantiser(state: RankState, scales: DelayedScales, module: string): Quantiser {
  const { isRecomputing } = state;
  scales.firstModule ??= module;
  const isFirst = module === scales.firstModule && !(state.config.bug === 'fp8-grad-amax' && isRecomputing);
  const forward = (slot: string, values: Float32Array): Float32Array => {
    const key = `${module}#${slot}`;
    if (!isRecomputing) note(scales, key, values);
    const scale = scales.forward[key] ?? 1;
    if (!isRecomputing) captureScale(state, key, scale);
    return divided(codesOf('float8e4m3fn', values, scale), scale);
  };
  return {
    input: (values) => forward('input', values),
    weight: (values) => forward('weight', values),
    gradient: (values) => {
      const key = `${module}#grad`;
      note(scales, key, values);
      if (isFirst) scales.isGradientUpdateDue = true;
      const scale = scales.gradient[key] ?? 1;
      captureScale(state, key, scale);
      return divided(codesOf('float8e5m2', values, scale), scale);
    },
  };
}

function note({ amax }: DelayedScales, key: string, values: Float32Array): void {
  amax.set(key, Math.max(amax.get(key) ?? 0, amaxOf(values)));
}

/** All micro-batches of a step have one scale. */
function captureScale(state: RankState, key: string, scale: number): void {
  const [module, slot] = key.split('#');
  const { captured } = state.scales!;
  const once = `${state.iteration}/${key}`;
  if (!state.isRecording || captured.has(once)) return;
  captured.add(once);
  state.capture('scale', module, Float32Array.of(scale), [1], state.lower([1], {}), { slot });
}

/** After the last forward pass of a step: its largest magnitudes make the forward scales of the next. */
export function updateForwardScales(state: RankState): void {
  if (state.scales) update(state, state.scales, state.scales.forward, 'float8e4m3fn', (key) => !key.endsWith('#grad'));
}

/** After the last backward pass of a step, if the first module asked for it. */
export function updateGradientScales(state: RankState): void {
  const { scales } = state;
  if (!scales?.isGradientUpdateDue) return;
  scales.isGradientUpdateDue = false;
  update(state, scales, scales.gradient, 'float8e5m2', (key) => key.endsWith('#grad'));
}

function update(
  state: RankState,
  { amax, history }: DelayedScales,
  target: Record<string, number>,
  format: Format,
  isChosen: (key: string) => boolean,
): void {
  const keys = [...amax.keys()].filter(isChosen).sort();
  if (keys.length === 0) return;
  const own = Float32Array.from(keys, (key) => amax.get(key)!);
  const whole = state.allReduce(own, STEP_AXES, { reduction: 'max', isExact: true });
  keys.forEach((key, i) => {
    const past = [...(history.get(key) ?? []), whole[i]].slice(-HISTORY_STEPS);
    history.set(key, past);
    amax.delete(key);
    const largest = Math.max(...past);
    if (largest > 0 && Number.isFinite(largest)) target[key] = scaleOf(format, largest);
  });
}

/** Sequence-sharded FP8 input: codes travel, each reader decodes with its own scale, so all must have made the same one.
 *  Bug `fp8-amax-group`: the largest magnitude is reduced over DP, the scales of TP ranks differ. */
export function gatherFp8(state: RankState, quantiser: Quantiser, data: Float32Array, columns: number): Float32Array {
  if (state.scales) return state.gatherRows(quantiser.input(data), columns, 'tp');
  const group: readonly Axis[] = state.config.bug === 'fp8-amax-group' ? ['dp'] : ACTIVATION_AXES;
  const [amax] = state.allReduce(Float32Array.of(amaxOf(data)), group, { reduction: 'max', isExact: true });
  const scale = scaleOf('float8e4m3fn', amax);
  return divided(state.gatherRows(codesOf('float8e4m3fn', data, scale), columns, 'tp'), scale);
}

/** Saturates: a delayed scale may be too large for the present tensor. */
function codesOf(format: Format, values: Float32Array, scale: number): Float32Array {
  const largest = LARGEST[format];
  const scaled = values.map((value) => Math.min(largest, Math.max(-largest, value * scale)));
  return decodeFloats(format, encodeFloats(format, scaled));
}

function divided(codes: Float32Array, scale: number): Float32Array {
  return codes.map((code) => code / scale);
}

function scaleOf(format: Format, amax: number): number {
  return amax > 0 ? LARGEST[format] / amax : 1;
}

function amaxOf(values: Float32Array): number {
  let amax = 0;
  for (let i = 0; i < values.length; i++) amax = Math.max(amax, Math.abs(values[i]));
  return amax;
}
