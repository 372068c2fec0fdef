/** One training step as the GPU is told of it: which view, which rates, which weights. */
import { BETA1, BETA2, type GroupRates } from '../train/adam.ts';
import { exposureRateAt } from '../train/exposure.ts';
import { REGULARISER } from '../train/mcmc.ts';
import { ratesAt, type Schedule } from '../train/schedule.ts';
import type { TrainOptions } from '../train/trainer.ts';
import { STEP_BYTES } from './step-wgsl.ts';

export interface StepOrder {
  /** From 1. */
  readonly step: number;
  readonly frameIndex: number;
  /** How often the frame was seen, this time included. */
  readonly visit: number;
}

export interface StepContext {
  readonly schedule: Schedule;
  readonly options: TrainOptions;
  readonly noiseSeed: number;
}

/** The struct Step. @param place  in the batch @param numOpen  pixels that count, of numPixels */
export function packStep(
  { step, frameIndex, visit }: StepOrder,
  { schedule, options, noiseSeed }: StepContext,
  place: number,
  numOpen: number,
  numPixels: number,
): ArrayBuffer {
  const rates: GroupRates = ratesAt(schedule, step);
  const correction = 1 - BETA1 ** step;
  const weight = options.ssimWeight ?? 0.2;
  const isReleased = options.loss === 'euvs-released';
  const numValues = 3 * numPixels;
  const numOpenValues = 3 * numOpen;
  const share = isReleased ? numOpenValues / numValues : 1;
  const isEmpty = numOpen === 0;
  const floats = new Float32Array(STEP_BYTES / 4);
  new Uint32Array(floats.buffer).set([step, frameIndex, place, noiseSeed]);
  floats.set(
    [rates.means, rates.quats, rates.logScales, rates.opacityLogits].map((rate) => rate / correction),
    4,
  );
  floats.set([rates.shConstant / correction, rates.shRest / correction, Math.sqrt(1 - BETA2 ** step), rates.means], 8);
  floats.set(
    [
      weight,
      isReleased || isEmpty ? 0 : (1 - weight) / numOpenValues,
      isEmpty ? 0 : isReleased ? (-weight * share) / numValues : -weight / numOpenValues,
      isReleased ? 1 : 0,
    ],
    12,
  );
  floats.set(
    [numOpenValues, isReleased ? numValues : numOpenValues, share, schedule.strategy === 'absgrad' ? 1 : 0],
    16,
  );
  floats.set(
    [
      exposureRateAt(step, schedule.numSteps) / (1 - BETA1 ** visit),
      Math.sqrt(1 - BETA2 ** visit),
      schedule.strategy === 'mcmc' ? REGULARISER : 0,
      0,
    ],
    20,
  );
  return floats.buffer;
}
