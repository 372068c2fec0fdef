/** Checks two traces of one's own on the machine of the studio. */
import {
  RunPicker,
  RunResult,
  SampleRunButton,
  TextField,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { CheckView } from './check-view.tsx';
import type { PageCheck } from './results.ts';

export function TraceCheckView(page: RoomPageProps) {
  const run = useVerbRun<PageCheck>(page, 'check', { addressKey: 'check' });
  const [reference, setReference] = useAddressState<string>('reference', '');
  const [candidate, setCandidate] = useAddressState<string>('candidate', '');
  const [perturbed, setPerturbed] = useAddressState<string>('perturbed', '');
  const pert = perturbed.split(/[\s,]+/).filter((path) => path !== '');
  return (
    <WithControls
      controls={
        <>
          <TextField label="Reference" help="folder with run.json" value={reference} onChange={setReference} mono />
          <TextField label="Candidate" help="folder with run.json" value={candidate} onChange={setCandidate} mono />
          <TextField
            label="Perturbed runs"
            help="folders, separated by commas"
            value={perturbed}
            onChange={setPerturbed}
            mono
          />
          <SampleRunButton run={run} params={{ reference, candidate, pert }}>
            Check
          </SampleRunButton>
          <RunPicker page={page} verb="check" run={run} label="Earlier checks" />
        </>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty="Record two runs with the collector (verb “collector”), type their folders and press “Check”."
      >
        {(detail) => (detail.result ? <CheckView check={detail.result} /> : null)}
      </RunResult>
    </WithControls>
  );
}
