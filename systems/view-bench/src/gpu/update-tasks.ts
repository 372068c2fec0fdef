/** Tasks of a step after its gradients: growth statistics, Adam, noise; and the reset of opacities. */
import { GEOM_STRIDE, ROW_THREADS } from './common-wgsl.ts';
import { compiledOnce, createKernel, createTask, type Task } from './kernels.ts';
import type { GradientBuffers } from './splat-passes.ts';
import { GATE_WGSL } from './step-wgsl.ts';
import type { TrainingState } from './training-state.ts';
import { ADAM_GEOMETRY_WGSL, ADAM_HARMONICS_WGSL, GROWTH_WGSL, NOISE_WGSL, RESET_OPACITY_WGSL } from './update-wgsl.ts';

/** Uniforms of a step and what it leaves for the host. */
export interface StepBuffers {
  readonly frame: GPUBuffer;
  readonly step: GPUBuffer;
  readonly records: GPUBuffer;
}

const kernelsOf = compiledOnce((device) => ({
  gate: createKernel(device, GATE_WGSL, 'gate'),
  growth: createKernel(device, GROWTH_WGSL, 'growth'),
  adamGeometry: createKernel(device, ADAM_GEOMETRY_WGSL, 'Adam of the geometry'),
  adamHarmonics: createKernel(device, ADAM_HARMONICS_WGSL, 'Adam of the harmonics'),
  noise: createKernel(device, NOISE_WGSL, 'noise'),
  reset: createKernel(device, RESET_OPACITY_WGSL, 'opacity reset'),
}));

/** Looks whether the pairs of a band fit. */
export function gateTask(device: GPUDevice, { frame, step, records }: StepBuffers, { rows }: TrainingState): Task {
  return createTask(device, kernelsOf(device).gate, [frame, step, rows.offsets, records], 1);
}

export function updateTasks(
  device: GPUDevice,
  { frame, step, records }: StepBuffers,
  { rows, moments, growth }: TrainingState,
  gradients: GradientBuffers,
  isNoisy: boolean,
): readonly Task[] {
  const kernels = kernelsOf(device);
  const uniforms = [frame, step];
  const groups = (width: number) => Math.ceil((rows.count * width) / ROW_THREADS);
  const { geomFirst, geomSecond, shFirst, shSecond } = moments;
  const tasks = [
    createTask(device, kernels.growth, [...uniforms, rows.proj, growth, records], groups(1)),
    createTask(
      device,
      kernels.adamHarmonics,
      [...uniforms, rows.sh, shFirst, shSecond, records, rows.proj, rows.geom],
      groups(3 * rows.numStored),
    ),
    createTask(
      device,
      kernels.adamGeometry,
      [...uniforms, rows.geom, geomFirst, geomSecond, records, gradients.geom],
      groups(GEOM_STRIDE),
    ),
  ];
  if (isNoisy) tasks.push(createTask(device, kernels.noise, [...uniforms, rows.geom, records], groups(1)));
  return tasks;
}

export function resetTask(device: GPUDevice, frame: GPUBuffer, { rows, moments }: TrainingState): Task {
  return createTask(
    device,
    kernelsOf(device).reset,
    [frame, rows.geom, moments.geomFirst, moments.geomSecond],
    Math.ceil(rows.count / ROW_THREADS),
  );
}
