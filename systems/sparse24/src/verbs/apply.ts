/** apply: a mask file over its base model. */
import { resolve } from 'node:path';
import { openSafetensors } from '@tenfold/core/data';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { fingerprintOf } from '../io/fingerprint.ts';
import { maskFolder, planMasks } from '../io/mask-folder.ts';
import { readMaskFile } from '../io/mask-file.ts';
import { reportPruned } from '../report.ts';

interface ApplyParams {
  readonly model: string;
  readonly mask: string;
  readonly output: string;
  readonly anyBase: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export async function run(params: ApplyParams, context: VerbContext): Promise<VerbResult> {
  const [folder, mask, output] = [params.model, params.mask, params.output].map((path) =>
    resolve(context.workingFolder, path),
  ) as [string, string, string];
  const reader = await openSafetensors(folder);
  const masks = await readMaskFile(mask, {
    shapeOf: (name) => reader.entries.get(name)?.shape,
    ...(params.anyBase ? {} : { base: await fingerprintOf(folder) }),
  });
  await reader.close();
  const written = params.dryRun
    ? await planMasks(folder, output, { masks, force: params.force })
    : await maskFolder(folder, output, { masks, force: params.force, signal: context.signal });
  return {
    ok: true,
    value: { output, ...written },
    report: reportPruned({ method: 'a mask file', output, ...written, isWritten: !params.dryRun, warnings: [] }),
  };
}
