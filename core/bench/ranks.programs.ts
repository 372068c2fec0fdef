/** Rank programs of the ranks bench. */
import type { Graph } from '../src/graph/index.ts';
import { openRankSession, type RankContext } from '../src/ranks/index.ts';
import { openBackend } from '../src/runtime/index.ts';
import { createTensor, type Tensor } from '../src/tensor/index.ts';

/** All-reduces in place, timed on the slowest rank. @returns ms per round */
export function timeAllReduce(
  { rank, allReduce, barrier, nowMs }: RankContext,
  { numElements, rounds }: { numElements: number; rounds: number },
): number[] {
  const tensor = createTensor('float32', [numElements]);
  tensor.data.fill(rank + 1);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    barrier().wait();
    const startMs = nowMs();
    allReduce(tensor, { into: tensor, reduction: 'mean' }).wait();
    barrier().wait();
    times.push(nowMs() - startMs);
  }
  if (!(tensor.data[numElements - 1]! > 0)) throw new Error('the result must be used');
  return times;
}

/** Runs the cut and the uncut graph in turns, each with one engine thread. @returns ms per step */
export async function timeCut(
  context: RankContext,
  { cut, uncut, x, steps }: { cut: Graph; uncut: Graph; x: Tensor; steps: number },
): Promise<{ cutMs: number[]; uncutMs: number[] }> {
  await using cutSession = await openRankSession(context, cut);
  await using uncutSession = await (await openBackend('cpu')).createSession(uncut, {}, { numThreads: 1 });
  const [cutMs, uncutMs]: number[][] = [[], []];
  for (let step = 0; step < steps; step++) {
    const startMs = context.nowMs();
    const a = await cutSession.run({ x });
    const middleMs = context.nowMs();
    const b = await uncutSession.run({ x });
    cutMs.push(middleMs - startMs);
    uncutMs.push(context.nowMs() - middleMs);
    if (a['y']!.data[0] !== b['y']!.data[0]) throw new Error('both must compute the same');
  }
  return { cutMs, uncutMs };
}
