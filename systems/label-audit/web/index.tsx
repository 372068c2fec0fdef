/** The room's page. */
import { RunResult, SampleRunButton, Stack, useVerbRun, type RoomPageProps } from '@tenfold/ui';

export default function LabelAuditPage(page: RoomPageProps) {
  const run = useVerbRun(page, 'tour');
  return (
    <Stack>
      <SampleRunButton run={run} params={{}}>
        Audit noisy MNIST
      </SampleRunButton>
      <RunResult page={page} run={run} empty="Press the button; suspicious digits appear here." />
    </Stack>
  );
}
