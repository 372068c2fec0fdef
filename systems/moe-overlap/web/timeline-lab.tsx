/** Before and after on two lanes, with the matching of weight gradients to all-to-alls. */
import {
  BlockView,
  FigureRow,
  Panel,
  RunPicker,
  RunResult,
  SampleRunButton,
  SelectField,
  Slider,
  Stack,
  useAddressNumber,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { GradientMatching } from './gradient-matching.tsx';
import { LaneCompare } from './lane-compare.tsx';
import { timelinesOf } from './timelines.ts';
import { GATES, type OptimiseResult } from './results.ts';

export function TimelineLab(page: RoomPageProps) {
  const [model, setModel] = useAddressState<'s' | 'l'>('model', 's');
  const [gate, setGate] = useAddressState<(typeof GATES)[number]>('gate', 'switch');
  const [batch, setBatch] = useAddressNumber('batch', 24);
  const [maxParts, setMaxParts] = useAddressNumber('parts', 8);
  const [bandwidth, setBandwidth] = useAddressNumber('bandwidth', 1);
  const run = useVerbRun<OptimiseResult>(page, 'optimise', { addressKey: 'optimise' });
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
      <RunResult page={page} run={run} empty="Press “Optimise” to see both lanes before and after.">
        {(shown) => {
          const { speedUp, exposedRatio, optimiseMs, matching } = shown.result!;
          const { timelines, others } = timelinesOf(shown.report!);
          const names = ['As written', 'Planned'];
          return (
            <Stack>
              <FigureRow
                figures={[
                  { label: 'predicted speed-up', value: speedUp, unit: '×', format: 'number', digits: 2 },
                  { label: 'exposed communication left', value: exposedRatio, format: 'percent', digits: 1 },
                  { label: 'optimised in', value: optimiseMs, format: 'duration-ms' },
                ]}
              />
              <Panel title="One step, before and after">
                <LaneCompare orders={timelines.map((block, index) => ({ name: names[index] ?? '', block }))} />
              </Panel>
              <Panel title="Which gradients hide which all-to-all">
                <GradientMatching matching={matching} />
              </Panel>
              {others.map((block, index) => (
                <BlockView key={index} block={block} />
              ))}
              <details>
                <summary>Every operation, to zoom into</summary>
                {timelines.map((block, index) => (
                  <BlockView key={index} block={block} />
                ))}
              </details>
            </Stack>
          );
        }}
      </RunResult>
    </WithControls>
  );
}
