/** Dropout: the same numbers with zeros at other places, or a dropout that only one of the runs has. */
import type { Hint } from '../types.ts';

/** Fewer new zeros than this share of the elements are no dropout. */
const LEAST_SHARE = 0.01;
/** Kept elements are divided by 1 − p; p is known from few zeros only, so the factor may be off by this. */
const FACTOR_MATCH = 0.05;

/** Median of actual / expected over elements that are zero in neither. */
function typicalRatio(actual: Float32Array, expected: Float32Array): number {
  const ratios: number[] = [];
  for (let i = 0; i < actual.length; i++)
    if (actual[i] !== 0 && expected[i] !== 0) ratios.push(actual[i] / expected[i]);
  return ratios.sort((a, b) => a - b)[ratios.length >> 1] ?? NaN;
}

/** @param tau  how far elements that no dropout touched may be apart */
export function explainDropout(actual: Float32Array, expected: Float32Array, tau: number): Hint | undefined {
  let [onlyActual, onlyExpected, numBoth] = [0, 0, 0];
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] === 0 && expected[i] === 0) numBoth++;
    else if (actual[i] === 0) onlyActual++;
    else if (expected[i] === 0) onlyExpected++;
  }
  const least = LEAST_SHARE * actual.length;
  if (Math.max(onlyActual, onlyExpected) < least) return undefined;
  const ratio = typicalRatio(actual, expected);
  let [dd, bb] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] === 0 || expected[i] === 0) continue;
    dd += (actual[i] - ratio * expected[i]) ** 2;
    bb += (ratio * expected[i]) ** 2;
  }
  if (bb === 0 || !(Math.sqrt(dd) <= Math.max(tau, 1e-6) * Math.sqrt(bb))) return undefined;
  const share = (count: number): string => `${((100 * count) / actual.length).toFixed(0)} %`;
  const isOneSided = Math.min(onlyActual, onlyExpected) === 0;
  if (!isOneSided && Math.abs(ratio - 1) <= FACTOR_MATCH)
    return {
      kind: 'dropout',
      text: `${share(onlyActual)} of the elements are zero in the candidate alone, ${share(onlyExpected)} in the reference alone, the rest agrees: dropout masks of other seeds or generator states`,
    };
  const [zeros, where] = onlyActual > 0 ? [onlyActual, 'candidate'] : [onlyExpected, 'reference'];
  const kept = 1 / (1 - zeros / (actual.length - numBoth));
  const wanted = where === 'candidate' ? kept : 1 / kept;
  if (!isOneSided || Math.abs(ratio / wanted - 1) > FACTOR_MATCH) return undefined;
  return {
    kind: 'dropout',
    text: `${share(zeros)} of the elements are zero in the ${where} alone and the others ${where === 'candidate' ? 'larger' : 'smaller'} by as much: dropout in the ${where} alone`,
  };
}
