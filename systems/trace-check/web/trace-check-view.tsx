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

const START = 'trace.start("trace-candidate", role="candidate", mesh={"tp": 2}, precision="bfloat16")';

function Steps() {
  return (
    <ol className="trace-check-steps">
      <li>
        <code>tenfold trace-check collector</code> writes one Python file and shows the seven lines for your script; the
        first is <code>{START}</code>.
      </li>
      <li>
        Run the script on one device with <code>role="reference"</code>, and once or more with{' '}
        <code>role="perturbed", perturb=&#123;"seed": 1, "ulps": 1&#125;</code>: this measures what rounding may do.
      </li>
      <li>Run it as you train, with your mesh. Every run writes a folder.</li>
      <li>Type the folders at the side and press “Check”.</li>
    </ol>
  );
}

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
      <RunResult page={page} run={run} empty={<Steps />}>
        {(detail) => (detail.result ? <CheckView check={detail.result} /> : null)}
      </RunResult>
    </WithControls>
  );
}
