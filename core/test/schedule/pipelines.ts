/** Programs that several tests of core/schedule build. */
import { createProgramBuilder, type Program } from '../../src/schedule/index.ts';

/** A range of alternating compute (even index + offset) and communication stages, split in k parts: within a stage
 *  part by part, each part after the same part of the stage before. */
export function stageList(timesMs: readonly number[], numParts: number, overheadMs = 0, kindOffset = 0): Program {
  const builder = createProgramBuilder();
  const lanes = [
    builder.addResource({ name: 'compute', device: 'gpu' }),
    builder.addResource({ name: 'link', device: 'gpu', kind: 'communication' }),
  ];
  timesMs.forEach((timeMs, stage) => {
    for (let part = 0; part < numParts; part++) {
      builder.addOp({
        name: `stage ${stage} part ${part}`,
        on: lanes[(stage + kindOffset) % 2]!,
        durationMs: timeMs / numParts + (numParts > 1 ? overheadMs : 0),
        after: stage === 0 ? [] : [(stage - 1) * numParts + part],
      });
    }
  });
  return builder.build();
}

/** One-forward-one-backward pipeline without communication, textbook warm-up (S − s − 1 forwards). */
export function oneForwardOneBackward(
  numStages: number,
  numMicroBatches: number,
  forwardMs: number,
  backwardMs: number,
): Program {
  const builder = createProgramBuilder();
  const id = new Map<string, number>();
  const keys: { key: string; stage: number; microBatch: number }[] = [];
  for (let stage = 0; stage < numStages; stage++) {
    const device = builder.addResource({ name: `device ${stage}` });
    const add = (direction: 'F' | 'B', microBatch: number): void => {
      const key = `${direction}${stage}.${microBatch}`;
      id.set(key, builder.addOp({ name: key, on: device, durationMs: direction === 'F' ? forwardMs : backwardMs }));
      keys.push({ key, stage, microBatch });
    };
    const numWarmUp = Math.min(numMicroBatches, numStages - stage - 1);
    for (let m = 0; m < numWarmUp; m++) add('F', m);
    for (let m = numWarmUp; m < numMicroBatches; m++) {
      add('F', m);
      add('B', m - numWarmUp);
    }
    for (let m = numMicroBatches - numWarmUp; m < numMicroBatches; m++) add('B', m);
  }
  for (const { key, stage, microBatch } of keys) {
    const op = id.get(key)!;
    if (key.startsWith('F') && stage > 0) builder.addDependency(op, id.get(`F${stage - 1}.${microBatch}`)!);
    if (key.startsWith('B') && stage < numStages - 1) builder.addDependency(op, id.get(`B${stage + 1}.${microBatch}`)!);
    if (key.startsWith('B')) builder.addDependency(op, id.get(`F${stage}.${microBatch}`)!);
  }
  return builder.build();
}
