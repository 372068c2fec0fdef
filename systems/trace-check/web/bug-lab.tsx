/** Runs the simulator with a mesh, a precision and a bug. */
import {
  RunPicker,
  RunResult,
  SampleRunButton,
  SelectField,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { CheckView } from './check-view.tsx';
import type { PageCheck } from './results.ts';

const BUG_NAMES = [
  'no bug',
  'tp-embedding-mask',
  'recompute-input',
  'cp-loss-scale',
  'dp-loss-scale',
  'tied-not-summed',
  'sp-router-grad',
  'fp8-amax-group',
  'zero-update',
  'pp-division',
  'recompute-precision',
  'overlap-flush',
  'cp-attention-backward',
  'norm-grad-twice',
  'sp-final-norm',
] as const;
const MESHES = [
  'mesh of the bug',
  'tp2',
  'tp2 sp',
  'tp4',
  'cp2',
  'dp2',
  'dp2 zero',
  'pp2',
  'pp2 vpp2',
  'tp2 cp2 sp',
  'pp2 tied',
  'tp2 sp moe',
] as const;
const PRECISIONS = ['default', 'float32', 'bfloat16', 'float8'] as const;

export function BugLab(page: RoomPageProps) {
  const run = useVerbRun<PageCheck>(page, 'simulate');
  const [bug, setBug] = useAddressState<(typeof BUG_NAMES)[number]>('bug', 'cp-attention-backward');
  const [mesh, setMesh] = useAddressState<(typeof MESHES)[number]>('mesh', 'mesh of the bug');
  const [precision, setPrecision] = useAddressState<(typeof PRECISIONS)[number]>('precision', 'default');
  const params = { bug: bug === 'no bug' ? '' : bug, mesh: mesh === 'mesh of the bug' ? '' : mesh, precision };
  return (
    <WithControls
      controls={
        <>
          <SelectField label="Bug" value={bug} onChange={setBug} options={BUG_NAMES} />
          <SelectField label="Mesh" value={mesh} onChange={setMesh} options={MESHES} />
          <SelectField label="Precision" value={precision} onChange={setPrecision} options={PRECISIONS} />
          <SampleRunButton run={run} params={params}>
            Train and check
          </SampleRunButton>
          <RunPicker page={page} verb="simulate" run={run} label="Earlier runs" />
        </>
      }
    >
      <RunResult page={page} run={run} empty="Choose a bug and press “Train and check”; the heat map appears here.">
        {(detail) => (detail.result && 'findings' in detail.result ? <CheckView check={detail.result} /> : null)}
      </RunResult>
    </WithControls>
  );
}
