/** serve: the OpenAI-compatible server on the room's own engine or on llama.cpp, until it is stopped. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { bytesFromText, formatBytes, formatPercent } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { policyFromName } from '../cache/eviction.ts';
import { restoreSnapshot, saveSnapshot } from '../cache/snapshot.ts';
import { openLlamaService, openService, type OpenedService } from '../engine/open-engine.ts';
import type { EngineBackend } from '../engine/types.ts';
import { createApp } from '../server/app.ts';
import { publishKvEvents } from '../server/kv-publisher.ts';
import { addressOf, assertGuarded, listen } from '../server/listen.ts';
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
  readonly apiKey: string;
}

const MS_PER_SEC = 1000;

export async function run(params: ServeParams, context: VerbContext): Promise<VerbResult> {
  const path = params.model === '' ? MODEL_FOLDER : resolve(context.workingFolder, params.model);
  const capacityBytes = bytesFromText(params.capacity);
  const options = {
    capacityBytes,
    clock: context.clock,
    alignTokens: params.alignTokens,
    now: () => nowSecOf(context),
    ...(params.policy === 'adaptive' ? {} : { policy: policyFromName(params.policy) }),
  };
  assertGuarded(params);
  context.progress({ phase: 'loading the model' });
  if (!path.endsWith('.gguf')) return serveOn(await openService(path, options), basename(path), params, context);
  const opened = await openLlamaService(path, options);
  await using _ = opened.engine;
  return await serveOn(opened, basename(path, '.gguf'), params, context);
}

async function serveOn<State, Kv>(
  { engine, tokenizer, service }: OpenedService<EngineBackend<State, Kv>, State, Kv>,
  model: string,
  params: ServeParams,
  context: VerbContext,
): Promise<VerbResult> {
  const { cache } = service;
  const nowSec = (): number => nowSecOf(context);
  const codecs = { state: engine.stateCodec, kv: engine.kvBytes };
  const snapshotPath = params.snapshot === '' ? undefined : resolve(context.workingFolder, params.snapshot);
  if (snapshotPath !== undefined && existsSync(snapshotPath)) {
    const { restored, dropped } = await restoreSnapshot(cache, snapshotPath, codecs);
    context.progress({ phase: `restored ${restored} nodes, dropped ${dropped}` });
  }
  await using publisher = params.events === '' ? undefined : await publishKvEvents(cache, params.events, nowSec);
  const tunes = params.policy === 'adaptive';
  using tuner = tunes
    ? new ShadowTuner({ profile: engine.profile, capacityBytes: cache.capacityBytes, keepTokens: 1 }, (policy) =>
        cache.setPolicy(policy),
      )
    : undefined;
  const app = createApp(service, {
    tokenizer,
    model,
    now: nowSec,
    apiKey: params.apiKey === '' ? undefined : params.apiKey,
    standings: tuner === undefined ? undefined : () => ({ policies: tuner.standings, numObserved: tuner.numObserved }),
    onRequest: (prompt, { tokens, numReadTokens }) =>
      tuner?.observe(prompt, Int32Array.from(tokens.slice(0, numReadTokens))),
  });
  await using _server = await listen(app.fetch, params);
  const address = `${addressOf(params)}/v1`;
  const events =
    publisher === undefined ? '' : `, events on ${publisher.endpoint}, replay on ${publisher.replayEndpoint}`;
  context.progress({ phase: `serving ${model} on ${address}${events}` });
  await new Promise<void>((stop) => context.signal.addEventListener('abort', () => stop(), { once: true }));
  if (snapshotPath !== undefined) await saveSnapshot(cache, snapshotPath, codecs);
  const view = viewCache(cache);
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

/** Seconds since 1970 by the run's own clock. */
function nowSecOf({ clock }: VerbContext): number {
  return (performance.timeOrigin + clock.nowMs()) / MS_PER_SEC;
}
