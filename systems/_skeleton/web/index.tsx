/** The room's page: the tour's report, and a button that runs it. */
import { RunResult, SampleRunButton, Stack, useVerbRun, type RoomPageProps } from '@tenfold/ui';

export default function SkeletonPage(page: RoomPageProps) {
  const run = useVerbRun(page, 'tour');
  return (
    <Stack>
      <p>Counts the words of a text. For a file of yours use the verb “count”.</p>
      <SampleRunButton run={run} params={{}}>
        Count the README
      </SampleRunButton>
      <RunResult page={page} run={run} empty="Press the button; the words and their lengths appear here." />
    </Stack>
  );
}
