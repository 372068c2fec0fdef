/** Publishes a cache's changes over ZeroMQ: PUB with three frames (topic, sequence number, batch), and a replay socket
 *  that sends the last batches again from a given number on. */
import type { PrefixCache } from '../cache/prefix-cache.ts';
import { ATTENTION_GROUP, encodeBatch, removedEvent, STATE_GROUP, storedEvent, type KvEvent } from './kv-events.ts';

const BLOCK_TOKENS = 16;
const KEPT_BATCHES = 10_000;
const SEQUENCE_BYTES = 8;

export interface KvPublisher extends AsyncDisposable {
  readonly endpoint: string;
  readonly replayEndpoint: string;
}

/** @param endpoint  like tcp://127.0.0.1:5557; the replay socket takes the next port (a free one after port 0)
 *  @param salt  only this tenant is announced: hashes of other tenants could be guessed */
export async function publishKvEvents<State, Kv>(
  cache: PrefixCache<State, Kv>,
  endpoint: string,
  nowSec: () => number,
  { salt = '', blockTokens = BLOCK_TOKENS }: { readonly salt?: string; readonly blockTokens?: number } = {},
): Promise<KvPublisher> {
  const { Publisher, Router } = await import('zeromq');
  const publisher = new Publisher();
  const replay = new Router();
  await publisher.bind(endpoint);
  await replay.bind(replayAddress(endpoint));
  const kept: Uint8Array[] = [];
  let next = 0;
  let sending = Promise.resolve();
  const publish = (event: KvEvent | undefined): void => {
    if (event === undefined) return;
    const payload = encodeBatch({ ts: nowSec(), events: [event] });
    const sequence = next++;
    kept.push(payload);
    if (kept.length > KEPT_BATCHES) kept.shift();
    sending = sending.then(() => publisher.send(['', sequenceBytes(sequence), payload]));
  };
  cache.emitRemovals();
  const unsubscribe = [
    cache.events.on('stored', (event) => {
      if (event.salt === salt)
        publish(
          storedEvent(
            event.tokens,
            Math.floor((event.tokens.length - event.newTokens) / blockTokens),
            blockTokens,
            ATTENTION_GROUP,
          ),
        );
    }),
    cache.events.on('removed', (event) => {
      if (event.salt === salt)
        publish(
          removedEvent(
            event.tokens,
            Math.floor((event.tokens.length - event.removedTokens) / blockTokens),
            blockTokens,
            ATTENTION_GROUP,
          ),
        );
    }),
    cache.events.on('checkpointed', ({ tokens, salt: of }) => {
      if (of === salt && tokens.length % blockTokens === 0)
        publish(storedEvent(tokens, tokens.length / blockTokens - 1, blockTokens, STATE_GROUP));
    }),
    cache.events.on('unCheckpointed', ({ tokens, salt: of }) => {
      if (of === salt && tokens.length % blockTokens === 0)
        publish(removedEvent(tokens, tokens.length / blockTokens - 1, blockTokens, STATE_GROUP));
    }),
    cache.events.on('cleared', () => publish({ type: 'AllBlocksCleared' })),
  ];
  const answerReplays = async (): Promise<void> => {
    for await (const frames of replay) {
      const [client, start] = [frames[0]!, frames.at(-1)!];
      const from = Math.max(Number(Buffer.from(start).readBigUInt64BE()), next - kept.length);
      for (let sequence = from; sequence < next; sequence++)
        await replay.send([client, '', sequenceBytes(sequence), kept[sequence - (next - kept.length)]!]);
      await replay.send([client, '', sequenceBytes(-1), '']);
    }
  };
  void answerReplays();
  return {
    endpoint: publisher.lastEndpoint!,
    replayEndpoint: replay.lastEndpoint!,
    async [Symbol.asyncDispose]() {
      for (const off of unsubscribe) off();
      await sending;
      publisher.close();
      replay.close();
    },
  };
}

function replayAddress(endpoint: string): string {
  return endpoint.replace(/:(\d+)$/, (_, port: string) => `:${port === '0' ? 0 : Number(port) + 1}`);
}

function sequenceBytes(sequence: number): Buffer {
  const bytes = Buffer.alloc(SEQUENCE_BYTES);
  bytes.writeBigInt64BE(BigInt(sequence));
  return bytes;
}
