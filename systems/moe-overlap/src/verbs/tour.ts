/** tour: GPT2-S-MoE planned on 16 simulated devices; then a small block on two workers for real. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { partCostsOf } from '../device-costs.ts';
import { loadDevice } from '../device-library.ts';
import { withTimes } from '../device-costs.ts';
import { dwMatchings } from '../dw-matching.ts';
import { measureBlock } from '../exec/measured-run.ts';
import { gptMoe, GPT2_S_MOE } from '../gpt-moe.ts';
import { measuredBlocks, measuredMode, measuredValue } from '../measured-report.ts';
import { optimise } from '../plan.ts';
import { exposedRatio, modeRows, tableOfModes, timelineOf } from '../report.ts';

interface TourParams {
  readonly rounds: number;
}

const NUM_DEVICES = 16;
const RATIO = 1.5;

export async function run({ rounds }: TourParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'planning GPT2-S-MoE' });
  const device = await loadDevice({ dataFolder: context.dataFolder, numDevices: NUM_DEVICES });
  const graph = withTimes(gptMoe({ ...GPT2_S_MOE, numDevices: NUM_DEVICES }), device);
  const startMs = context.clock.nowMs();
  const optimised = await optimise(graph, {
    costs: partCostsOf(device),
    slowdown: { compute: device.computeSlowdown, comm: device.commSlowdown },
    signal: context.signal,
  });
  const optimiseMs = context.clock.nowMs() - startMs;
  const { plans, accepted } = optimised;
  const measured = await measureBlock({
    seed: context.seed,
    ratio: RATIO,
    rounds,
    signal: context.signal,
    onProgress: (phase) => context.progress({ phase: `two workers: ${phase}` }),
  });
  const isEqual = measured.modes.every(({ isBitEqual }) => isBitEqual);
  const isFaster = plans[accepted].simulation.makespanMs < plans.none.simulation.makespanMs;
  const speedUp = plans.none.simulation.makespanMs / plans[accepted].simulation.makespanMs;
  const [none, both] = [measuredMode(measured, 'none'), measuredMode(measured, 'both')];
  const ok = isEqual && isFaster;
  return {
    ok,
    value: {
      planned: {
        accepted,
        speedUp,
        exposedRatio: exposedRatio(optimised),
        optimiseMs,
        matching: await dwMatchings(graph, plans.exact.dw!),
        modes: modeRows(optimised),
        origin: device.origin,
      },
      measured: measuredValue(measured),
    },
    report: {
      title: 'Tour: all-to-all behind compute',
      verdict: ok
        ? {
            tone: 'good',
            text:
              `GPT2-S-MoE on ${NUM_DEVICES} devices: predicted ${speedUp.toFixed(2)}× faster, ${(100 * exposedRatio(optimised)).toFixed(0)} % of the exposed ` +
              `communication left. On two workers every mode gives the same bits; exposed ${none.exposedMs.toFixed(1)} → ${both.exposedMs.toFixed(1)} ms.`,
          }
        : { tone: 'bad', text: isEqual ? 'No plan is faster than the written order.' : 'A mode changed the result.' },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'predicted speed-up', value: speedUp, unit: '×', format: 'number', digits: 2 },
            { label: 'exposed communication left', value: exposedRatio(optimised), format: 'percent', digits: 0 },
            { label: 'gradients equal bit for bit', value: measured.numGradients, format: 'count' },
          ],
        },
        { kind: 'heading', text: `Planned: 12 layers, ${NUM_DEVICES} devices` },
        { kind: 'text', text: `Costs: ${device.name}. ${device.origin}.` },
        tableOfModes(optimised),
        timelineOf(plans.none, 'before'),
        timelineOf(plans[accepted], 'after'),
        { kind: 'heading', text: 'Run: three layers, two workers' },
        ...measuredBlocks(measured),
      ],
    },
  };
}
