/** Trace playback: a slider over the frames of a replay. */
import {
  FigureRow,
  Panel,
  RunResult,
  SampleRunButton,
  SelectField,
  Slider,
  Stack,
  useAddressNumber,
  useAddressState,
  useTourReport,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { Candidates } from './candidates.tsx';
import { Icicle } from './icicle.tsx';
import type { PlaybackResult } from './results.ts';

const POLICIES = ['hitDensity', 'marconi:0.25', 'marconi:1', 'lru', 'leafLru', 'superseded', 'gdsf', 'segLen'] as const;

export function Playback(page: RoomPageProps) {
  const run = useVerbRun<PlaybackResult>(page, 'playback', { addressKey: 'play' });
  const [policy, setPolicy] = useAddressState<(typeof POLICIES)[number]>('policy', 'hitDensity');
  const [capacity, setCapacity] = useAddressNumber('gb', 1);
  const tour = useTourReport(page, 'Press “Replay the recording” to see the tree of the cache, request by request.');
  const [at, setAt] = useAddressNumber('frame', 1000);
  return (
    <WithControls
      controls={
        <>
          <SelectField
            label="Policy"
            value={policy}
            options={POLICIES.map((value) => ({ value, label: value }))}
            onChange={setPolicy}
          />
          <Slider label="Capacity" unit="GB" min={0.5} max={4} step={0.5} value={capacity} onChange={setCapacity} />
          <SampleRunButton run={run} params={{ policy, capacity: `${capacity}GB` }}>
            Replay the recording
          </SampleRunButton>
        </>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty="Press “Replay the recording”; the tree of the cache appears here, request by request."
        instead={tour}
      >
        {({ result }) => {
          const { frames } = result!;
          const index = Math.min(at, frames.length - 1);
          const frame = frames[index]!;
          const maxTokens = Math.max(...frames.flatMap(({ nodes }) => nodes.map(({ end }) => end)));
          return (
            <Stack>
              <Slider label="After request" min={0} max={frames.length - 1} value={index} onChange={setAt} />
              <FigureRow
                figures={[
                  { label: 'requests', value: frame.served, format: 'count' },
                  {
                    label: 'reused in this request',
                    value: frame.inputTokens === 0 ? 0 : frame.reusedTokens / frame.inputTokens,
                    format: 'percent',
                  },
                  { label: 'token hit rate so far', value: frame.tokenHitRate, format: 'percent' },
                  { label: 'bytes', value: frame.bytes, format: 'bytes' },
                ]}
              />
              <Panel title="Radix tree">
                <Icicle tree={frame} maxTokens={maxTokens} />
              </Panel>
              <Panel title="What may be evicted">
                <Candidates tree={frame} />
              </Panel>
            </Stack>
          );
        }}
      </RunResult>
    </WithControls>
  );
}
