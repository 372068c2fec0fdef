/** Extremum: choose n and sizes, see the maximum, star against ball, the orbits and a tuple in the lattice. */
import {
  BlockView,
  Panel,
  RunPicker,
  RunResult,
  SampleRunButton,
  SelectField,
  Slider,
  Stack,
  TextField,
  WithControls,
  useAddressNumber,
  useAddressState,
  useVerbRun,
  type RoomPageProps,
} from '@tenfold/ui';
import { FamilyLegend, Lattice } from './lattice.tsx';
import type { ExtremalResult } from './results.ts';

const NUM_LISTED = 40;

export function Extremum(page: RoomPageProps) {
  const [n, setN] = useAddressNumber('n', 5);
  const [sets, setSets] = useAddressState<string>('sets', '3|1,2');
  const [shown, setShown] = useAddressNumber('tuple', 0);
  const run = useVerbRun<ExtremalResult>(page, 'extremal', { addressKey: 'extremal' });
  return (
    <WithControls
      controls={
        <>
          <Slider label="Points n" min={2} max={40} value={n} onChange={setN} />
          <TextField
            label="Sizes of the families"
            help="Families separated by |, sizes by commas: 3|1,2"
            value={sets}
            onChange={setSets}
            mono
          />
          <SampleRunButton run={run} params={{ n, sets, list: NUM_LISTED }}>
            Find the maximum
          </SampleRunButton>
          <RunPicker page={page} verb="extremal" run={run} label="Earlier questions" />
        </>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty={<>Press “Find the maximum” to see how large cross-intersecting families of these sizes can be.</>}
      >
        {(detail) => {
          const result = detail.result!;
          const tuple = result.tuples[Math.min(shown, result.tuples.length - 1)];
          return (
            <Stack>
              <p>{detail.report!.verdict.text}</p>
              {detail
                .report!.blocks.filter((block) => block.kind === 'figures' || block.kind === 'plot')
                .map((block, index) => (
                  <BlockView key={index} block={block} />
                ))}
              {tuple && (
                <Panel
                  title="An extremal tuple"
                  actions={
                    <SelectField
                      label="Tuple"
                      value={String(Math.min(shown, result.tuples.length - 1))}
                      onChange={(value) => setShown(Number(value))}
                      options={result.tuples.map((_, index) => ({ value: String(index), label: `${index + 1}` }))}
                    />
                  }
                >
                  <FamilyLegend families={tuple} />
                  <Lattice n={result.certificate.problem.n} families={tuple} />
                </Panel>
              )}
              {detail
                .report!.blocks.filter((block) => block.kind !== 'figures' && block.kind !== 'plot')
                .map((block, index) => (
                  <BlockView key={index} block={block} />
                ))}
            </Stack>
          );
        }}
      </RunResult>
    </WithControls>
  );
}
