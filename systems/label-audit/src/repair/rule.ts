/** Which repair to trust. */
import { selectSmallest } from '../confident/select.ts';
import type { Passes } from '../passes.ts';
import type { ConfidentLearning } from '../types.ts';

export type RepairRule = 'bayes' | 'argmax' | 'given';

/** Above this estimated noise the posterior trusts a wrong noise matrix too much; measured in the specification's study. */
const BAYES_NOISE_LIMIT = 0.3;
const SUREST_SHARE = 0.1;
const CLEARLY_BETTER = 0.1;

/** Bayes below 30 % estimated noise, without a pass; else argmax if it is clearly better than the given labels; else none.
 *  Math: predictions of accuracy A agree with labels of accuracy G in a = A·G + (1 − A)(1 − G)/(K − 1) of the samples,
 *  if errors are independent and even; so a and G give A.  G is at least the agreement among the surest tenth. */
export function* repairRulePasses(
  labels: Int32Array,
  { predicted, numClasses }: ConfidentLearning,
  noiseRate: number,
): Passes<RepairRule> {
  if (noiseRate < BAYES_NOISE_LIMIT) return 'bayes';
  const sureness = new Float32Array(labels.length);
  yield ({ data, numRows }, start) => {
    for (let i = 0; i < numRows; i++) sureness[start + i] = data[i * numClasses + predicted[start + i]];
  };
  const numSurest = Math.ceil(labels.length * SUREST_SHARE);
  const cut = selectSmallest(sureness.slice(), labels.length, labels.length - numSurest);
  let numSure = 0;
  let numSureAgreeing = 0;
  let numAgreeing = 0;
  for (let i = 0; i < labels.length; i++) {
    const agrees = predicted[i] === labels[i] ? 1 : 0;
    numAgreeing += agrees;
    if (sureness[i] < cut) continue;
    numSure++;
    numSureAgreeing += agrees;
  }
  const given = Math.max(1 - noiseRate, numSureAgreeing / numSure);
  const byChance = (1 - given) / (numClasses - 1);
  const accuracy = (numAgreeing / labels.length - byChance) / Math.max(given - byChance, 1e-6);
  return accuracy > given + CLEARLY_BETTER ? 'argmax' : 'given';
}
