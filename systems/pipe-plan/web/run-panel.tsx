/** The mini model on real workers: predicted and measured timelines one above the other. */
import {
  RunResult,
  SampleRunButton,
  Slider,
  useAddressNumber,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';

export function RunPanel(page: RoomPageProps) {
  const [stages, setStages] = useAddressNumber('stages', 2);
  const run = useVerbRun(page, 'run', { addressKey: 'run' });
  return (
    <WithControls
      controls={
        <>
          <Slider label="Stages (workers)" min={1} max={4} value={stages} onChange={setStages} />
          <SampleRunButton run={run} params={{ stages }}>
            Run on workers
          </SampleRunButton>
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Run on workers”: it takes about half a minute." />
    </WithControls>
  );
}
