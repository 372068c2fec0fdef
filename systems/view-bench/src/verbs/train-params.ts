/** Training options from params. */
import type { ExperimentOptions } from '../bench/experiment.ts';
import type { TrainingParams } from '../params.ts';

/** Short runs compress the schedule of 30,000 steps: growth from a quarter to 70 %, a degree every sixth of the steps. */
export function trainingFromParams(
  params: Omit<TrainingParams, 'backend'>,
): Pick<ExperimentOptions, 'training' | 'shDegree' | 'background'> {
  const { steps, strategy, cap, degree, loss, ssimWeight, exposure, antialiased, extent, threads } = params;
  const { method = '3dgs', distortion = 0, background = 'black' } = params;
  const isShort = steps < 15_000;
  return {
    shDegree: degree,
    background,
    training: {
      numSteps: steps,
      strategy,
      method,
      geometry: { distortion },
      cap,
      loss,
      ssimWeight,
      hasExposure: exposure,
      isAntialiased: antialiased,
      numThreads: threads,
      ...(extent > 0 ? { extentM: extent } : {}),
      ...(isShort
        ? {
            refineStart: Math.min(500, Math.round(steps / 4)),
            refineEvery: Math.max(20, Math.min(100, Math.round(steps / 30))),
            refineEnd: Math.round(0.7 * steps),
            degreeEvery: Math.min(1000, Math.round(steps / 6)),
            opacityResetEvery: steps < 6000 ? Infinity : 3000,
          }
        : {}),
    },
  };
}
