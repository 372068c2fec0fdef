/** Running onnxruntime-node without its copy of the outputs.
 *
 *  The binding writes preallocated outputs in place and then copies each of them into a fresh ArrayBuffer that nobody
 *  wants: for 64 MiB that is 190 ms instead of 10. It converts outputs in order and refuses a sequence before it touches
 *  the tensors behind it; so the model's first output is one (engine/engine-bytes.ts) and its refusal means "done".
 *  Whether the installed binding behaves so is tried out once per process on a tiny graph; if not, outputs are copied. */
import type * as Ort from 'onnxruntime-common';
import type { Graph } from '../../graph/index.ts';
import { DONE_OUTPUT, engineBytes } from '../engine/engine-bytes.ts';
import type { OrtApi } from '../engine/node-runtime.ts';

/** The binding's refusal of an output that is no tensor. */
const REFUSAL = 'Non tensor type';

let tried: Promise<boolean> | undefined;

/** Runs into preallocated tensors; what the call would return is not looked at. */
export async function runSilently(
  session: Ort.InferenceSession,
  feeds: Readonly<Record<string, Ort.Tensor>>,
  fetches: Readonly<Record<string, Ort.Tensor | null>>,
): Promise<void> {
  try {
    await session.run(feeds, { [DONE_OUTPUT]: null, ...fetches });
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes(REFUSAL)) throw error;
  }
}

/** True if silent runs work with the installed binding. */
export function canRunSilently(ort: OrtApi): Promise<boolean> {
  tried ??= tryOut(ort).catch(() => false);
  return tried;
}

const PROBE: Graph = {
  name: 'probe',
  values: [
    { id: 0, name: 'x', dtype: 'float32', shape: [2] },
    { id: 1, name: 'y', dtype: 'float32', shape: [2] },
  ],
  nodes: [
    {
      name: 'y',
      op: 'Neg',
      inputs: [0],
      outputs: [1],
      attributes: {},
      notes: { module: '', phase: 'forward', role: 'none' },
    },
  ],
  inputs: [0],
  outputs: [1],
  states: [],
  initializers: new Map(),
};

async function tryOut(ort: OrtApi): Promise<boolean> {
  const session = await ort.InferenceSession.create(engineBytes(PROBE, { doneSignal: true }), { intraOpNumThreads: 1 });
  const x = new ort.Tensor('float32', Float32Array.of(1, -2), [2]);
  const y = new ort.Tensor('float32', Float32Array.of(Number.NaN, Number.NaN), [2]);
  let isRefused = false;
  try {
    await session.run({ x }, { [DONE_OUTPUT]: null, y });
  } catch (error) {
    isRefused = error instanceof Error && error.message.includes(REFUSAL);
  }
  await session.release();
  return isRefused && y.data[0] === -1 && y.data[1] === 2;
}
