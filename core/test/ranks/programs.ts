/** Rank programs of the tests. */
import { createTensor, tensorFromArray, type Tensor } from '../../src/tensor/index.ts';
import type { Handle, RankContext } from '../../src/ranks/index.ts';
import { inputOf, inputShape, splitSize, type CollectiveCase } from './cases.ts';

const floats = (...values: number[]): Tensor => tensorFromArray('float32', [values.length], Float32Array.from(values));

/** Issues all cases, then waits for them, last first: handles are independent. */
export function runCases(context: RankContext, cases: readonly CollectiveCase[]): Tensor[] {
  const handles = cases.map((each) => issueCase(context, each));
  const results: Tensor[] = [];
  for (let i = handles.length - 1; i >= 0; i--) results[i] = handles[i]!.wait();
  return results;
}

function issueCase(context: RankContext, each: CollectiveCase): Handle<Tensor> {
  const group = context.group(each.axes);
  const { axis, concatAxis, reduction, algorithm, wire, call } = each;
  const input = inputOf(each, context.rank, inputShape(each, group.size));
  if (call === 'allReduce') return context.allReduce(input, { group, reduction, algorithm, wire });
  if (call === 'reduceScatter') return context.reduceScatter(input, { group, axis, reduction, algorithm, wire });
  if (call === 'allGather') return context.allGather(input, { group, axis });
  if (call === 'broadcast') return context.broadcast(input, { group, root: each.seed % group.size });
  if (call === 'allToAll') return context.allToAll(input, { group, splitAxis: axis, concatAxis });
  if (call === 'allToAllSplits') {
    const sendSplits = group.ranks.map((_, to) => splitSize(each, group.position, to));
    const receiveSplits = group.ranks.map((_, from) => splitSize(each, from, group.position));
    const rows = sendSplits.reduce((sum, size) => sum + size, 0);
    const tensor = inputOf(each, context.rank, [rows, ...each.shape.slice(1)]);
    return context.allToAll(tensor, { group, sendSplits, receiveSplits });
  }
  const next = group.ranks[(group.position + 1) % group.size]!;
  const previous = group.ranks[(group.position + group.size - 1) % group.size]!;
  if (next === context.rank) return context.broadcast(input, { group });
  const tag = each.seed;
  const sent = context.send(input, next, { tag });
  const received = context.recv(previous, input, { tag });
  return {
    ...received,
    wait() {
      sent.wait();
      return received.wait();
    },
  };
}

/** The input is overwritten between issue and wait: the result must not see it. */
export function changeInputAfterIssue({ rank, allReduce }: RankContext): number[] {
  const input = floats(rank + 1, 10);
  const handle = allReduce(input);
  input.data.fill(1000 as never);
  const result = handle.wait();
  return [...(result.data as Float32Array)];
}

/** In-place reduction read before the wait shows the unreduced values; after it the sum. */
export function readBeforeWait({ rank, allReduce, barrier }: RankContext): number[][] {
  const buffer = floats(rank + 1, 5);
  const handle = allReduce(buffer, { into: buffer });
  barrier().wait();
  const early = [...(buffer.data as Float32Array)];
  handle.wait();
  return [early, [...(buffer.data as Float32Array)]];
}

/** A write into the target before the wait is lost. */
export function writeBeforeWait({ rank, allReduce }: RankContext): number[] {
  const buffer = floats(rank + 1, 5);
  const handle = allReduce(buffer, { into: buffer });
  buffer.data[1] = 99;
  handle.wait();
  return [...(buffer.data as Float32Array)];
}

export function forgetToWait({ allReduce }: RankContext): void {
  allReduce(floats(1), { label: 'gradients' });
}

export function abandonIt({ allReduce, barrier }: RankContext): number {
  for (let i = 0; i < 100; i++) allReduce(floats(1)).abandon();
  barrier().wait();
  return 1;
}

export function mismatchedCalls({ rank, allReduce, allGather }: RankContext): void {
  const x = floats(1, 2);
  (rank === 0 ? allReduce(x) : allGather(x)).wait();
}

export function mismatchedSizes({ rank, allReduce }: RankContext): void {
  allReduce(rank === 0 ? floats(1, 2) : floats(1)).wait();
}

export function wrongReceiveSplits({ rank, allToAll }: RankContext): void {
  allToAll(floats(1, 2), { sendSplits: [1, 1], receiveSplits: rank === 0 ? [1, 1] : [2, 0] }).wait();
}

export function receiveFirst({ rank, send, recv }: RankContext): void {
  const x = floats(rank);
  recv(1 - rank, x).wait();
  send(x, 1 - rank).wait();
}

