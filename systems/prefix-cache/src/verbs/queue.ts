/** queue: time to first token with arrivals, servers and waiting. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { reportQueue } from '../report.ts';
import { simulateQueue } from '../sim/queueing.ts';
import { capacityFromText, openNamedTrace, openProfile } from './trace-source.ts';

interface QueueParams {
  readonly trace: string;
  readonly policies: string;
  readonly capacity: string;
  readonly model: string;
  readonly limit?: number;
  readonly servers: number;
  readonly speedUp: number;
  readonly teraFlops: number;
  readonly overheadMs: number;
  readonly decodeMs: number;
  readonly loadGbPerSec: number;
}

const MS_PER_SEC = 1000;

export async function run(params: QueueParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'reading the trace' });
  const trace = await openNamedTrace(params.trace, params.limit, context);
  const { profile } = await openProfile(params.model, context);
  const capacityBytes = capacityFromText(params.capacity, trace, profile);
  const policies = params.policies.split(',').map((name) => name.trim());
  const runs = policies.map((policy, done) => {
    context.progress({ phase: 'simulating', done, total: policies.length });
    const hardware = {
      flopsPerSec: params.teraFlops * 1e12,
      bytesPerSec: params.loadGbPerSec * 1e9,
      overheadSec: params.overheadMs / MS_PER_SEC,
      decodeSecPerToken: params.decodeMs / MS_PER_SEC,
    };
    const served = simulateQueue(trace, {
      profile,
      policy,
      hardware,
      capacityBytes,
      servers: params.servers,
      speedUp: params.speedUp,
      signal: context.signal,
    });
    return { policy, served };
  });
  const report = reportQueue(runs, { trace, capacityBytes, servers: params.servers });
  return { ok: true, value: { capacityBytes, runs }, report };
}
