/** route: the router in front of several engines, until it is stopped. */
import { bytesFromText } from '@tenfold/core/base';
import { loadTokenizer } from '@tenfold/core/nn';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { prefixError } from '../prefix-errors.ts';
import { BlockIndex } from '../router/block-index.ts';
import { followWorker } from '../router/follow-worker.ts';
import { createRouterApp } from '../router/router-app.ts';
import { addressOf, assertGuarded, listen } from '../server/listen.ts';
import { ShadowTuner } from '../sim/shadow-tuner.ts';
import { MODEL_FOLDER, openProfile } from './trace-source.ts';

interface RouteParams {
  readonly workers: string;
  readonly host: string;
  readonly port: number;
  readonly blockTokens: number;
  readonly shadowCapacity: string;
  readonly shadowModel: string;
  readonly timeoutSec: number;
  readonly apiKey: string;
}

const MS_PER_SEC = 1000;

interface WorkerAddress {
  readonly name: string;
  readonly url: string;
  readonly events: string;
  readonly replay?: string;
}

export async function run(params: RouteParams, context: VerbContext): Promise<VerbResult> {
  const { host, port, blockTokens, shadowCapacity, shadowModel } = params;
  const workers = workersFromText(params.workers);
  assertGuarded(params, 'route');
  const index = new BlockIndex(blockTokens);
  const { profile } = await openProfile(shadowModel, context);
  using tuner =
    shadowCapacity === ''
      ? undefined
      : new ShadowTuner({ profile, capacityBytes: bytesFromText(shadowCapacity), keepTokens: 1 }, () => undefined);
  let numRouted = 0;
  const app = createRouterApp(index, workers, {
    onRouted: () => void numRouted++,
    nowMs: () => context.clock.nowMs(),
    timeoutMs: params.timeoutSec * MS_PER_SEC,
    apiKey: params.apiKey === '' ? undefined : params.apiKey,
    tokenizer: await loadTokenizer(MODEL_FOLDER),
    shadow:
      tuner === undefined
        ? undefined
        : { observe: (prompt) => tuner.observe(prompt, new Int32Array(0)), standings: () => tuner.standings },
  });
  await using _server = await listen(app.fetch, { host, port });
  const stopped = new Promise<void>((stop) => context.signal.addEventListener('abort', () => stop(), { once: true }));
  const following = Promise.all(
    workers.map(({ name, events, replay }) => followWorker(index, name, { events, replay }, context.signal)),
  );
  const count = `${workers.length} ${workers.length === 1 ? 'engine' : 'engines'}`;
  context.progress({ phase: `routing ${count} on ${addressOf(params)}/v1` });
  // Followers end when the router is stopped; one that cannot begin ends the run with its error.
  await Promise.race([stopped, following.then(() => stopped)]);
  return {
    ok: true,
    value: { workers: workers.map(({ name }) => name), requests: numRouted, standings: tuner?.standings ?? [] },
    report: {
      title: 'Router',
      verdict: { tone: 'info', text: `${numRouted} ${numRouted === 1 ? 'request' : 'requests'} routed to ${count}.` },
      blocks: [],
    },
  };
}

function workersFromText(text: string): WorkerAddress[] {
  const workers = text.split(',').map((part): WorkerAddress => {
    const match = /^([^=]+)=(https?:\/\/[^|]+)\|(\w+:\/\/[^|]+)(?:\|(\w+:\/\/.+))?$/.exec(part.trim());
    if (match !== null) {
      const [, name, url, events, replay] = match;
      return { name: name!, url: url!.replace(/\/$/, ''), events: events!, replay };
    }
    throw prefixError('TF-PREFIX-006', {
      subject: 'route',
      expected: 'workers like a=http://127.0.0.1:8001|tcp://127.0.0.1:5557|tcp://127.0.0.1:5558',
      actual: part,
    });
  });
  const repeated = workers.find(({ name }, at) => workers.findIndex((other) => other.name === name) < at);
  if (repeated !== undefined)
    throw prefixError('TF-PREFIX-006', {
      subject: 'route',
      expected: 'a name of its own for every engine',
      actual: `"${repeated.name}" twice`,
    });
  return workers;
}
