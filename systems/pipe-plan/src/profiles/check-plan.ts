/** The static check of a plan before anything runs: stages, ranks, instructions, frozen work, a replay, memory. */
import { createProgramBuilder, simulate } from '@tenfold/core/schedule';
import type { DeviceProgram } from './device-program.ts';
import type { PlanFile } from './plan-json.ts';

/** @returns sentences about what is wrong, none if the plan can run */
export function checkPlanFile(plan: PlanFile, expected: { readonly numDevices?: number | undefined } = {}): string[] {
  const problems = [
    ...checkShape(plan, expected.numDevices),
    ...plan.devices.flatMap((device) => checkWords(plan, device)),
  ];
  if (problems.length > 0) return problems;
  problems.push(...checkFrozenJobs(plan), ...replay(plan));
  const { peakBytes, memoryBytes } = plan.predicted;
  if (peakBytes > memoryBytes)
    problems.push(
      `needs ${(peakBytes / 2 ** 30).toFixed(2)} GiB per device, over the cap of ${(memoryBytes / 2 ** 30).toFixed(2)} GiB`,
    );
  return problems;
}

function checkShape(
  { numDevices, numGroups, groupDevices, stages, devices, layers }: PlanFile,
  asked?: number,
): string[] {
  const problems: string[] = [];
  if (asked !== undefined && asked !== numDevices) problems.push(`made for ${numDevices} devices, not ${asked}`);
  if (numGroups * groupDevices !== numDevices)
    problems.push(`${numGroups} groups of ${groupDevices} devices are not ${numDevices} devices`);
  stages.forEach(({ start, end }, index) => {
    const before = stages[index - 1]?.end ?? 0;
    if (start !== before || !(end > start))
      problems.push(`stage ${index} is [${start}, ${end}), expected to start at layer ${before}`);
  });
  if (stages.at(-1)?.end !== layers.length)
    problems.push(`the last stage ends at layer ${stages.at(-1)?.end}, expected ${layers.length}`);
  const ranks = stages.flatMap((stage) => stage.ranks.flat());
  if (new Set(ranks).size !== ranks.length || ranks.length !== numDevices)
    problems.push(`${ranks.length} ranks for ${numDevices} devices, or a rank twice`);
  const numReplicas = stages.reduce((sum, { replicas }) => sum + replicas, 0);
  if (devices.length !== numReplicas) problems.push(`${devices.length} device programs for ${numReplicas} replicas`);
  return problems;
}

function checkWords(plan: PlanFile, { stage, replica, words, frozen }: DeviceProgram): string[] {
  const where = `stage ${stage} replica ${replica}`;
  const wanted = new Set<string>();
  for (let micro = 0; micro < plan.numMicroBatches; micro++) {
    wanted.add(`F${micro}`).add(`B${micro}`);
    if (plan.selfConditioning !== undefined) wanted.add(`P${micro}`);
  }
  frozen.forEach((_, index) => wanted.add(`Z${index}`));
  const problems: string[] = [];
  for (const word of words) if (!wanted.delete(word)) problems.push(`${where}: "${word}" is unknown or stands twice`);
  if (wanted.size > 0) problems.push(`${where}: ${[...wanted].slice(0, 4).join(', ')} never run`);
  return problems;
}

/** Every sample of every frozen layer once, after what it needs on its device. */
function checkFrozenJobs({ devices, components, batch, numGroups, keepsSamplesInPlace }: PlanFile): string[] {
  const problems: string[] = [];
  const groupBatch = batch / numGroups;
  const done = new Map<string, number>();
  for (const { stage, replica, words, frozen } of devices) {
    const here = new Set<string>();
    for (const word of words) {
      if (word[0] !== 'Z') continue;
      const { component, layer, start, count } = frozen[Number(word.slice(1))]!;
      const known = components.find(({ id }) => id === component);
      if (!known || layer >= known.numLayers) {
        problems.push(`frozen layer ${component}.${layer} is not in the plan's components`);
        continue;
      }
      for (let sample = start; sample < start + count; sample++) {
        const key = `${component}.${layer} of sample ${sample}`;
        done.set(key, (done.get(key) ?? 0) + 1);
        here.add(key);
        if (keepsSamplesInPlace && layer > 0 && !here.has(`${component}.${layer - 1} of sample ${sample}`))
          problems.push(`stage ${stage} replica ${replica}: ${key} runs before layer ${layer - 1}`);
      }
    }
  }
  for (const { id, numLayers } of components)
    for (let layer = 0; layer < numLayers; layer++)
      for (let sample = 0; sample < groupBatch; sample++) {
        const times = done.get(`${id}.${layer} of sample ${sample}`) ?? 0;
        if (times !== 1) problems.push(`${id}.${layer} of sample ${sample} runs ${times} times`);
      }
  return problems.slice(0, MOST_PROBLEMS);
}

const MOST_PROBLEMS = 20;

/** Replays replica 0 of every stage: a deadlock is a circle of waiting operations. */
function replay({ devices, numMicroBatches, stages, selfConditioning }: PlanFile): string[] {
  const builder = createProgramBuilder();
  const ops = new Map<string, number>();
  for (const { stage, words } of devices.filter(({ replica }) => replica === 0)) {
    const resource = builder.addResource({ name: `stage ${stage}` });
    for (const word of words)
      ops.set(`${word} ${stage}`, builder.addOp({ name: `${word} of stage ${stage}`, on: resource, durationMs: 1 }));
  }
  const need = (word: string, stage: number, before: string, beforeStage: number): void =>
    builder.addDependency(ops.get(`${word} ${stage}`)!, ops.get(`${before} ${beforeStage}`)!);
  const last = stages.length - 1;
  for (let micro = 0; micro < numMicroBatches; micro++)
    for (let stage = 0; stage <= last; stage++) {
      if (stage > 0) need(`F${micro}`, stage, `F${micro}`, stage - 1);
      need(`B${micro}`, stage, `F${micro}`, stage);
      if (stage < last) need(`B${micro}`, stage, `B${micro}`, stage + 1);
      if (selfConditioning === undefined) continue;
      if (stage > 0) need(`P${micro}`, stage, `P${micro}`, stage - 1);
      else need(`F${micro}`, 0, `P${micro}`, last);
    }
  try {
    simulate(builder.build());
    return [];
  } catch (cause) {
    return [`the order deadlocks: ${(cause as Error).message}`];
  }
}
