/** What a faster or slower network would change. */
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
import { GATES } from './results.ts';

export function BandwidthLab(page: RoomPageProps) {
  const [model, setModel] = useAddressState<'s' | 'l'>('model', 's');
  const [gate, setGate] = useAddressState<(typeof GATES)[number]>('gate', 'switch');
  const run = useVerbRun(page, 'sweep', { addressKey: 'sweep' });
  return (
    <WithControls
      controls={
        <>
          <SelectField
            label="Model"
            value={model}
            onChange={setModel}
            options={[
              { value: 's', label: 'GPT2-S-MoE, 12 layers' },
              { value: 'l', label: 'GPT2-L-MoE, 24 layers' },
            ]}
          />
          <SelectField label="Gate" value={gate} onChange={setGate} options={GATES} />
          <SampleRunButton run={run} params={{ model, gate }}>
            Sweep the bandwidth
          </SampleRunButton>
          <RunPicker page={page} verb="sweep" run={run} label="Earlier sweeps" />
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Sweep the bandwidth”: five networks, planned anew for each." />
    </WithControls>
  );
}
