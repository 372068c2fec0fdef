/** Our plan beside every rival. */
import { RunResult, SampleRunButton, useVerbRun, WithControls, type RoomPageProps } from '@tenfold/ui';
import { usePlanInputs } from './inputs.tsx';

export function ComparePanel(page: RoomPageProps) {
  const { params, controls } = usePlanInputs();
  const run = useVerbRun(page, 'compare', { addressKey: 'compare' });
  return (
    <WithControls
      controls={
        <>
          {controls}
          <SampleRunButton run={run} params={params}>
            Compare
          </SampleRunButton>
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Compare”: every method at its best settings appears here." />
    </WithControls>
  );
}
