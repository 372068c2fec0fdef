/** playback: the radix tree while a trace is replayed, frame by frame. */
import { formatBytes, formatPercent } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { playTrace } from '../sim/playback.ts';
import { capacityFromText, openNamedTrace, openProfile } from './trace-source.ts';

interface PlaybackParams {
  readonly trace: string;
  readonly capacity: string;
  readonly model: string;
  readonly limit?: number;
  readonly policy: string;
  readonly frames: number;
}

export async function run(params: PlaybackParams, context: VerbContext): Promise<VerbResult> {
  const trace = await openNamedTrace(params.trace, params.limit, context);
  const { profile } = await openProfile(params.model, context);
  const capacityBytes = capacityFromText(params.capacity, trace, profile);
  const frames = playTrace(trace, { profile, capacityBytes, policy: params.policy }, params.frames);
  const last = frames.at(-1)!;
  return {
    ok: true,
    value: {
      policy: params.policy,
      capacityBytes,
      stateBytes: profile.stateBytes,
      kvBytesPerToken: profile.kvBytesPerToken,
      frames,
    },
    report: {
      title: `Playback of ${trace.name}`,
      verdict: {
        tone: 'info',
        text: `After ${last.served} requests ${params.policy} holds ${last.nodes.length} nodes in ${formatBytes(last.bytes)} and has reused ${formatPercent(last.tokenHitRate)} of the prompt tokens.`,
      },
      blocks: [
        {
          kind: 'plot',
          caption: 'Token hit rate so far',
          mark: 'line',
          x: { label: 'requests' },
          y: { label: 'token hit rate' },
          series: [
            { name: params.policy, points: frames.map(({ served, tokenHitRate }) => ({ x: served, y: tokenHitRate })) },
          ],
        },
      ],
    },
  };
}
