/** Updates of one round: source samples and the target tokens of the plan, mixed at random. */
import { createRng } from '@tenfold/core/base';
import { confidentLabels } from '../selection.ts';
import type { Features } from '../types.ts';
import { strengthen } from './augment.ts';
import type { StrongView } from './augment.ts';
import type { Network, TrainingRows } from './network.ts';
import { portionOf } from './options.ts';
import type { SelfTrainingOptions } from './options.ts';
import type { TargetPlan } from './plans.ts';

/** Updates between two looks at the target in the FixMatch-style baseline. */
const FIXMATCH_STEPS = 20;
/** Of a round, however few samples there are; a picture is many samples. */
const MIN_STEPS = 30;

/** The number of updates depends on the schedule alone: every method has the same budget. */
export async function retrain(
  network: Network,
  data: { readonly training: TrainingRows; readonly target: Features; readonly view: StrongView },
  options: SelfTrainingOptions,
  { round, plan }: { readonly round: number; readonly plan: TargetPlan },
): Promise<void> {
  const { training, target, view } = data;
  const numSource = training.x.numRows;
  const samplesPerEpoch = numSource + portionOf(options, round) * target.numRows;
  const numSteps = Math.max(
    network.numTokens > 1 ? 1 : MIN_STEPS,
    Math.floor((options.epochsPerRound * samplesPerEpoch) / network.batchSize),
  );
  const purpose = `round ${round}`;
  const union = (chosen: TargetPlan) => unionRows(training, target, chosen, network.numTokens);
  if (options.method !== 'fixmatch') {
    await network.train(union(plan), numSteps, { purpose });
    return;
  }
  const rng = createRng(options.seed, `strengthen/${round}`);
  const { width } = target;
  for (let done = 0; done < numSteps; done += FIXMATCH_STEPS) {
    const labels = confidentLabels((await network.predict(target)).probabilities, options.threshold);
    const rows = union({ ...labels, weight: Float32Array.from(labels.accepted) });
    await network.train(rows, Math.min(FIXMATCH_STEPS, numSteps - done), {
      purpose: `${purpose}/${done}`,
      alter(x, chosen) {
        chosen.forEach((row, i) => {
          if (row >= numSource) strengthen(x.subarray(i * width, (i + 1) * width), rng, view);
        });
      },
    });
  }
}

/** Source samples, then the target samples with a token that the plan uses. */
function unionRows(training: TrainingRows, target: Features, plan: TargetPlan, numTokens: number): TrainingRows {
  const numClasses = training.y.length / training.weight.length;
  const numSource = training.x.numRows;
  const isUsed = (token: number) => plan.accepted[token] === 1 || (plan.entropy?.[token] ?? 0) > 0;
  const used: number[] = [];
  for (let n = 0; n < target.numRows; n++) {
    for (let token = n * numTokens; token < (n + 1) * numTokens; token++) {
      if (!isUsed(token)) continue;
      used.push(n);
      break;
    }
  }
  const { width } = target;
  const numRows = numSource + used.length;
  const data = new Float32Array(numRows * width);
  data.set(training.x.data);
  const y = new Float32Array(numRows * numTokens * numClasses);
  y.set(training.y);
  const weight = new Float32Array(numRows * numTokens);
  weight.set(training.weight);
  const [uniform, entropy] = [new Float32Array(weight.length), new Float32Array(weight.length)];
  used.forEach((n, i) => {
    data.set(target.data.subarray(n * width, (n + 1) * width), (numSource + i) * width);
    const [from, to] = [n * numTokens, (numSource + i) * numTokens];
    y.set(plan.soft.subarray(from * numClasses, (from + numTokens) * numClasses), to * numClasses);
    weight.set(plan.weight.subarray(from, from + numTokens), to);
    if (plan.uniform) uniform.set(plan.uniform.subarray(from, from + numTokens), to);
    if (plan.entropy) entropy.set(plan.entropy.subarray(from, from + numTokens), to);
  });
  return { x: { numRows, width, data }, y, weight, uniform, entropy };
}
