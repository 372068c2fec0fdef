/** Who runs the parts of a phase: this thread, or worker threads that share the buffers. Both give the same bits. */
import { Worker } from 'node:worker_threads';
import { runPhase, type Phase, type StepBuffers, type StepOrder } from './step-state.ts';

export interface StepCrew extends AsyncDisposable {
  readonly numParts: number;
  /** Buffers of the following phases. */
  use(buffers: StepBuffers): void;
  /** Order of the following phases. */
  begin(order: StepOrder): void;
  /** Runs all parts. @returns the sum of their answers in the order of parts */
  run(phase: Phase): Promise<number>;
}

export type CrewMessage =
  | { readonly kind: 'buffers'; readonly buffers: StepBuffers }
  | { readonly kind: 'order'; readonly order: StepOrder }
  | { readonly kind: 'phase'; readonly phase: Phase };

/** @param numThreads  1 works in this thread @param numParts  default the threads; fixes the bits of the result */
export function createStepCrew(numThreads: number, numParts = numThreads): StepCrew {
  return numThreads <= 1 ? createLocalCrew(numParts) : createWorkerCrew(numParts);
}

function createLocalCrew(numParts: number): StepCrew {
  let buffers: StepBuffers;
  let order: StepOrder;
  return {
    numParts,
    use: (next) => void (buffers = next),
    begin: (next) => void (order = next),
    run(phase) {
      let sum = 0;
      for (let part = 0; part < numParts; part++) sum += runPhase(phase, buffers, order, part, numParts);
      return Promise.resolve(sum);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function createWorkerCrew(numParts: number): StepCrew {
  const answers = new Float64Array(numParts);
  let numMissing = 0;
  let settle: ((sum: number) => void) | undefined;
  let fail: ((cause: unknown) => void) | undefined;
  const workers = Array.from({ length: numParts }, (_, part) => {
    const worker = new Worker(new URL('./step-worker.ts', import.meta.url), { workerData: { part, numParts } });
    worker.on('message', (answer: number) => {
      answers[part] = answer;
      numMissing--;
      if (numMissing === 0) settle?.(answers.reduce((sum, value) => sum + value, 0));
    });
    worker.on('error', (cause) => fail?.(cause));
    return worker;
  });
  const tell = (message: CrewMessage) => {
    for (const worker of workers) worker.postMessage(message);
  };
  return {
    numParts,
    use: (buffers) => tell({ kind: 'buffers', buffers }),
    begin: (order) => tell({ kind: 'order', order }),
    run(phase) {
      return new Promise((resolve, reject) => {
        numMissing = numParts;
        settle = resolve;
        fail = reject;
        tell({ kind: 'phase', phase });
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
