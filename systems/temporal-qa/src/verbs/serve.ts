/** serve: the HTTP API until interrupted. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { openQa } from '../answer/ask.ts';
import { openSources } from '../corpus.ts';
import { createQaServer } from '../server.ts';

interface ServeParams {
  readonly db: string;
  readonly port: number;
  readonly seconds: number;
}

export async function run(params: ServeParams, context: VerbContext): Promise<VerbResult> {
  const store = await openSources(params.db, context.workingFolder);
  const server = createQaServer(await openQa(store, context.clock));
  try {
    server.listen(params.port, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    context.progress({ phase: 'serving', note: `http://127.0.0.1:${port}/answer` });
    await new Promise<void>((done) => {
      context.signal.addEventListener('abort', () => done(), { once: true });
      if (params.seconds > 0) setTimeout(done, params.seconds * 1000);
    });
    return {
      ok: true,
      value: { port },
      report: { title: 'HTTP API', verdict: { tone: 'info', text: `Served on 127.0.0.1:${port}.` }, blocks: [] },
    };
  } finally {
    server.close();
    server.closeAllConnections();
    await store.close();
  }
}
