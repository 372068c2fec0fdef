/** Follows an engine's KV events over ZeroMQ. A gap is filled from its replay socket, or the engine's blocks are forgotten.
 *  What cannot be read is counted and skipped: one engine that sends nonsense must not stop the router. */
import type { Dealer } from 'zeromq';
import { prefixError } from '../prefix-errors.ts';
import { decodeBatch, type KvEvent } from '../server/kv-events.ts';
import type { BlockIndex } from './block-index.ts';

/** Until the next batch of a replay. */
const REPLAY_TIMEOUT_MS = 2000;
/** Until the whole replay has come; events wait meanwhile. */
const REPLAY_DEADLINE_MS = 10_000;
const SEQUENCE_BYTES = 8;

/** Ends when the signal is aborted.
 *  @throws TF-PREFIX-006 if an address is none */
export async function followWorker(
  index: BlockIndex,
  worker: string,
  endpoints: { readonly events: string; readonly replay?: string },
  signal: AbortSignal,
): Promise<void> {
  const { Subscriber } = await import('zeromq');
  // A wrong replay address would show only at the first gap.
  if (endpoints.replay !== undefined) (await dealerTo(endpoints.replay))[Symbol.dispose]();
  using subscriber = asDisposable(new Subscriber({ ipv6: true, linger: 0 }));
  connect(subscriber.socket, endpoints.events);
  subscriber.socket.subscribe();
  signal.addEventListener('abort', () => subscriber.socket.close(), { once: true });
  try {
    for await (const frames of subscriber.socket) {
      const batch = readBatch(index, frames);
      if (batch !== undefined) await apply(index, worker, batch, endpoints.replay);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

interface NumberedBatch {
  readonly sequence: number;
  readonly events: readonly KvEvent[];
}

async function apply(
  index: BlockIndex,
  worker: string,
  { sequence, events }: NumberedBatch,
  replayEndpoint: string | undefined,
): Promise<void> {
  const missing = index.apply(worker, sequence, events);
  if (missing === undefined) return;
  const isReplayed =
    replayEndpoint !== undefined && (await replay(index, worker, replayEndpoint, missing).catch(() => false));
  if (!isReplayed) index.reset(worker, sequence);
  if (index.apply(worker, sequence, events) === undefined) return;
  index.reset(worker, sequence);
  index.apply(worker, sequence, events);
}

/** Asks for all batches from a number on. @returns true when the engine said that these were all */
async function replay(index: BlockIndex, worker: string, endpoint: string, from: number): Promise<boolean> {
  using dealer = await dealerTo(endpoint);
  // Closing makes a pending receive fail.
  const timer = setTimeout(() => dealer.socket.close(), REPLAY_DEADLINE_MS);
  try {
    const start = Buffer.alloc(SEQUENCE_BYTES);
    start.writeBigUInt64BE(BigInt(from));
    await dealer.socket.send(['', start]);
    for (;;) {
      const frames = await dealer.socket.receive();
      if (frames.length >= 2 && sequenceFrom(frames.at(-2)!) === -1) return true;
      const batch = readBatch(index, frames);
      if (batch !== undefined) index.apply(worker, batch.sequence, batch.events);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The last two frames are number and batch; a topic or an empty frame may come before. */
function readBatch(index: BlockIndex, frames: readonly Uint8Array[]): NumberedBatch | undefined {
  const sequence = frames.length < 2 ? undefined : sequenceFrom(frames.at(-2)!);
  if (sequence !== undefined && sequence >= 0)
    try {
      const { events, numMalformed } = decodeBatch(frames.at(-1)!);
      index.numUnreadable += numMalformed;
      return { sequence, events };
    } catch {
      // counted below
    }
  index.numUnreadable++;
  return undefined;
}

function sequenceFrom(frame: Uint8Array): number | undefined {
  return frame.length === SEQUENCE_BYTES ? Number(Buffer.from(frame).readBigInt64BE()) : undefined;
}

async function dealerTo(endpoint: string): Promise<Disposable & { readonly socket: Dealer }> {
  const zeromq = await import('zeromq');
  const dealer = asDisposable(new zeromq.Dealer({ receiveTimeout: REPLAY_TIMEOUT_MS, ipv6: true, linger: 0 }));
  try {
    connect(dealer.socket, endpoint);
  } catch (error) {
    dealer.socket.close();
    throw error;
  }
  return dealer;
}

function connect(socket: { connect(address: string): void }, endpoint: string): void {
  try {
    socket.connect(endpoint);
  } catch (cause) {
    throw prefixError('TF-PREFIX-006', {
      subject: 'followWorker',
      expected: 'an address like tcp://127.0.0.1:5557 or ipc:///run/engine.sock',
      actual: JSON.stringify(endpoint),
      cause,
    });
  }
}

function asDisposable<Socket extends { close(): void }>(socket: Socket): Disposable & { readonly socket: Socket } {
  return { socket, [Symbol.dispose]: () => socket.close() };
}
