/** The worker thread of openMipSolver. */
import { parentPort } from 'node:worker_threads';
import { runHighs, type MipOptions } from './highs-run.ts';
import type { MipModel } from './mip-model.ts';

interface Task {
  readonly id: number;
  readonly model: MipModel;
  readonly options: MipOptions;
}

parentPort!.on('message', (task: Task) => void solve(task));

async function solve({ id, model, options }: Task): Promise<void> {
  try {
    parentPort!.postMessage({ id, solution: await runHighs(model, options) });
  } catch (error) {
    parentPort!.postMessage({ id, failure: error instanceof Error ? error.message : String(error) });
  }
}
