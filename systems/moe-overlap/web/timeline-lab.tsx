/** Before and after on two lanes, with the matching of weight gradients to all-to-alls. */
import { SelectField, Slider, useAddressNumber, useAddressState, VerbLab, type RoomPageProps } from '@tenfold/ui';
import { PlanView } from './plan-view.tsx';
import { GATES, MODELS, type Gate, type OptimiseResult } from './results.ts';
import { timelinesOf } from './timelines.ts';
import { useTourResult } from './tour-result.tsx';

export function TimelineLab(page: RoomPageProps) {
  const [model, setModel] = useAddressState<'s' | 'l'>('model', 's');
  const [gate, setGate] = useAddressState<Gate>('gate', 'switch');
  const [batch, setBatch] = useAddressNumber('batch', 24);
  const [maxParts, setMaxParts] = useAddressNumber('parts', 8);
  const [bandwidth, setBandwidth] = useAddressNumber('bandwidth', 1);
  const tour = useTourResult(page, ({ planned }, timelines) => (
    <PlanView result={planned} timelines={timelines.slice(0, 2)} />
  ));
  return (
    <VerbLab<OptimiseResult>
      page={page}
      verb="optimise"
      addressKey="optimise"
      params={{ model, gate, batch, maxParts, bandwidth }}
      action="Optimise"
      earlier="Earlier plans"
      empty="Press “Optimise” to see both lanes before and after."
      instead={tour}
      fields={
        <>
          <SelectField label="Model" value={model} onChange={setModel} options={MODELS} />
          <SelectField label="Gate" value={gate} onChange={setGate} options={GATES} />
          <Slider label="Sequences per device" min={8} max={48} step={8} value={batch} onChange={setBatch} />
          <Slider label="Most parts" min={1} max={8} value={maxParts} onChange={setMaxParts} />
          <Slider
            label="Bandwidth between nodes"
            unit="×"
            min={0.25}
            max={4}
            step={0.25}
            value={bandwidth}
            onChange={setBandwidth}
          />
        </>
      }
    >
      {(shown) => <PlanView result={shown.result!} {...timelinesOf(shown.report!)} />}
    </VerbLab>
  );
}
