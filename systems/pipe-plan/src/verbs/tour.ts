/** tour: SD 2.1 on eight devices planned, filled and compared with every rival; then a mini model really run on two
 *  workers. Checks that filling does every frozen sample once in idle time, and that it leaves the loss as it was. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { presetCluster } from '../cluster.ts';
import { measureMini } from '../execute/measure.ts';
import { MINI } from '../execute/mini-model.ts';
import { checkFill } from '../fill/check-fill.ts';
import { createFrozenWork } from '../fill/frozen-work.ts';
import { presetModel } from '../models/presets.ts';
import { idleSlotsPerStage } from '../pipeline/simulation.ts';
import { comparisonBlocks, planTimelines } from '../report.ts';
import { comparePlans } from '../rivals/compare.ts';
import { simulatePlan } from '../search/filled-plan.ts';
import { measuredBlocks, measuredValue, noiseNote, sameLosses } from './run.ts';

const NUM_DEVICES = 8;
const BATCH = 64;

export async function run(_params: unknown, context: VerbContext): Promise<VerbResult> {
  const model = presetModel('sd21');
  const cluster = presetCluster('workstation', NUM_DEVICES);
  const comparison = comparePlans(
    model,
    cluster,
    { batch: BATCH, fill: 'perDevice', signal: context.signal },
    (phase) => context.progress({ phase }),
  );
  const { best, rows } = comparison;
  const work = createFrozenWork(model.frozen);
  const problems = checkFill(work, best.fill, idleSlotsPerStage(simulatePlan(best)), BATCH / best.numGroups);
  const rivals = rows.filter(({ method }) => !method.startsWith('ours') && !method.startsWith('cached'));
  const rival = rivals.reduce((a, b) => (b.iterationMs < a.iterationMs ? b : a));
  const measured = await measureMini({
    config: { ...MINI, channels: [24, 48], encoderChannels: 56, seed: context.seed + 1 },
    ends: [7, 11],
    batch: 8,
    numMicroBatches: 2,
    numRuns: 3,
    numIterations: 5,
    onStep: (phase) => context.progress({ phase: `mini model: ${phase}` }),
  });
  const mini = measuredValue(measured);
  const isSound = problems.length === 0 && sameLosses(measured) && rival.iterationMs >= best.iterationMs;
  const { gain } = mini;
  return {
    ok: isSound,
    value: {
      iterationMs: best.iterationMs,
      rivalMs: rival.iterationMs,
      rival: rival.method,
      bubble: best.filledBubbleRatio,
      mini,
    },
    report: {
      title: 'Stable Diffusion 2.1 on eight devices, and a mini model on two workers',
      verdict: {
        tone: isSound ? 'good' : 'bad',
        text: isSound
          ? `Planned: ${best.iterationMs.toFixed(1)} ms an iteration against ${rival.iterationMs.toFixed(1)} ms of ${rival.method}; really run: frozen work in the bubbles took ${mini.filled.quartilesMs[1].toFixed(1)} ms, before the pipeline ${mini.plain.quartilesMs[1].toFixed(1)} ms, with the same loss (${gain.toFixed(2)} times; predicted ${mini.predictedGain.toFixed(2)}).${noiseNote(mini)}`
          : `A check failed: ${problems[0] ?? (sameLosses(measured) ? `${rival.method} is faster` : 'filling changed the loss')}.`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'planned iteration', value: best.iterationMs, unit: 'ms', digits: 1 },
            { label: `faster than ${rival.method}`, value: rival.speedup, digits: 3 },
            { label: 'idle before filling', value: best.bubbleRatio, format: 'percent' },
            { label: 'idle after filling', value: best.filledBubbleRatio, format: 'percent' },
            { label: 'measured gain of filling', value: gain, digits: 3, tone: gain > 1 ? 'good' : 'warn' },
            { label: 'its prediction', value: mini.predictedGain, digits: 3 },
            { label: 'prediction off by', value: mini.filled.error, format: 'percent' },
          ],
        },
        ...comparisonBlocks(comparison),
        ...planTimelines(best),
        ...measuredBlocks(measured),
      ],
    },
  };
}
