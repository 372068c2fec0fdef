/** Extremum: choose n and sizes, see the maximum, star against ball, the orbits and a tuple in the lattice. */
import {
  BlockList,
  Panel,
  SelectField,
  Slider,
  Stack,
  TextField,
  VerbLab,
  useAddressNumber,
  useAddressState,
  type RoomPageProps,
} from '@tenfold/ui';
import { FamilyLegend, Lattice } from './lattice.tsx';
import type { ExtremalResult } from './results.ts';

const NUM_LISTED = 40;
/** Blocks that stand above the picture. */
const LEADING: ReadonlySet<string> = new Set(['figures', 'plot']);

export function Extremum(page: RoomPageProps) {
  const [n, setN] = useAddressNumber('n', 5);
  const [sets, setSets] = useAddressState<string>('sets', '3|1,2');
  const [shown, setShown] = useAddressNumber('tuple', 0);
  return (
    <VerbLab<ExtremalResult>
      page={page}
      verb="extremal"
      addressKey="extremal"
      params={{ n, sets, list: NUM_LISTED }}
      action="Find the maximum"
      earlier="Earlier questions"
      empty={<>Press “Find the maximum” to see how large cross-intersecting families of these sizes can be.</>}
      fields={
        <>
          <Slider label="Points n" min={2} max={40} value={n} onChange={setN} />
          <TextField
            label="Sizes of the families"
            help="Families separated by |, sizes by commas: 3|1,2"
            value={sets}
            onChange={setSets}
            mono
          />
        </>
      }
    >
      {(detail) => {
        const result = detail.result!;
        const { verdict, blocks } = detail.report!;
        const place = Math.min(shown, result.tuples.length - 1);
        const tuple = result.tuples[place];
        return (
          <Stack>
            <p>{verdict.text}</p>
            <BlockList blocks={blocks.filter(({ kind }) => LEADING.has(kind))} />
            {tuple && (
              <Panel
                title="An extremal tuple"
                actions={
                  <SelectField
                    label="Tuple"
                    value={String(place)}
                    onChange={(value) => setShown(Number(value))}
                    options={result.tuples.map((_, index) => ({ value: String(index), label: `${index + 1}` }))}
                  />
                }
              >
                <FamilyLegend families={tuple} />
                <Lattice n={result.certificate.problem.n} families={tuple} />
              </Panel>
            )}
            <BlockList blocks={blocks.filter(({ kind }) => !LEADING.has(kind))} />
          </Stack>
        );
      }}
    </VerbLab>
  );
}
