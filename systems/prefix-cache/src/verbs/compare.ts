/** compare: a parity replay beside what another simulator reused, request by request. */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { replayTrace } from '../sim/replay.ts';
import { malformed } from '../trace/request-builder.ts';
import { capacityFromText, openNamedTrace, openProfile } from './trace-source.ts';

interface CompareParams {
  readonly official: string;
  readonly trace: string;
  readonly limit?: number;
  readonly policy: string;
  readonly capacity: string;
  readonly model: string;
}

const SHOWN = 20;

export async function run(params: CompareParams, context: VerbContext): Promise<VerbResult> {
  const theirs = await readReused(resolve(context.workingFolder, params.official));
  const trace = await openNamedTrace(params.trace, params.limit, context);
  const { profile, paperModel } = await openProfile(params.model, context);
  const capacityBytes = capacityFromText(params.capacity, trace, profile);
  if (theirs.length !== trace.requests.length)
    throw malformed(`reused tokens of ${trace.requests.length} requests`, theirs.length, basename(params.official));
  const { reused } = replayTrace(trace, {
    profile,
    paperModel,
    capacityBytes,
    policy: params.policy,
    signal: context.signal,
  });
  const differing = reused.flatMap((ours, request) =>
    ours === theirs[request]
      ? []
      : [{ request, prompt: trace.requests[request]!.inputTokens, ours, theirs: theirs[request]! }],
  );
  const ok = differing.length === 0;
  return {
    ok,
    value: { requests: reused.length, differing: differing.length, first: differing[0] ?? null },
    report: {
      title: `${params.policy} beside ${basename(params.official)}`,
      verdict: {
        tone: ok ? 'good' : 'bad',
        text: ok
          ? `All ${reused.length} requests reuse the same number of tokens.`
          : `${differing.length} of ${reused.length} requests differ; the first is request ${differing[0]!.request}.`,
      },
      blocks: ok
        ? []
        : [
            {
              kind: 'table',
              caption: `The first ${Math.min(SHOWN, differing.length)} that differ`,
              columns: [
                { key: 'request', label: 'request', format: 'count' },
                { key: 'prompt', label: 'prompt tokens', format: 'count' },
                { key: 'ours', label: 'reused here', format: 'count' },
                { key: 'theirs', label: 'reused there', format: 'count' },
              ],
              rows: differing.slice(0, SHOWN),
            },
          ],
    },
  };
}

/** A JSON list of reused tokens, or an object with such a list as `reused`, or a list of [hit, tokens, reused]. */
async function readReused(path: string): Promise<readonly number[]> {
  const location = basename(path);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw malformed('JSON', (cause as Error).message, location);
  }
  const list = Array.isArray(json) ? json : (json as { reused?: unknown } | null)?.reused;
  if (!Array.isArray(list)) throw malformed('a list, or an object with a list "reused"', json, location);
  return list.map((entry: unknown, index) => {
    const number: unknown = Array.isArray(entry) ? entry.at(-1) : entry;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0)
      throw malformed(`reused[${index}] to be a number of tokens`, entry, location);
    return number;
  });
}
