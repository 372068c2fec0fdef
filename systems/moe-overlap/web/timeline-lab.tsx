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
import { GradientLinks } from './gradient-links.tsx';
import type { OptimiseResult } from './results.ts';

const GATES = ['switch', 'topk', 'topk-ranked', 'bpr', 'hash', 'expert-choice'] as const;

export function TimelineLab(page: RoomPageProps) {
  const [model, setModel] = useAddressState<'s' | 'l'>('model', 's');
  const [gate, setGate] = useAddressState<(typeof GATES)[number]>('gate', 'switch');
  const [batch, setBatch] = useAddressNumber('batch', 24);
  const [maxParts, setMaxParts] = useAddressNumber('parts', 8);
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
          <SampleRunButton run={run} params={{ model, gate, batch, maxParts }}>
            Optimise
          </SampleRunButton>
          <RunPicker page={page} verb="optimise" run={run} label="Earlier plans" />
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Optimise” to see both lanes before and after.">
        {(shown) => (
          <Stack>
            <FigureRow
              figures={[
                { label: 'predicted speed-up', value: shown.result!.speedUp, unit: '×', format: 'number', digits: 2 },
                { label: 'exposed communication left', value: shown.result!.exposedRatio, format: 'percent' },
                { label: 'optimised in', value: shown.result!.optimiseMs, format: 'duration-ms' },
              ]}
            />
            {shown
              .report!.blocks.filter(({ kind }) => kind !== 'figures')
              .map((block, index) => (
                <BlockView key={index} block={block} />
              ))}
            <Panel title="Which gradients hide which all-to-all">
              <GradientLinks links={shown.result!.dw} />
            </Panel>
          </Stack>
        )}
      </RunResult>
    </WithControls>
  );
}
