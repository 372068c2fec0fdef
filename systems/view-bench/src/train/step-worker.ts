/** Worker that runs its part of every phase of a training step. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CrewMessage } from './step-crew.ts';
import { runPhase, type StepBuffers, type StepOrder } from './step-state.ts';

const { part, numParts } = workerData as { readonly part: number; readonly numParts: number };
let buffers: StepBuffers;
let order: StepOrder;
parentPort!.on('message', (message: CrewMessage) => {
  if (message.kind === 'buffers') buffers = message.buffers;
  else if (message.kind === 'order') order = message.order;
  else parentPort!.postMessage(runPhase(message.phase, buffers, order, part, numParts));
});
