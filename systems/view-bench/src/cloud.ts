/** Making and copying clouds. */
import { createReals } from './reals.ts';
import { shCoefficientCount } from './splat/spherical-harmonics.ts';
import type { GaussianCloud, ParameterKind, Reals } from './types.ts';

/** Values a row of each parameter. */
export function rowWidths(shDegree: number): Readonly<Record<ParameterKind, number>> {
  return { means: 3, quats: 4, logScales: 3, opacityLogits: 1, sh: 3 * shCoefficientCount(shDegree) };
}

/** A cloud of zeros. @param like  gives the precision; default f32 */
export function createCloud(count: number, shDegree: number, like: Reals = new Float32Array(0)): GaussianCloud {
  const widths = rowWidths(shDegree);
  const reals = (kind: ParameterKind) => createReals(like, count * widths[kind]);
  return {
    count,
    shDegree,
    means: reals('means'),
    quats: reals('quats'),
    logScales: reals('logScales'),
    opacityLogits: reals('opacityLogits'),
    sh: reals('sh'),
  };
}
