/** One request to one engine: its answer must begin in time, and its headers must fit the body that is passed on. */

/** Answers after which another engine is asked: it is overloaded, still loading, or a proxy in front of it finds it dead. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** `fetch` has undone the encoding and the framing of the body, and a connection's headers are its own. */
const HEADERS_OF_ONE_HOP = [
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

export interface EngineRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The client's: aborted when it gives up. */
  readonly signal: AbortSignal;
  /** Until the answer begins; its body may take longer. */
  readonly timeoutMs: number;
}

export function isBusy(status: number): boolean {
  return BUSY_STATUSES.has(status);
}

/** @throws what fetch throws, also if no answer begins in time */
export async function askEngine(
  send: typeof fetch,
  { url, method, body, headers, signal, timeoutMs }: EngineRequest,
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    return await send(url, {
      method,
      headers,
      signal: AbortSignal.any([signal, late.signal]),
      ...(body === undefined ? {} : { body }),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Headers for the client. */
export function passedHeaders(answer: Response, worker: string): Headers {
  const headers = new Headers(answer.headers);
  for (const name of HEADERS_OF_ONE_HOP) headers.delete(name);
  headers.set('x-tenfold-worker', worker);
  return headers;
}
