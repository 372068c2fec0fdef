/** serve: the OpenAI-compatible server on the room's own engine, until it is stopped. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { bytesFromText, formatBytes, formatPercent } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { serve } from '@hono/node-server';
import { policyFromName } from '../cache/eviction.ts';
import { restoreSnapshot, saveSnapshot } from '../cache/snapshot.ts';
import { openService } from '../engine/open-engine.ts';
import { createApp } from '../server/app.ts';
import { publishKvEvents } from '../server/kv-publisher.ts';
import { viewCache } from '../server/tree-view.ts';
import { ShadowTuner } from '../sim/shadow-tuner.ts';
import { MODEL_FOLDER } from './trace-source.ts';

interface ServeParams {
  readonly model: string;
  readonly host: string;
  readonly port: number;
  readonly capacity: string;
  readonly policy: string;
  readonly snapshot: string;
  readonly events: string;
  readonly alignTokens: number;
}

const MS_PER_SEC = 1000;
const MODEL_NAME = 'hyb-7m';

export async function run(params: ServeParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'loading the model' });
  const folder = params.model === '' ? MODEL_FOLDER : resolve(context.workingFolder, params.model);
  const isAdaptive = params.policy === 'adaptive';
  const nowSec = (): number => (performance.timeOrigin + context.clock.nowMs()) / MS_PER_SEC;
  const capacityBytes = bytesFromText(params.capacity);
  const { engine, tokenizer, service } = await openService(folder, {
    capacityBytes,
    clock: context.clock,
    alignTokens: params.alignTokens,
    now: nowSec,
    ...(isAdaptive ? {} : { policy: policyFromName(params.policy) }),
  });
  const codecs = { state: engine.stateCodec, kv: engine.kvBytes };
  const snapshotPath = params.snapshot === '' ? undefined : resolve(context.workingFolder, params.snapshot);
  if (snapshotPath !== undefined && existsSync(snapshotPath)) {
    const { restored, dropped } = await restoreSnapshot(service.cache, snapshotPath, codecs);
    context.progress({ phase: `restored ${restored} nodes, dropped ${dropped}` });
  }
  await using publisher =
    params.events === '' ? undefined : await publishKvEvents(service.cache, params.events, nowSec);
  using tuner = isAdaptive
    ? new ShadowTuner({ profile: engine.profile, capacityBytes, keepTokens: 1 }, (policy) =>
        service.cache.setPolicy(policy),
      )
    : undefined;
  const app = createApp(service, {
    tokenizer,
    model: MODEL_NAME,
    now: nowSec,
    standings: tuner === undefined ? undefined : () => tuner.standings,
    onRequest: (prompt, { tokens, numReadTokens }) =>
      tuner?.observe(prompt, Int32Array.from(tokens.slice(0, numReadTokens))),
  });
  const server = serve({ fetch: app.fetch, hostname: params.host, port: params.port });
  const address = `http://${params.host}:${params.port}/v1`;
  context.progress({
    phase: `serving ${MODEL_NAME} on ${address}${publisher === undefined ? '' : `, events on ${publisher.endpoint}`}`,
  });
  await new Promise<void>((stop) => context.signal.addEventListener('abort', () => stop(), { once: true }));
  server.close();
  if (snapshotPath !== undefined) await saveSnapshot(service.cache, snapshotPath, codecs);
  const view = viewCache(service.cache);
  return {
    ok: true,
    value: view,
    report: {
      title: 'Server',
      verdict: {
        tone: 'info',
        text: `${view.counters.requests} requests; ${formatPercent(view.tokenHitRate)} of their prompt tokens came from the cache, which took ${formatBytes(view.peakBytes)} at most.`,
      },
      blocks: [],
    },
  };
}
