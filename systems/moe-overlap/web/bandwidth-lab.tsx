/** What a faster or slower network would change. */
import { ReportView, SelectField, useAddressState, VerbLab, type RoomPageProps } from '@tenfold/ui';
import { GATES, MODELS, type Gate } from './results.ts';

export function BandwidthLab(page: RoomPageProps) {
  const [model, setModel] = useAddressState<'s' | 'l'>('model', 's');
  const [gate, setGate] = useAddressState<Gate>('gate', 'switch');
  return (
    <VerbLab
      page={page}
      verb="sweep"
      addressKey="sweep"
      params={{ model, gate }}
      action="Sweep the bandwidth"
      earlier="Earlier sweeps"
      empty="Press “Sweep the bandwidth”: five networks, planned anew for each."
      fields={
        <>
          <SelectField label="Model" value={model} onChange={setModel} options={MODELS} />
          <SelectField label="Gate" value={gate} onChange={setGate} options={GATES} />
        </>
      }
    >
      {(shown) => <ReportView report={shown.report!} />}
    </VerbLab>
  );
}
