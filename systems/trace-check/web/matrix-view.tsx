/** The detection matrix: bugs against kinds of evidence, and the clean runs that must not be flagged. */
import {
  BlockView,
  FigureRow,
  Panel,
  RunPicker,
  RunResult,
  SampleRunButton,
  Stack,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { BUG_TEXTS } from '../src/sim/bug-texts.ts';

interface MatrixBug {
  /** Not in results of earlier versions. */
  readonly label?: string;
  readonly number: number;
  readonly bug: string;
  readonly column: string | null;
  readonly isRightPlace: boolean;
  readonly firsts: Readonly<Record<string, string>>;
  readonly hint: string;
  readonly lossChange: number | null;
}

interface MatrixValue {
  readonly bugs: readonly MatrixBug[];
  readonly clean: readonly { readonly mesh: string; readonly numFailed: number; readonly maxRatio: number }[];
  readonly elapsedSec: number;
}

const EVIDENCE: readonly { readonly key: string; readonly label: string }[] = [
  { key: 'census', label: 'layers' },
  { key: 'forward', label: 'forward' },
  { key: 'recompute', label: 'recompute' },
  { key: 'backward', label: 'backward' },
  { key: 'wgrad', label: 'wgrad' },
  { key: 'main_grad', label: 'main grad' },
  { key: 'replica', label: 'copies' },
  { key: 'scalar', label: 'norm, loss' },
  { key: 'delta', label: 'update' },
  { key: 'step2', label: 'step 2' },
];

export function MatrixView(page: RoomPageProps) {
  const run = useVerbRun<MatrixValue>(page, 'matrix', { addressKey: 'matrix' });
  return (
    <WithControls
      controls={
        <>
          <SampleRunButton run={run} params={{ clean: false }}>
            Run the bugs
          </SampleRunButton>
          <p className="tf-field-note">About half a minute on two free cores.</p>
          <SampleRunButton run={run} params={{}}>
            Run everything
          </SampleRunButton>
          <p className="tf-field-note">The bugs and 72 clean runs: 24 meshes in three precisions, some minutes.</p>
          <RunPicker page={page} verb="matrix" run={run} label="Earlier matrices" />
        </>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty="Press “Run the bugs”: each is trained with, checked, and marked in the kinds of evidence that show it."
      >
        {(detail) => (
          <Stack>
            {detail.result && <Evidence value={detail.result} />}
            {detail.report?.blocks
              .filter((block) => block.kind === 'table' && block.rows.length > 0)
              .map((block, index) => (
                <BlockView key={index} block={block} />
              ))}
          </Stack>
        )}
      </RunResult>
    </WithControls>
  );
}

function Evidence({ value: { bugs, clean, elapsedSec } }: { readonly value: MatrixValue }) {
  const numFlagged = clean.filter(({ numFailed }) => numFailed > 0).length;
  return (
    <>
      <FigureRow
        figures={[
          {
            label: 'Bugs found at their place',
            value: `${bugs.filter((bug) => bug.isRightPlace).length} of ${bugs.length}`,
          },
          ...(clean.length > 0 ? [{ label: 'Clean runs flagged', value: `${numFlagged} of ${clean.length}` }] : []),
          { label: 'Time', value: elapsedSec * 1000, format: 'duration-ms' as const },
        ]}
      />
      <Panel title="Where each bug shows">
        <Stack>
          <div
            className="trace-check-evidence-frame"
            tabIndex={0}
            role="region"
            aria-label="Bugs against evidence, scrolls"
          >
            <table className="trace-check-evidence">
              <thead>
                <tr>
                  <th scope="col">bug</th>
                  {EVIDENCE.map(({ key, label }) => (
                    <th key={key} scope="col">
                      {label}
                    </th>
                  ))}
                  <th scope="col">loss moves</th>
                </tr>
              </thead>
              <tbody>
                {bugs.map((bug) => (
                  <tr key={bug.bug}>
                    <th scope="row">
                      {bug.label ?? bug.number} {bug.bug}
                      <small>{BUG_TEXTS.find(({ name }) => name === bug.bug)?.text}</small>
                    </th>
                    {EVIDENCE.map(({ key }) => (
                      <td key={key}>{key in bug.firsts && <Mark isFirst={bug.column === key} />}</td>
                    ))}
                    <td>{bug.lossChange === null ? '–' : `${(100 * bug.lossChange).toFixed(2)} %`}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <ul className="trace-check-legend">
            <li>
              <span className="trace-check-cell is-bad3" aria-hidden="true">
                1st
              </span>
              the first evidence, which names the module
            </li>
            <li>
              <span className="trace-check-cell is-bad1" aria-hidden="true">
                ×
              </span>
              wrong there too
            </li>
          </ul>
        </Stack>
      </Panel>
    </>
  );
}

function Mark({ isFirst }: { readonly isFirst: boolean }) {
  return isFirst ? (
    <span className="trace-check-cell is-bad3">1st</span>
  ) : (
    <span className="trace-check-cell is-bad1" role="img" aria-label="wrong too">
      ×
    </span>
  );
}
