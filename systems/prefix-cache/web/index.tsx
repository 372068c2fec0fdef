/** The room's page: the tour's report, and a button that runs it. */
import { RunResult, SampleRunButton, Stack, useVerbRun, type RoomPageProps } from '@tenfold/ui';

export default function PrefixCachePage(page: RoomPageProps) {
  const run = useVerbRun(page, 'tour');
  return (
    <Stack>
      <SampleRunButton run={run} params={{}}>
        Run the tour
      </SampleRunButton>
      <RunResult page={page} run={run} empty="Press the button; policies, bounds and live figures appear here." />
    </Stack>
  );
}
