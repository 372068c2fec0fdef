/** Learning rates by step. Steps count from 0. */

/** @param step  how many updates have been made before this one */
export type Schedule = (step: number) => number;

export const constantRate =
  (rate: number): Schedule =>
  () =>
    rate;

/** Rises linearly over the warm-up, then follows half a cosine down to `end` at `totalSteps`.
 *  Source: Loshchilov and Hutter 2017 (arXiv 1608.03983), eq. 5. */
export function warmupCosine(options: {
  peak: number;
  totalSteps: number;
  warmupSteps?: number;
  end?: number;
}): Schedule {
  const { peak, totalSteps, warmupSteps = 0, end = 0 } = options;
  return (step) => {
    if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
    return end + ((peak - end) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

/** Rises linearly over the warm-up, then falls linearly to `end`. */
export function warmupLinear(options: {
  peak: number;
  totalSteps: number;
  warmupSteps?: number;
  end?: number;
}): Schedule {
  const { peak, totalSteps, warmupSteps = 0, end = 0 } = options;
  return (step) => {
    if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
    return peak + (end - peak) * progress;
  };
}

/** Multiplies by `factor` at each milestone. */
export function stepDecay(options: { start: number; milestones: readonly number[]; factor?: number }): Schedule {
  const { start, milestones, factor = 0.1 } = options;
  return (step) => start * factor ** milestones.filter((milestone) => step >= milestone).length;
}
