/** A policy service for an engine that keeps its own memory: it tells what to reuse, where to take checkpoints, and what to
 *  drop. Messages on the socket are JSON behind their length in bytes (u32, little-endian); every request has an `id`
 *  that its answer repeats, and answers come in order. A connection that ends aborts the requests it left open.
 *  `commit` answers `kept`, the prefix lengths among the plan and the end at which the engine keeps its checkpoint (and
 *  keys and values up to the last of them); it drops the others itself. `dropped` in any answer lists what goes later. */
import { createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import type { PrefixCache } from '../cache/prefix-cache.ts';
import type { Lease } from '../cache/types.ts';
import { prefixError } from '../prefix-errors.ts';

const LENGTH_BYTES = 4;
const SOCKET_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Remove the file if no other service uses it, or give another path.',
  EACCES: 'Give a path in a folder that exists and that you may write to.',
  ENOENT: 'Give a path in a folder that exists and that you may write to.',
  EINVAL: 'Give a shorter path: about a hundred bytes is the most that a socket can have.',
  ENAMETOOLONG: 'Give a shorter path: about a hundred bytes is the most that a socket can have.',
};
const MAX_MESSAGE_BYTES = 64 * 2 ** 20;

const token = z.int().min(0).max(0x7fffffff);
const tokens = z.array(token);
const salt = z.string().default('');
const id = z.union([z.int(), z.string()]);
const messageSchema = z.discriminatedUnion('op', [
  z.object({ id, op: z.literal('match'), tokens, salt }),
  z.object({
    id,
    op: z.literal('plan'),
    tokens,
    salt,
    breakpoints: z.array(z.int().min(0)).default([]),
    maxOutputTokens: z.int().min(0).default(0),
  }),
  z.object({ id, op: z.literal('commit'), lease: z.int(), tokens }),
  z.object({ id, op: z.literal('abort'), lease: z.int() }),
  z.object({ id, op: z.literal('evict'), bytes: z.number().positive() }),
  z.object({ id, op: z.literal('pin'), tokens, salt, unpin: z.boolean().default(false) }),
  z.object({ id, op: z.literal('stats') }),
]);

type Message = z.output<typeof messageSchema>;
type SizeCache = PrefixCache;
/** Requests in flight on a connection, with what they asked for. */
type Leases = Map<number, OpenRequest>;

interface OpenRequest {
  readonly lease: Lease<undefined, undefined>;
  readonly prompt: readonly number[];
  readonly salt: string;
}

/** A prefix that the engine has to drop, because the policy did. */
interface Dropped {
  readonly tokens: readonly number[];
  readonly salt: string;
  /** `state`: the checkpoint at its end. `kv`: keys and values of its last `count` tokens. */
  readonly what: 'state' | 'kv';
  readonly count: number;
}

/** Serves a cache that keeps sizes only.
 *  @param path  a Unix socket, or a named pipe on Windows
 *  @throws TF-PREFIX-010 if it cannot be listened on */
export async function servePolicy(cache: SizeCache, path: string): Promise<AsyncDisposable> {
  const dropped: Dropped[] = [];
  cache.emitRemovals();
  cache.events.on('unCheckpointed', ({ tokens: prefix, salt: tenant }) =>
    dropped.push({ tokens: [...prefix], salt: tenant, what: 'state', count: 0 }),
  );
  cache.events.on('removed', ({ tokens: prefix, removedTokens: count, salt: tenant }) =>
    dropped.push({ tokens: [...prefix], salt: tenant, what: 'kv', count }),
  );
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const leases: Leases = new Map();
    readMessages(socket, (json) => {
      const answer = answerTo(json, cache, leases);
      // What goes is told to whoever caused it; the engine drops it before it computes on.
      send(socket, dropped.length === 0 ? answer : { ...answer, dropped: dropped.splice(0) });
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      for (const { lease } of leases.values()) cache.abort(lease);
    });
  });
  await listening(server, path);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function answerTo(json: unknown, cache: SizeCache, leases: Leases): object {
  const parsed = messageSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const known = typeof json === 'object' && json !== null && 'id' in json ? json.id : null;
    return { id: known, error: `${issue.path.join('.') || 'message'}: ${issue.message}` };
  }
  return { id: parsed.data.id, ...perform(parsed.data, cache, leases) };
}

