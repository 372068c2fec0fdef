/** The room's page: the tour's report, and a button that runs it. */
import { RunResult, SampleRunButton, Stack, useVerbRun, type RoomPageProps } from '@tenfold/ui';

export default function Page(page: RoomPageProps) {
  const run = useVerbRun(page, 'tour');
  return (
    <Stack>
      <SampleRunButton run={run} params={{}}>
        Train a small street
      </SampleRunButton>
      <RunResult page={page} run={run} empty="Press the button: a street is photographed, trained and scored." />
    </Stack>
  );
}
