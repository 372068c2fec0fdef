/** Follows an engine's KV events over ZeroMQ. A gap is filled from its replay socket, or the engine's blocks are forgotten. */
import { decodeBatch } from '../server/kv-events.ts';
import type { BlockIndex } from './block-index.ts';

const REPLAY_TIMEOUT_MS = 2000;
const SEQUENCE_BYTES = 8;

export async function followWorker(
  index: BlockIndex,
  worker: string,
  endpoints: { readonly events: string; readonly replay?: string },
  signal: AbortSignal,
): Promise<void> {
  const { Subscriber } = await import('zeromq');
  using subscriber = asDisposable(new Subscriber());
  subscriber.socket.connect(endpoints.events);
  subscriber.socket.subscribe();
  signal.addEventListener('abort', () => subscriber.socket.close(), { once: true });
  try {
    for await (const [, sequence, payload] of subscriber.socket) {
      const number = sequenceFrom(sequence!);
      const { events } = decodeBatch(payload!);
      const missing = index.apply(worker, number, events);
      if (missing === undefined) continue;
      const isReplayed =
        endpoints.replay !== undefined && (await replay(index, worker, endpoints.replay, missing).catch(() => false));
      if (!isReplayed) index.reset(worker, number);
      if (index.apply(worker, number, events) === undefined) continue;
      index.reset(worker, number);
      index.apply(worker, number, events);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Asks for all batches from a number on. @returns true when the engine said that these were all */
async function replay(index: BlockIndex, worker: string, endpoint: string, from: number): Promise<boolean> {
  const { Dealer } = await import('zeromq');
  using dealer = asDisposable(new Dealer({ receiveTimeout: REPLAY_TIMEOUT_MS }));
  dealer.socket.connect(endpoint);
  const start = Buffer.alloc(SEQUENCE_BYTES);
  start.writeBigUInt64BE(BigInt(from));
  await dealer.socket.send(['', start]);
  for (;;) {
    const frames = await dealer.socket.receive();
    const [sequence, payload] = frames.slice(-2);
    const number = sequenceFrom(sequence!);
    if (number < 0) return true;
    index.apply(worker, number, decodeBatch(payload!).events);
  }
}

function sequenceFrom(frame: Uint8Array): number {
  return Number(Buffer.from(frame).readBigInt64BE());
}

function asDisposable<Socket extends { close(): void }>(socket: Socket): Disposable & { readonly socket: Socket } {
  return { socket, [Symbol.dispose]: () => socket.close() };
}