function perform(message: Message, cache: SizeCache, leases: Leases): object {
  switch (message.op) {
    case 'match': {
      const { reusedTokens, sharedTokens, missReason } = cache.lookup(Int32Array.from(message.tokens), message);
      return { reusedTokens, sharedTokens, missReason };
    }
    case 'plan': {
      const { tokens: prompt, ...options } = message;
      const lease = cache.begin(Int32Array.from(prompt), options);
      leases.set(lease.id, { lease, prompt, salt: message.salt });
      const { id: number, reusedTokens, missReason, plan, isAdmitted } = lease;
      return { lease: number, reusedTokens, missReason, isAdmitted, checkpoints: plan };
    }
    case 'commit':
    case 'abort': {
      const open = leases.get(message.lease);
      if (open === undefined) return { error: `lease: ${message.lease} is not open on this connection` };
      const { lease, prompt } = open;
      // States of another prompt would be handed to whoever shares this one.
      if (message.op === 'commit') {
        const at = message.tokens.findIndex((value, index) => index < prompt.length && value !== prompt[index]);
        if (at >= 0) return { error: `tokens.${at}: not the prompt of lease ${message.lease}` };
      }
      leases.delete(message.lease);
      if (message.op === 'abort') {
        cache.abort(lease);
        return {};
      }
      const checkpoints = cache.commit(lease, Int32Array.from(message.tokens));
      return { checkpoints, kept: keptPositions(cache, open, message.tokens) };
    }
    case 'evict':
      return { freedBytes: cache.evict(message.bytes) };
    case 'pin': {
      const prefix = Int32Array.from(message.tokens);
      return { pinnedTokens: message.unpin ? cache.unpin(prefix, message) : cache.pin(prefix, message) };
    }
    case 'stats':
      return { bytes: cache.bytes, reservedBytes: cache.reservedBytes, counters: cache.counters };
  }
}

/** Where the cache holds a checkpoint of a sequence, among the positions that the engine took one at. */
function keptPositions(cache: SizeCache, { lease, salt }: OpenRequest, sequence: readonly number[]): number[] {
  const { alignTokens } = cache.rules;
  const end = Math.floor(sequence.length / alignTokens) * alignTokens;
  const positions = new Set([...lease.plan.map(({ at }) => at), end].filter((at) => at > 0 && at <= sequence.length));
  // One token more: a lookup leaves at least one to compute.
  const longer = Int32Array.from([...sequence, 0]);
  return [...positions]
    .sort((a, b) => a - b)
    .filter((at) => cache.lookup(longer.subarray(0, at + 1), { salt }).reusedTokens === at);
}

/** Cuts the stream into messages. A length beyond 64 MiB, or what is no JSON, ends the connection with a word why. */
function readMessages(socket: Socket, onMessage: (json: unknown) => void): void {
  // Pieces are joined once a message is whole: a long one comes in many.
  let pieces: Buffer[] = [];
  let numBytes = 0;
  let needed = LENGTH_BYTES;
  socket.on('data', (chunk: Buffer) => {
    pieces.push(chunk);
    numBytes += chunk.length;
    while (numBytes >= needed) {
      const pending = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      pieces = [pending];
      const length = pending.readUInt32LE(0);
      if (length > MAX_MESSAGE_BYTES) return refuse(socket, `A message has at most ${MAX_MESSAGE_BYTES} bytes.`);
      needed = LENGTH_BYTES + length;
      if (numBytes < needed) continue;
      const text = pending.toString('utf8', LENGTH_BYTES, needed);
      pieces = [pending.subarray(needed)];
      numBytes -= needed;
      needed = LENGTH_BYTES;
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        return refuse(socket, 'The message is not JSON.');
      }
      onMessage(json);
    }
  });
  // An engine that does not read its answers is not read from either.
  socket.on('drain', () => socket.resume());
}

function refuse(socket: Socket, error: string): void {
  socket.removeAllListeners('data');
  send(socket, { id: null, error });
  socket.end();
}

function send(socket: Socket, answer: object): void {
  const body = Buffer.from(JSON.stringify(answer));
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeUInt32LE(body.length);
  if (!socket.write(Buffer.concat([head, body]))) socket.pause();
}

async function listening(server: Server, path: string): Promise<void> {
  await new Promise<void>((ready, fail) => {
    server.once('listening', ready);
    server.once('error', (cause: NodeJS.ErrnoException) =>
      fail(
        prefixError('TF-PREFIX-010', {
          subject: 'servePolicy',
          expected: 'to listen on a socket',
          actual: cause.code ?? cause.message,
          location: path,
          hints: [SOCKET_HINTS[cause.code ?? ''] ?? 'Give another path.'],
          cause,
        }),
      ),
    );
    server.listen(path);
  });
}
