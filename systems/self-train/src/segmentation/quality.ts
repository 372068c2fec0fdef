/** How well pixels are classified. */

export interface PixelQuality {
  /** Mean over classes that occur in truth or prediction. */
  readonly meanIou: number;
  /** [C] intersection over union; undefined for absent classes. */
  readonly iou: readonly (number | undefined)[];
  readonly pixelAccuracy: number;
  /** [C, C] rows truth, columns prediction; void is not counted. */
  readonly confusion: Float64Array;
}

/** @param truth  [tokens], −1 is void @param predicted  [tokens] */
export function measurePixels(truth: Int32Array, predicted: ArrayLike<number>, numClasses: number): PixelQuality {
  const confusion = new Float64Array(numClasses * numClasses);
  for (let n = 0; n < truth.length; n++) if (truth[n] >= 0) confusion[truth[n] * numClasses + predicted[n]]++;
  let [right, total, sum, numPresent] = [0, 0, 0, 0];
  const iou = Array.from({ length: numClasses }, (_, c) => {
    let [inTruth, inPrediction] = [0, 0];
    for (let k = 0; k < numClasses; k++) {
      inTruth += confusion[c * numClasses + k];
      inPrediction += confusion[k * numClasses + c];
    }
    const both = confusion[c * numClasses + c];
    right += both;
    total += inTruth;
    const union = inTruth + inPrediction - both;
    if (union === 0) return undefined;
    numPresent++;
    sum += both / union;
    return both / union;
  });
  return { meanIou: sum / Math.max(1, numPresent), iou, pixelAccuracy: right / Math.max(1, total), confusion };
}
