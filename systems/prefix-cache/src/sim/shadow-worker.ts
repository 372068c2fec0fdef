/** Thread of the continuous tuner: keeps the shadow caches and answers every request with the policy to follow. */
import { parentPort, workerData } from 'node:worker_threads';
import { AdaptivePolicy } from './adaptive.ts';
import type { ReplayOptions } from './size-cache.ts';
import type { ShadowAnswer, ShadowRequest } from './shadow-tuner.ts';

const tuner = new AdaptivePolicy(
  { symbolTokens: 1, hasOpaqueOutputs: false },
  workerData as Omit<ReplayOptions, 'policy'>,
);
let numObserved = 0;
parentPort!.on('message', ({ input, output }: ShadowRequest) => {
  const request = {
    session: 0,
    turn: 0,
    timeSec: 0,
    input,
    output,
    inputTokens: input.length,
    outputTokens: output.length,
  };
  const policy = tuner.observe(request);
  parentPort!.postMessage({ policy, standings: tuner.standings, numObserved: ++numObserved } satisfies ShadowAnswer);
});
