/** run: the block on two workers, mode by mode. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { measureBlock } from '../exec/measured-run.ts';
import { measuredValue, reportMeasured } from '../measured-report.ts';

interface RunParams {
  readonly rounds: number;
  readonly ratio: number;
}

export async function run({ rounds, ratio }: RunParams, context: VerbContext): Promise<VerbResult> {
  const measured = await measureBlock({
    seed: context.seed,
    ratio,
    rounds,
    signal: context.signal,
    onProgress: (phase) => context.progress({ phase }),
  });
  const isEqual = measured.modes.every(({ isBitEqual }) => isBitEqual);
  return { ok: isEqual, value: measuredValue(measured), report: reportMeasured(measured) };
}
