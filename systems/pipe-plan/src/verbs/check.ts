/** check: a plan file before it runs. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { checkPlanFile } from '../profiles/check-plan.ts';
import { readPlanFile } from '../profiles/plan-json.ts';
import { readTextFile } from './inputs.ts';

export async function run(
  { file, devices }: { readonly file: string; readonly devices?: number | undefined },
  context: VerbContext,
): Promise<VerbResult> {
  const plan = readPlanFile(await readTextFile(file, context, 'a plan in JSON'), file);
  const problems = checkPlanFile(plan, { numDevices: devices });
  const isSound = problems.length === 0;
  const numJobs = plan.devices.reduce((sum, { frozen }) => sum + frozen.length, 0);
  return {
    ok: isSound,
    value: { problems },
    report: {
      title: `Plan ${file}`,
      verdict: {
        tone: isSound ? 'good' : 'bad',
        text: isSound
          ? `Sound: ${plan.stages.length} stages, ${plan.numMicroBatches} micro-batches, ${numJobs} frozen jobs a group, no deadlock, within memory.`
          : `${problems.length} problem${problems.length === 1 ? '' : 's'}: ${problems[0]!}.`,
      },
      blocks: [
        ...(isSound
          ? []
          : [
              {
                kind: 'table' as const,
                caption: 'Problems',
                columns: [{ key: 'problem', label: 'problem' }],
                rows: problems.map((problem) => ({ problem })),
              },
            ]),
        ...(plan.keepsSamplesInPlace
          ? []
          : [
              {
                kind: 'callout' as const,
                tone: 'info' as const,
                title: 'Samples of frozen layers move between devices',
                text: 'The joint fillings allow it, the PyTorch runner does not. Plan with --fill perDevice to run it.',
              },
            ]),
      ],
    },
  };
}
