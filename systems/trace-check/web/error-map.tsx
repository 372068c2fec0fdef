/** Heat map of a check: modules in the order of execution, kinds in the order of a step, each cell its worst tensor. */
import { joinClasses } from '@tenfold/ui';
import type { KeyboardEvent } from 'react';
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
  const cells = rows.flatMap((row) => row.cells);
  // Hundreds of cells are one stop of the Tab key; arrows walk inside.
  const entryId = (
    cells.find((cell) => cell?.id === chosenId) ??
    cells.find((cell) => cell?.id === culpritId) ??
    cells.find(Boolean)
  )?.id;
  return (
    <div
      className="trace-check-map-frame"
      tabIndex={-1}
      role="region"
      aria-label="Map of errors; arrow keys walk the tensors"
    >
      <table className="trace-check-map" onKeyDown={walk}>
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
                      place={`${at} ${column}`}
                      isEntry={finding.id === entryId}
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

const STEPS_OF_KEYS: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
/** More places without a tensor in a row are taken for the rim. */
const MOST_STEPS = 512;

/** Focus goes to the next tensor in the direction of the arrow. */
function walk(event: KeyboardEvent<HTMLTableElement>): void {
  const step = STEPS_OF_KEYS[event.key];
  const place = (event.target as HTMLElement).dataset['place']?.split(' ').map(Number);
  if (!step || !place) return;
  event.preventDefault();
  for (let distance = 1; distance < MOST_STEPS; distance++) {
    const [row, column] = [place[0]! + distance * step[0], place[1]! + distance * step[1]];
    if (row < 0 || column < 0) return;
    const next = event.currentTarget.querySelector<HTMLElement>(`[data-place="${row} ${column}"]`);
    if (next) return next.focus();
  }
}

function Cell({
  finding,
  place,
  isEntry,
  factor,
  isCulprit,
  isChosen,
  onChoose,
}: {
  readonly finding: PageFinding;
  /** Row and column. */
  readonly place: string;
  /** The one that the Tab key reaches. */
  readonly isEntry: boolean;
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
      tabIndex={isEntry ? 0 : -1}
      data-place={place}
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
