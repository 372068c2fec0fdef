/** Runs the simulator with a mesh, a precision and a bug. Before the first run it shows what the tour found. */
import {
  RunPicker,
  RunResult,
  SampleRunButton,
  SelectField,
  Stack,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { BUG_TEXTS, type BugName } from '../src/sim/bug-texts.ts';
import { CheckView } from './check-view.tsx';
import type { PageCheck } from './results.ts';

const BUGS: readonly { readonly value: BugName | 'none'; readonly label: string }[] = [
  { value: 'none', label: 'no bug' },
  ...BUG_TEXTS.map(({ label, name }) => ({ value: name, label: `${label}  ${name}` })),
];
const MESHES = [
  { value: '', label: 'where the bug shows' },
  { value: 'tp2', label: 'tp2 (tensor parallel)' },
  { value: 'tp2 sp', label: 'tp2 sp (and sequence parallel)' },
  { value: 'tp4', label: 'tp4' },
  { value: 'cp2', label: 'cp2 (context parallel, zigzag ring)' },
  { value: 'dp2', label: 'dp2 (data parallel)' },
  { value: 'dp2 zero', label: 'dp2 zero (sharded optimiser)' },
  { value: 'pp2', label: 'pp2 (pipeline)' },
  { value: 'pp2 vpp2', label: 'pp2 vpp2 (virtual stages)' },
  { value: 'tp2 cp2 sp', label: 'tp2 cp2 sp' },
  { value: 'pp2 tied', label: 'pp2 tied (tied embeddings)' },
  { value: 'tp2 sp moe', label: 'tp2 sp moe (experts)' },
] as const;
const PRECISIONS = [
  { value: 'default', label: 'where the bug shows' },
  { value: 'float32', label: 'float32' },
  { value: 'bfloat16', label: 'bfloat16' },
  { value: 'float8', label: 'float8 with bfloat16 storage' },
] as const;

interface TourValue {
  readonly found: PageCheck;
}

export function BugLab(page: RoomPageProps) {
  const run = useVerbRun<PageCheck>(page, 'simulate');
  const tour = useVerbRun<TourValue>(page, 'tour', { addressKey: 'tour' });
  const [bug, setBug] = useAddressState<BugName | 'none'>('bug', 'cp-attention-backward');
  const [mesh, setMesh] = useAddressState<(typeof MESHES)[number]['value']>('mesh', '');
  const [precision, setPrecision] = useAddressState<(typeof PRECISIONS)[number]['value']>('precision', 'default');
  const text = BUG_TEXTS.find(({ name }) => name === bug)?.text;
  const fromTour = run.runId === undefined ? tour.run?.result?.found : undefined;
  return (
    <WithControls
      controls={
        <>
          <SelectField label="Bug" value={bug} onChange={setBug} options={BUGS} help={text && sentence(text)} />
          <SelectField label="Mesh" value={mesh} onChange={setMesh} options={MESHES} />
          <SelectField label="Precision" value={precision} onChange={setPrecision} options={PRECISIONS} />
          <SampleRunButton run={run} params={{ bug: bug === 'none' ? '' : bug, mesh, precision }}>
            Train and check
          </SampleRunButton>
          <RunPicker page={page} verb="simulate" run={run} label="Earlier runs" />
        </>
      }
    >
      {fromTour ? (
        <Stack>
          <p className="trace-check-intro">
            From the tour: two tensor-parallel ranks that forget to sum the gradient of the final norm. Choose another
            bug at the side and press “Train and check”.
          </p>
          <CheckView check={fromTour} />
        </Stack>
      ) : (
        <RunResult page={page} run={run} empty="Choose a bug and press “Train and check”; the map appears here.">
          {(detail) =>
            detail.result && 'findings' in detail.result ? (
              <Stack>
                {detail.result.bugText && (
                  <p className="trace-check-intro">Put in: {sentence(detail.result.bugText)}</p>
                )}
                <CheckView check={detail.result} />
              </Stack>
            ) : null
          }
        </RunResult>
      )}
    </WithControls>
  );
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
