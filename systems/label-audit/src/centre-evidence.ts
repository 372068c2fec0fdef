/** What the class centres say about a sample: the distance head scores a class by minus the squared distance to its centre,
 *  so the distances are in the out-of-fold logits.  Source: arXiv 2405.01186. */
import type { OutOfFold } from './pemm/out-of-fold.ts';
import { pairPotential } from './pemm/potential.ts';

export interface CentreEvidence {
  readonly numClasses: number;
  /** [N, K] distances of each sample to the centres of the model that did not see it. */
  readonly distances: Float32Array;
  /** [N] log Σ_k exp(−‖x − c_k‖²), nats: low where no centre is near. */
  readonly logDensity: Float64Array;
  /** [N] fold whose model judged the sample. */
  readonly fold: Uint8Array;
  /** [folds][K(K−1)/2] distances of the centres i < j, after the last epoch. */
  readonly pairDistances: readonly (readonly number[])[];
}

/** @param rows  the samples that are wanted */
export function centreEvidenceOf(folds: OutOfFold, rows: Uint32Array): CentreEvidence {
  const { numClasses } = folds.probabilities;
  const distances = new Float32Array(rows.length * numClasses);
  const logDensity = new Float64Array(rows.length);
  rows.forEach((row, i) => {
    const logits = folds.logits.subarray(row * numClasses, (row + 1) * numClasses);
    let largest = -Infinity;
    for (let k = 0; k < numClasses; k++) {
      distances[i * numClasses + k] = Math.sqrt(Math.max(-logits[k], 0));
      largest = Math.max(largest, logits[k]);
    }
    let sum = 0;
    for (let k = 0; k < numClasses; k++) sum += Math.exp(logits[k] - largest);
    logDensity[i] = largest + Math.log(sum);
  });
  return {
    numClasses,
    distances,
    logDensity,
    fold: Uint8Array.from(rows, (row) => folds.logOfFold[folds.foldOfSample[row]]),
    pairDistances: folds.logs.map((log) => log.at(-1)?.centres?.pairDistances ?? []),
  };
}

/** Of sample i with a given label. */
export interface CentreNote {
  readonly givenDistance: number;
  /** The nearest centre of another class. */
  readonly nearestOther: number;
  readonly otherDistance: number;
  /** Energy of the pair of these two centres: above its minimum −4/27 they are not at rest. */
  readonly pairEnergy: number;
  readonly logDensity: number;
}

export function centreNoteOf(evidence: CentreEvidence, i: number, given: number): CentreNote {
  const { numClasses, distances, logDensity, pairDistances, fold } = evidence;
  const own = distances.subarray(i * numClasses, (i + 1) * numClasses);
  let nearest = given === 0 ? 1 : 0;
  for (let k = 0; k < numClasses; k++) if (k !== given && own[k] < own[nearest]) nearest = k;
  const [low, high] = given < nearest ? [given, nearest] : [nearest, given];
  const pair = (low * (2 * numClasses - low - 1)) / 2 + (high - low - 1); // place of (low, high) among i < j in order
  return {
    givenDistance: own[given],
    nearestOther: nearest,
    otherDistance: own[nearest],
    pairEnergy: pairPotential(pairDistances[fold[i]][pair]).energy,
    logDensity: logDensity[i],
  };
}
