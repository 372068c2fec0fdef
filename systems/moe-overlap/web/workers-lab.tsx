/** The same plans on two worker threads. */
import {
  BlockView,
  FigureRow,
  Panel,
  RunPicker,
  RunResult,
  SampleRunButton,
  Slider,
  Stack,
  useAddressNumber,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { LaneCompare } from './lane-compare.tsx';
import { timelinesOf } from './timelines.ts';
import type { MeasuredResult } from './results.ts';

export function WorkersLab(page: RoomPageProps) {
  const [ratio, setRatio] = useAddressNumber('ratio', 1.5);
  const [rounds, setRounds] = useAddressNumber('rounds', 3);
  const run = useVerbRun<MeasuredResult>(page, 'run', { addressKey: 'run' });
  return (
    <WithControls
      controls={
        <>
          <Slider
            label="All-to-all over experts"
            unit="×"
            min={0.5}
            max={4}
            step={0.5}
            value={ratio}
            onChange={setRatio}
          />
          <Slider label="Timed rounds" min={1} max={15} value={rounds} onChange={setRounds} />
          <SampleRunButton run={run} params={{ ratio, rounds }}>
            Run on two workers
          </SampleRunButton>
          <RunPicker page={page} verb="run" run={run} label="Earlier runs" />
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Run on two workers”: real tensors, six modes, the same bits.">
        {(shown) => {
          const { modes, numGradients } = shown.result!;
          const exposed = (name: string): number => modes.find(({ mode }) => mode === name)?.exposedMs ?? NaN;
          const errors = modes.map(({ error }) => Math.abs(error));
          const { timelines, others } = timelinesOf(shown.report!);
          const names = ['As written', 'Both passes'];
          return (
            <Stack>
              <FigureRow
                figures={[
                  { label: 'exposed, as written', value: exposed('none'), unit: 'ms', format: 'number', digits: 1 },
                  { label: 'exposed, both passes', value: exposed('both'), unit: 'ms', format: 'number', digits: 1 },
                  { label: 'largest prediction error', value: Math.max(...errors), format: 'percent', digits: 1 },
                  { label: 'gradients equal bit for bit', value: numGradients, format: 'count' },
                ]}
              />
              <Panel title="Measured on worker 0, last round">
                <LaneCompare orders={timelines.map((block, index) => ({ name: names[index] ?? '', block }))} />
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
