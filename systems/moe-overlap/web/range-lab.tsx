/** One layer's range: how far it reaches and into how many parts. */
import {
  BlockView,
  FigureRow,
  RunResult,
  SampleRunButton,
  Slider,
  Stack,
  useAddressNumber,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import type { RangeResult } from './results.ts';

export function RangeLab(page: RoomPageProps) {
  const [reach, setReach] = useAddressNumber('reach', 3);
  const [parts, setParts] = useAddressNumber('k', 2);
  const [overhead, setOverhead] = useAddressNumber('overhead', 0.05);
  const run = useVerbRun<RangeResult>(page, 'range', { addressKey: 'range' });
  return (
    <WithControls
      controls={
        <>
          <Slider
            label="Overhead per part"
            unit="ms"
            min={0}
            max={0.5}
            step={0.05}
            value={overhead}
            onChange={setOverhead}
          />
          <SampleRunButton run={run} params={{ overhead }}>
            Price all ranges
          </SampleRunButton>
          <Slider label="Groups around the experts" min={0} max={7} value={reach} onChange={setReach} />
          <Slider label="Parts k" min={1} max={8} value={parts} onChange={setParts} />
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Price all ranges”, then move range and k.">
        {(shown) => {
          const { grid, wholeMs } = shown.result!;
          const cell = grid.find((entry) => entry.reach === reach && entry.parts === parts);
          const ms = cell?.ms ?? undefined;
          return (
            <Stack>
              <FigureRow
                figures={[
                  { label: 'not cut', value: wholeMs, unit: 'ms', format: 'number', digits: 2 },
                  {
                    label: `${parts} parts`,
                    value: ms ?? 'cannot be cut',
                    unit: ms === undefined ? '' : 'ms',
                    format: ms === undefined ? 'text' : 'number',
                    digits: 2,
                  },
                ]}
              />
              {cell && (
                <p>
                  From <code>{cell.from}</code> to <code>{cell.to}</code>.
                </p>
              )}
              {shown.report!.blocks.map((block, index) => (
                <BlockView key={index} block={block} />
              ))}
            </Stack>
          );
        }}
      </RunResult>
    </WithControls>
  );
}
