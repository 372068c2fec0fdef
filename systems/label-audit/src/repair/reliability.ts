/** How far confidence is from accuracy. */

export interface ReliabilityBin {
  readonly confidence: number;
  readonly accuracy: number;
  readonly count: number;
}

/** Expected calibration error over equal bins of confidence.
 *  Math: ECE = Σ_b n_b/N · |accuracy_b − confidence_b|.  Source: Naeini et al. 2015; 15 bins as in Guo et al. 2017. */
export function reliability(
  confidences: ArrayLike<number>,
  isRight: ArrayLike<number | boolean>,
  { numBins = 15 }: { readonly numBins?: number } = {},
): { readonly ece: number; readonly bins: readonly ReliabilityBin[] } {
  const counts = new Float64Array(numBins);
  const confidenceSums = new Float64Array(numBins);
  const rightSums = new Float64Array(numBins);
  for (let i = 0; i < confidences.length; i++) {
    const bin = Math.min(numBins - 1, Math.max(0, Math.floor(confidences[i] * numBins)));
    counts[bin]++;
    confidenceSums[bin] += confidences[i];
    rightSums[bin] += Number(isRight[i]);
  }
  let ece = 0;
  const bins: ReliabilityBin[] = [];
  for (let bin = 0; bin < numBins; bin++) {
    if (counts[bin] === 0) continue;
    ece += Math.abs(rightSums[bin] - confidenceSums[bin]) / confidences.length;
    const count = counts[bin];
    bins.push({ confidence: confidenceSums[bin] / count, accuracy: rightSums[bin] / count, count });
  }
  return { ece, bins };
}
