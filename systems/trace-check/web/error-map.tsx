/** Heat map of a check: modules in the order of execution, kinds in the order of a step, each cell its worst tensor. */
import { joinClasses } from '@tenfold/ui';
import { KIND_GROUPS, kindText, ratioOf, type MapRow, type PageFinding } from './results.ts';

interface ErrorMapProps {
  readonly rows: readonly MapRow[];
  /** Tolerances are multiplied by this. */
  readonly factor: number;
  readonly culpritId: string | undefined;
  readonly chosenId: string | undefined;
  readonly onChoose: (id: string) => void;
}

export function ErrorMap({ rows, factor, culpritId, chosenId, onChoose }: ErrorMapProps) {
  const kinds = KIND_GROUPS.flatMap((group) => group.kinds);
  return (
    <div className="trace-check-map-frame" tabIndex={0} role="region" aria-label="Map of errors, scrolls">
      <table className="trace-check-map">
        <thead>
          <tr>
            <td />
            {KIND_GROUPS.map(({ name, kinds: own }) => (
              <th key={name} colSpan={own.length} scope="colgroup">
                {name}
              </th>
            ))}
          </tr>
          <tr>
            <td />
            {kinds.map((kind) => (
              <th key={kind} scope="col" title={kindText(kind)}>
                {kind}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={row.module} className={row.layer === rows[at - 1]?.layer ? undefined : 'is-first'}>
              <th scope="row">
                {row.layer !== undefined && row.layer !== rows[at - 1]?.layer && (
                  <span className="trace-check-layer">layer {row.layer}</span>
                )}
                {row.name}
              </th>
              {row.cells.map((finding, column) => (
                <td key={kinds[column]}>
                  {finding && (
                    <Cell
                      finding={finding}
                      factor={factor}
                      isCulprit={finding.id === culpritId}
                      isChosen={finding.id === chosenId}
                      onChoose={onChoose}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({
  finding,
  factor,
  isCulprit,
  isChosen,
  onChoose,
}: {
  readonly finding: PageFinding;
  readonly factor: number;
  readonly isCulprit: boolean;
  readonly isChosen: boolean;
  readonly onChoose: (id: string) => void;
}) {
  const look = lookOf(finding, factor);
  const text = `${finding.module}, ${kindText(finding.kind)}: ${look.text}${isCulprit ? ', first wrong tensor' : ''}`;
  return (
    <button
      type="button"
      className={joinClasses(
        'trace-check-cell',
        `is-${look.level}`,
        isCulprit && 'is-culprit',
        isChosen && 'is-chosen',
      )}
      title={text}
      aria-label={text}
      aria-pressed={isChosen}
      onClick={() => onChoose(finding.id)}
    >
      {look.mark}
    </button>
  );
}

interface Look {
  readonly level: string;
  readonly mark: string;
  readonly text: string;
}

/** Steps of error over tolerance: below 1 four shades of blue, above it three of red. */
const STEPS: readonly { readonly below: number; readonly level: string; readonly mark: string }[] = [
  { below: 1e-6, level: 'ok0', mark: '' },
  { below: 0.1, level: 'ok1', mark: '' },
  { below: 0.5, level: 'ok2', mark: '' },
  { below: 1, level: 'ok3', mark: '' },
  { below: 3, level: 'bad1', mark: '×' },
  { below: 10, level: 'bad2', mark: '×' },
  { below: Infinity, level: 'bad3', mark: '×' },
];

function lookOf({ status, note, ...finding }: PageFinding, factor: number): Look {
  if (status === 'MISSING') return { level: 'missing', mark: '–', text: `missing: ${note ?? ''}` };
  if (status === 'SKIPPED') return { level: 'skipped', mark: '', text: `not judged: ${note ?? ''}` };
  if (status === 'REPLICA_DIVERGED') return { level: 'bad3', mark: '≠', text: note ?? 'copies differ' };
  if (status === 'INCONCLUSIVE') return { level: 'unsure', mark: '?', text: `cannot be certified: ${note ?? ''}` };
  const ratio = ratioOf(finding);
  if (ratio === undefined)
    return status === 'PASS'
      ? { level: 'ok0', mark: '', text: 'equal' }
      : { level: 'bad3', mark: '×', text: note ?? 'wrong' };
  const scaled = ratio / factor;
  const step = STEPS.find(({ below }) => scaled < below) ?? STEPS.at(-1)!;
  const size = scaled < 1e-3 ? 'far below the tolerance' : `${Number(scaled.toPrecision(2))} × tolerance`;
  return { level: step.level, mark: step.mark, text: `error ${size}` };
}

const LEGEND: readonly { readonly level: string; readonly mark: string; readonly text: string }[] = [
  { level: 'ok1', mark: '', text: 'far below the tolerance' },
  { level: 'ok3', mark: '', text: 'near it' },
  { level: 'bad1', mark: '×', text: 'above it' },
  { level: 'bad3', mark: '×', text: 'far above' },
  { level: 'bad3', mark: '≠', text: 'copies differ' },
  { level: 'unsure', mark: '?', text: 'cannot be certified' },
  { level: 'missing', mark: '–', text: 'missing' },
];

export function ErrorLegend() {
  return (
    <ul className="trace-check-legend">
      {LEGEND.map(({ level, mark, text }) => (
        <li key={text}>
          <span className={`trace-check-cell is-${level}`} aria-hidden="true">
            {mark}
          </span>
          {text}
        </li>
      ))}
      <li>
        <span className="trace-check-cell is-bad3 is-culprit" aria-hidden="true">
          ×
        </span>
        first wrong tensor
      </li>
    </ul>
  );
}
