/** Before and after on two lanes, with the matching of weight gradients to all-to-alls. */
import {
  RunPicker,
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
import { PlanView } from './plan-view.tsx';
import { timelinesOf } from './timelines.ts';
import { GATES, type OptimiseResult, type TourResult } from './results.ts';

export function TimelineLab(page: RoomPageProps) {
  const [model, setModel] = useAddressState<'s' | 'l'>('model', 's');
  const [gate, setGate] = useAddressState<(typeof GATES)[number]>('gate', 'switch');
  const [batch, setBatch] = useAddressNumber('batch', 24);
  const [maxParts, setMaxParts] = useAddressNumber('parts', 8);
  const [bandwidth, setBandwidth] = useAddressNumber('bandwidth', 1);
  const run = useVerbRun<OptimiseResult>(page, 'optimise', { addressKey: 'optimise' });
  const tour = useVerbRun<TourResult>(page, 'tour', { addressKey: 'tour' });
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
          <SampleRunButton run={run} params={{ model, gate, batch, maxParts, bandwidth }}>
            Optimise
          </SampleRunButton>
          <RunPicker page={page} verb="optimise" run={run} label="Earlier plans" />
        </>
      }
    >
      {run.runId === undefined && tour.runId !== undefined ? (
        <RunResult page={page} run={tour} empty="">
          {(shown) => (
            // The tour plans first: its first two timelines are those of the plan.
            <PlanView result={shown.result!.planned} timelines={timelinesOf(shown.report!).timelines.slice(0, 2)} />
          )}
        </RunResult>
      ) : (
        <RunResult page={page} run={run} empty="Press “Optimise” to see both lanes before and after.">
          {(shown) => <PlanView result={shown.result!} {...timelinesOf(shown.report!)} />}
        </RunResult>
      )}
    </WithControls>
  );
}