/** Ranks 0 and 1 lock each other while rank 2 works on. */
export function partialDeadlock(context: RankContext): void {
  if (context.rank < 2) return receiveFirst(context);
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

export function returnEarly({ rank, allReduce }: RankContext): void {
  if (rank !== 1) allReduce(floats(1), { group: 'tp' }).wait();
}

export function throwOnOne({ rank, barrier }: RankContext): void {
  if (rank === 1) throw new RangeError('out of luck');
  barrier().wait();
}

export function killOne({ rank, barrier }: RankContext): void {
  if (rank === 2) process.exit(7);
  barrier().wait();
}

export function spinForever(): void {
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

/** Computes for `computeMs` while a transfer is under way; returns [compute time, wait time]. */
export function overlapCompute({ rank, nowMs, allReduce }: RankContext, computeMs: number): number[] {
  const x = createTensor('float32', [1 << 18]); // 1 MiB
  allReduce(createTensor('float32', [1])).wait();
  const startMs = nowMs();
  const handle = allReduce(x);
  let rounds = 0;
  while (nowMs() - startMs < computeMs) rounds += rank + 1;
  const computedMs = nowMs();
  handle.wait();
  return [computedMs - startMs, nowMs() - computedMs, rounds];
}

/** Two messages of 1 MiB follow each other on one link. Returns when each arrived. */
export function twoMessages({ rank, nowMs, send, recv, barrier }: RankContext): number[] {
  const x = createTensor('float32', [1 << 18]);
  barrier().wait();
  const startMs = nowMs();
  if (rank === 0) {
    const handles = [send(x, 1), send(x, 1)];
    handles.forEach((handle) => handle.wait());
    return [];
  }
  const handles = [recv(0, x), recv(0, x)];
  return handles.map((handle) => {
    handle.wait();
    return nowMs() - startMs;
  });
}

/** Rank 1 is late to wait; rank 0 must get its result without it. */
export function lateWaiter({ rank, allReduce, send, recv }: RankContext): number {
  const x = floats(rank + 1);
  const handle = allReduce(x);
  if (rank === 1) recv(0, x).wait();
  const sum = handle.wait().data[0] as number;
  if (rank === 0) send(x, 1).wait();
  return sum;
}

export async function asyncWait({ rank, allReduce, barrier }: RankContext): Promise<number> {
  const first = allReduce(floats(rank));
  const second = allReduce(floats(10 * rank));
  const [a, b] = await Promise.all([first.waitAsync(), second.waitAsync()]);
  await barrier().waitAsync();
  return (a!.data[0] as number) + (b!.data[0] as number);
}

export function manySums({ rank, allReduce }: RankContext, numElements: number): Tensor {
  const x = createTensor('float32', [numElements]);
  for (let i = 0; i < numElements; i++) x.data[i] = Math.fround(Math.sin(rank * 1e5 + i));
  let result: Tensor = x;
  for (let i = 0; i < 5; i++) result = allReduce(result, { reduction: 'mean', algorithm: 'ring' }).wait();
  return result;
}

export function postAndSpan(context: RankContext): string {
  context.post({ hello: context.rank });
  context.span('work', () => Math.sqrt(2));
  context.allReduce(floats(1), { label: 'sum' }).wait();
  return `${context.coords['dp']}`;
}

export function hugeMessage({ allReduce }: RankContext): void {
  allReduce(createTensor('float32', [1 << 20])).wait();
}

/** Many calls of one group under way at once, waited for in reverse. */
export function manyInFlight({ rank, allReduce }: RankContext, count: number): number {
  const handles = Array.from({ length: count }, (_, i) => allReduce(floats(rank * i)));
  return handles.reverse().reduce((sum, handle) => sum + (handle.wait().data[0] as number), 0);
}

export function fillTheHeap({ allReduce }: RankContext): void {
  const handles = Array.from({ length: 5 }, () => allReduce(createTensor('float32', [1 << 16])));
  handles.forEach((handle) => handle.wait());
}

export type BlockingCall =
  | { readonly call: 'send' | 'recv'; readonly peer: number }
  | { readonly call: 'allReduce'; readonly group: 'a' | 'b' };

/** Runs this rank's list, every call waited for at once. @returns how many were done */
export function runBlocking({ rank, send, recv, allReduce }: RankContext, lists: readonly BlockingCall[][]): number {
  for (const each of lists[rank]!) {
    if (each.call === 'allReduce') allReduce(floats(1), { group: each.group }).wait();
    else if (each.call === 'send') send(floats(rank), each.peer).wait();
    else recv(each.peer, floats(0)).wait();
  }
  return lists[rank]!.length;
}

/** The example of the README. */
export function average({ rank, allReduce }: RankContext): number {
  const gradient = tensorFromArray('float32', [1], Float32Array.of(rank));
  const handle = allReduce(gradient, { group: 'dp', reduction: 'mean' });
  return handle.wait().data[0] as number;
}

export function nineAxes({ allReduce }: RankContext): void {
  allReduce(createTensor('float32', new Array<number>(9).fill(1))).wait();
}
