/** The worker thread of openMipSolver. */
import { parentPort } from 'node:worker_threads';
import { runHighs, type MipOptions } from './highs-run.ts';
import type { MipModel } from './mip-model.ts';

parentPort!.on('message', async ({ id, model, options }: { id: number; model: MipModel; options: MipOptions }) => {
  try {
    parentPort!.postMessage({ id, solution: await runHighs(model, options) });
  } catch (error) {
    parentPort!.postMessage({ id, failure: error instanceof Error ? error.message : String(error) });
  }
});
