/** The room's page. */
import { RunResult, SampleRunButton, Stack, useVerbRun, type RoomPageProps } from '@tenfold/ui';

export default function SelfTrainPage(page: RoomPageProps) {
  const run = useVerbRun(page, 'tour');
  return (
    <Stack>
      <SampleRunButton run={run} params={{}}>
        From fonts to handwriting
      </SampleRunButton>
      <RunResult
        page={page}
        run={run}
        empty="Press the button: a network that knows printed digits learns handwriting."
      />
    </Stack>
  );
}
