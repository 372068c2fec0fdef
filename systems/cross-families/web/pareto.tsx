/** Pareto front: systems on five nodes that no other beats in load, latency and availability at once. */
import {
  BlockView,
  RunPicker,
  RunResult,
  SampleRunButton,
  Slider,
  Stack,
  TextField,
  WithControls,
  useAddressNumber,
  useAddressState,
  useVerbRun,
  type RoomPageProps,
} from '@tenfold/ui';
import type { ParetoResult } from './results.ts';

export function Pareto(page: RoomPageProps) {
  const [nodes, setNodes] = useAddressState<string>('table', '');
  const [size, setSize] = useAddressNumber('size', 5);
  const [share, setShare] = useAddressNumber('share', 0.75);
  const run = useVerbRun<ParetoResult>(page, 'quorum pareto', { addressKey: 'pareto' });
  return (
    <WithControls
      controls={
        <>
          <TextField
            label="Node table"
            help="Path of a JSON file with capacities, latencies and up-probabilities"
            value={nodes}
            onChange={setNodes}
          />
          <Slider label="Alike nodes, without a table" min={3} max={5} value={size} onChange={setSize} />
          <Slider label="Share of reads" min={0} max={1} step={0.05} value={share} onChange={setShare} />
          <SampleRunButton run={run} params={{ nodes, size, readFraction: String(share) }}>
            Compare all systems
          </SampleRunButton>
          <RunPicker page={page} verb="quorum pareto" run={run} label="Earlier fronts" />
        </>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty={
          <>Press “Compare all systems”: every quorum system on the nodes is looked at, the unbeaten ones appear.</>
        }
      >
        {(detail) => (
          <Stack>
            <p>{detail.report!.verdict.text}</p>
            {detail.report!.blocks.map((block, index) => (
              <BlockView key={index} block={block} />
            ))}
          </Stack>
        )}
      </RunResult>
    </WithControls>
  );
}
