/** route: the router in front of several engines, until it is stopped. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { loadTokenizer } from '@tenfold/core/nn';
import { listen } from '../server/listen.ts';
import { prefixError } from '../prefix-errors.ts';
import { BlockIndex } from '../router/block-index.ts';
import { createRouterApp, followWorker } from '../router/router-app.ts';
import { MODEL_FOLDER } from './trace-source.ts';

interface RouteParams {
  readonly workers: string;
  readonly host: string;
  readonly port: number;
  readonly blockTokens: number;
}

export async function run(
  { workers: text, host, port, blockTokens }: RouteParams,
  context: VerbContext,
): Promise<VerbResult> {
  const workers = text.split(',').map((part) => {
    const match = /^([^=]+)=(https?:\/\/[^|]+)\|(\w+:\/\/.+)$/.exec(part.trim());
    if (match === null)
      throw prefixError('TF-PREFIX-006', {
        subject: 'route',
        expected: 'workers like a=http://127.0.0.1:8001|tcp://127.0.0.1:5557',
        actual: part,
      });
    return { name: match[1]!, url: match[2]!, events: match[3]! };
  });
  const index = new BlockIndex(blockTokens);
  const app = createRouterApp(index, workers, { tokenizer: await loadTokenizer(MODEL_FOLDER) });
  const following = workers.map(({ name, events }) => followWorker(index, name, { events }, context.signal));
  await using _server = await listen(app.fetch, { host, port });
  context.progress({ phase: `routing ${workers.length} engines on http://${host}:${port}/v1` });
  await new Promise<void>((stop) => context.signal.addEventListener('abort', () => stop(), { once: true }));
  await Promise.allSettled(following);
  return {
    ok: true,
    value: { workers: workers.map(({ name }) => name) },
    report: { title: 'Router', verdict: { tone: 'info', text: `Routed to ${workers.length} engines.` }, blocks: [] },
  };
}
