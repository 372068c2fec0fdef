/** What every device of a pipeline group runs, in order: `F3` forward of micro-batch 3, `B3` backward, `P3` the extra
 *  forward pass of self-conditioning, `Z7` item 7 of the device's frozen list (for the next iteration). */
import type { PipelineSimulation } from '../pipeline/simulation.ts';
import type { FrozenSpan, Stage } from '../types.ts';

export interface FrozenJob {
  readonly component: string;
  readonly layer: number;
  /** Samples [start, start + count) of the group batch. */
  readonly start: number;
  readonly count: number;
}

export interface DeviceProgram {
  readonly stage: number;
  readonly replica: number;
  readonly words: readonly string[];
  readonly frozen: readonly FrozenJob[];
}

interface TimedWord {
  readonly startMs: number;
  readonly word: string;
}

export function devicePrograms(
  stages: readonly Stage[],
  run: PipelineSimulation,
  spans: readonly FrozenSpan[],
): DeviceProgram[] {
  return stages.flatMap(({ replicas }, stage) => {
    const pipeline = stageWords(run, stage);
    return Array.from({ length: replicas }, (_, replica): DeviceProgram => {
      const own = spans
        .flatMap((span) => {
          const job = jobOfDevice(stages, span, stage, replica);
          return job ? [{ startMs: span.startMs, job }] : [];
        })
        .toSorted((a, b) => a.startMs - b.startMs);
      // Idle time ends where the next operation starts, so a frozen job that starts with one runs before it.
      const words = [...own.map(({ startMs }, index): TimedWord => ({ startMs, word: `Z${index}` })), ...pipeline];
      words.sort((a, b) => a.startMs - b.startMs);
      return { stage, replica, words: words.map(({ word }) => word), frozen: own.map(({ job }) => job) };
    });
  });
}

/** Pipeline words of a stage in the order of the simulation. */
export function stageWords({ simulation, pipeline }: PipelineSimulation, stage: number): TimedWord[] {
  const { program, startMs } = simulation;
  const words: TimedWord[] = [];
  for (let op = 0; op < program.numOps; op++) {
    const match = OPERATION.exec(program.opNames[op]!);
    if (match && program.resourceIds[program.resourceStarts[op]!] === pipeline.computeOf[stage])
      words.push({ startMs: startMs[op]!, word: `${match[1]!}${match[2]!}` });
  }
  return words.toSorted((a, b) => a.startMs - b.startMs);
}

const OPERATION = /^([FBP])\d+\.(\d+)$/;

/** A span over several devices deals its samples to them in order; the last may get fewer, or none. */
function jobOfDevice(
  stages: readonly Stage[],
  span: FrozenSpan,
  stage: number,
  replica: number,
): FrozenJob | undefined {
  const { component, layer, sampleStart, samples, samplesPerDevice } = span;
  if (!span.stages.includes(stage) || (span.replica !== undefined && span.replica !== replica)) return undefined;
  let place = replica;
  if (span.replica === undefined)
    for (const before of span.stages) if (before < stage) place += stages[before]!.replicas;
  if (span.replica !== undefined) place = 0;
  const start = Math.min(samples, place * samplesPerDevice);
  const count = Math.min(samples, start + samplesPerDevice) - start;
  return count > 0 ? { component, layer, start: sampleStart + start, count } : undefined;
}
