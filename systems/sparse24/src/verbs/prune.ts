/** prune: a checkpoint folder in, the same folder masked out. */
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { pruneWith } from '../compare.ts';
import { criterionText, methodMeant, refuseUnread } from '../criterion.ts';
import { maskFolder, planMasks } from '../io/mask-folder.ts';
import type { CheckpointOptions } from '../methods/proxsparse.ts';
import { openModel } from '../model/open-model.ts';
import type { LearnParams } from '../params.ts';
import { reportPruned } from '../report.ts';
import { settingsFromParams } from '../settings.ts';
import { sparseError } from '../sparse-errors.ts';
import { rowsFor } from '../texts.ts';
import type { MethodName, PruneOutcome } from '../types.ts';

interface PruneParams extends LearnParams {
  readonly model: string;
  readonly output: string;
  readonly method?: MethodName | undefined;
  readonly checkpoint?: string | undefined;
  readonly resume: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export async function run(params: PruneParams, context: VerbContext): Promise<VerbResult> {
  const folder = resolve(context.workingFolder, params.model);
  const output = resolve(context.workingFolder, params.output);
  const method = params.method ?? methodMeant(params);
  refuseUnread([method], params);
  if (method.endsWith('-update')) {
    throw sparseError('TF-SPARSE-005', {
      subject: 'prune',
      expected: 'a method that leaves kept weights alone',
      actual: method,
      hints: ['Use `compare` to see it beside the others.'],
    });
  }
  if (params.checkpoint !== undefined && !method.startsWith('proxsparse')) {
    throw sparseError('TF-SPARSE-005', {
      subject: 'prune',
      expected: '--checkpoint with a method that has one (proxsparse, proxsparse+maskllm)',
      actual: method,
    });
  }
  const checkpoint = checkpointOf({ ...params, method }, context);
  // Before minutes of learning: the folder, its shapes and the output.
  const plan = await planMasks(folder, output, { force: params.force });
  const outcome =
    method === 'magnitude' ? undefined : await learnMasks(folder, params, { method, context, ...checkpoint });
  const written = params.dryRun
    ? plan
    : await maskFolder(folder, output, {
        ...(outcome ? { masks: outcome.masks } : {}),
        force: params.force,
        metadata: { method, seed: String(context.seed) },
        signal: context.signal,
        onTensor: (done, total, name) => context.progress({ phase: 'masking', done, total, note: name }),
      });
  const criterion = criterionText(method, params.model);
  return {
    ok: true,
    value: {
      output,
      ...written,
      method,
      criterion,
      sparseShare: outcome?.sparseShare ?? null,
      warnings: outcome?.warnings ?? [],
    },
    report: reportPruned({
      method,
      criterion,
      output,
      ...written,
      isWritten: !params.dryRun,
      warnings: outcome?.warnings ?? [],
    }),
  };
}

async function learnMasks(
  folder: string,
  params: PruneParams,
  { method, context, checkpoint }: { method: MethodName; context: VerbContext; checkpoint?: CheckpointOptions },
): Promise<PruneOutcome> {
  context.progress({ phase: 'loading the model' });
  const model = await openModel(folder);
  const calibration = await rowsFor(
    model,
    {
      ...(params.text === undefined ? {} : { file: params.text }),
      numRows: params.rows,
      context: params.context,
      purpose: 'calibration',
    },
    context,
  );
  return pruneWith(method, {
    model,
    calibration,
    settings: settingsFromParams(model, params),
    rng: context.rng,
    clock: context.clock,
    signal: context.signal,
    onProgress: (phase, done, total) => context.progress({ phase, done, total }),
    onMetric: context.metric,
    ...(checkpoint ? { checkpoint } : {}),
  });
}

/** A checkpoint belongs to the run with these settings, this text and this seed; paths are not part of it. */
function checkpointOf(params: PruneParams, context: VerbContext): { checkpoint?: CheckpointOptions } {
  if (params.checkpoint === undefined) {
    if (!params.resume) return {};
    throw sparseError('TF-SPARSE-005', {
      subject: 'prune',
      expected: '--checkpoint FILE with --resume',
      actual: 'no file',
    });
  }
  const { output: _output, force: _force, dryRun: _dryRun, checkpoint, resume, ...settings } = params;
  return {
    checkpoint: {
      path: resolve(context.workingFolder, checkpoint),
      key: JSON.stringify({ ...settings, seed: context.seed }),
      resumes: resume,
    },
  };
}
