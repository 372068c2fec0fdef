/** Several backbones on one cluster. */
import {
  RunResult,
  SampleRunButton,
  SelectField,
  Slider,
  useAddressNumber,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { CLUSTERS } from './inputs.tsx';

export function CascadePanel(page: RoomPageProps) {
  const [cluster, setCluster] = useAddressState<string>('cluster', 'workstation');
  const [devices, setDevices] = useAddressNumber('devices', 8);
  const [batch, setBatch] = useAddressNumber('batch', 64);
  const run = useVerbRun(page, 'cascade', { addressKey: 'cascade' });
  return (
    <WithControls
      controls={
        <>
          <SelectField label="Cluster" value={cluster} onChange={setCluster} options={CLUSTERS} />
          <Slider label="Devices" min={2} max={64} step={2} value={devices} onChange={setDevices} />
          <Slider label="Batch" min={16} max={512} step={16} value={batch} onChange={setBatch} />
          <SampleRunButton run={run} params={{ cluster, devices, batch }}>
            Compare ways
          </SampleRunButton>
        </>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty="Press “Compare ways”: two cascaded U-Nets in both directions, side by side, and one after another."
      />
    </WithControls>
  );
}
