/** The same plans on two worker threads. */
import {
  RunPicker,
  RunResult,
  SampleRunButton,
  Slider,
  useAddressNumber,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { MeasuredView } from './measured-view.tsx';
import { timelinesOf } from './timelines.ts';
import type { MeasuredResult, TourResult } from './results.ts';

export function WorkersLab(page: RoomPageProps) {
  const [ratio, setRatio] = useAddressNumber('ratio', 1.5);
  const [rounds, setRounds] = useAddressNumber('rounds', 3);
  const run = useVerbRun<MeasuredResult>(page, 'run', { addressKey: 'run' });
  const tour = useVerbRun<TourResult>(page, 'tour', { addressKey: 'tour' });
  return (
    <WithControls
      controls={
        <>
          <Slider
            label="All-to-all over experts"
            unit="×"
            min={0.5}
            max={4}
            step={0.5}
            value={ratio}
            onChange={setRatio}
          />
          <Slider label="Timed rounds" min={1} max={15} value={rounds} onChange={setRounds} />
          <SampleRunButton run={run} params={{ ratio, rounds }}>
            Run on two workers
          </SampleRunButton>
          <RunPicker page={page} verb="run" run={run} label="Earlier runs" />
        </>
      }
    >
      {run.runId === undefined && tour.runId !== undefined ? (
        <RunResult page={page} run={tour} empty="">
          {(shown) => (
            // The tour plans first: its last two timelines are measured.
            <MeasuredView
              result={shown.result!.measured}
              timelines={timelinesOf(shown.report!).timelines.slice(2)}
              others={[]}
            />
          )}
        </RunResult>
      ) : (
        <RunResult page={page} run={run} empty="Press “Run on two workers”: real tensors, six modes, the same bits.">
          {(shown) => <MeasuredView result={shown.result!} {...timelinesOf(shown.report!)} />}
        </RunResult>
      )}
    </WithControls>
  );
}
