/** ProxSparse from first step to mask, with checkpoints on the way. */
import { existsSync, rmSync } from 'node:fs';
import { loadCheckpoint } from '@tenfold/core/nn';
import { openProxRun, type ProxPoint, type ProxSnapshot, type ProxSparseOptions } from './prox-run.ts';
import { sparseError } from '../sparse-errors.ts';
import type { LoadedModel, PruneOutcome } from '../types.ts';

export interface CheckpointOptions {
  /** File to write. */
  readonly path: string;
  /** What the run is: settings, model, text, seed. A checkpoint with another key is refused. */
  readonly key: string;
  /** Go on from the file if it exists. */
  readonly resumes: boolean;
}

const CHECKPOINTS_PER_RUN = 10;

/** @param rows  token rows of one length
 *  @throws TF-SPARSE-005, 009; TF-SPARSE-012 on a checkpoint of another run */
export async function proxSparse(
  model: LoadedModel,
  rows: readonly (readonly number[])[],
  options: ProxSparseOptions & {
    readonly checkpoint?: CheckpointOptions;
    readonly signal?: AbortSignal;
    readonly onStep?: (point: ProxPoint) => void;
  },
): Promise<PruneOutcome> {
  const { checkpoint, signal, onStep, ...settings } = options;
  const from = checkpoint?.resumes && existsSync(checkpoint.path) ? await readSnapshot(checkpoint) : undefined;
  await using run = await openProxRun(model, rows, { ...settings, ...(from ? { from } : {}) });
  const stride = checkpoint ? Math.max(1, Math.ceil(settings.steps / CHECKPOINTS_PER_RUN)) : settings.steps;
  while (run.step < settings.steps) {
    try {
      await run.advance((Math.floor(run.step / stride) + 1) * stride, {
        ...(signal ? { signal } : {}),
        ...(onStep ? { onStep } : {}),
      });
    } catch (error) {
      // An interrupt falls between two steps: what was learned so far is kept.
      if (checkpoint && signal?.aborted && run.step > 0) await run.save(checkpoint.path, { key: checkpoint.key });
      throw error;
    }
    if (checkpoint && run.step < settings.steps) await run.save(checkpoint.path, { key: checkpoint.key });
  }
  if (checkpoint) rmSync(checkpoint.path, { force: true });
  return await run.outcome();
}

async function readSnapshot({ path, key }: CheckpointOptions): Promise<ProxSnapshot> {
  const { states, step, metadata } = await loadCheckpoint(path);
  if (metadata['key'] !== key) {
    throw sparseError('TF-SPARSE-012', {
      subject: 'proxsparse',
      expected: `a checkpoint of ${key}`,
      actual: metadata['key'] ?? 'a checkpoint without a key',
      location: path,
    });
  }
  return {
    step,
    states,
    history: JSON.parse(metadata['history'] ?? '[]') as ProxPoint[],
    warnings: JSON.parse(metadata['warnings'] ?? '[]') as string[],
  };
}
