/** The detection matrix: bugs against kinds of evidence. */
import {
  BlockView,
  HeatMap,
  Panel,
  RunPicker,
  RunResult,
  SampleRunButton,
  Stack,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';

interface MatrixValue {
  readonly bugs: readonly {
    readonly bug: string;
    readonly column: string | null;
    readonly firsts: Readonly<Record<string, string>>;
  }[];
}

const EVIDENCE = [
  'census',
  'forward',
  'recompute',
  'backward',
  'wgrad',
  'main_grad',
  'replica',
  'scalar',
  'delta',
  'step2',
];

export function MatrixView(page: RoomPageProps) {
  const run = useVerbRun<MatrixValue>(page, 'matrix', { addressKey: 'matrix' });
  return (
    <WithControls
      controls={
        <>
          <SampleRunButton run={run} params={{ clean: false }}>
            Run the 14 bugs
          </SampleRunButton>
          <RunPicker page={page} verb="matrix" run={run} label="Earlier matrices" />
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Run the 14 bugs”; it takes a few minutes on two cores.">
        {(detail) => (
          <Stack>
            {detail.result && <Picture value={detail.result} />}
            {detail.report?.blocks.map((block, index) => (
              <BlockView key={index} block={block} />
            ))}
          </Stack>
        )}
      </RunResult>
    </WithControls>
  );
}

/** 2: found there first; 1: also wrong there; 0: clean. */
function Picture({ value }: { readonly value: MatrixValue }) {
  const cells = value.bugs.flatMap(({ column, firsts }) =>
    EVIDENCE.map((name) => (column === name ? 2 : name in firsts ? 1 : 0)),
  );
  return (
    <Panel title="Where each bug shows">
      <HeatMap
        label="Bugs against kinds of evidence"
        rows={value.bugs.length}
        columns={EVIDENCE.length}
        values={cells}
        rowLabels={value.bugs.map(({ bug }) => bug)}
        columnLabels={EVIDENCE}
        range={[0, 2]}
        formatValue={(cell) => ['clean', 'wrong too', 'found first'][cell] ?? ''}
      />
    </Panel>
  );
}
