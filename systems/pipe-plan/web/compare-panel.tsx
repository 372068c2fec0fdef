/** Our plan beside every rival. */
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

export function ComparePanel(page: RoomPageProps) {
  const [model, setModel] = useAddressState<string>('model', 'sd21');
  const [cluster, setCluster] = useAddressState<string>('cluster', 'workstation');
  const [devices, setDevices] = useAddressNumber('devices', 8);
  const [batch, setBatch] = useAddressNumber('batch', 64);
  const run = useVerbRun(page, 'compare');
  const options = (values: readonly string[]) => values.map((value) => ({ value, label: value }));
  return (
    <WithControls
      controls={
        <>
          <SelectField
            label="Model"
            value={model}
            onChange={setModel}
            options={options(['sd21', 'sd15', 'controlnet', 'dit-xl'])}
          />
          <SelectField
            label="Cluster"
            value={cluster}
            onChange={setCluster}
            options={options(['workstation', 'a100-efa', 'a100-slow'])}
          />
          <Slider label="Devices" min={2} max={64} step={2} value={devices} onChange={setDevices} />
          <Slider label="Batch" min={16} max={512} step={16} value={batch} onChange={setBatch} />
          <SampleRunButton run={run} params={{ model, cluster, devices, batch }}>
            Compare
          </SampleRunButton>
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Compare”: every method at its best settings appears here." />
    </WithControls>
  );
}
