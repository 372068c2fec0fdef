/** Which classes are mistaken for which, and how healthy each class is. A cell leads to its suspicious labels. */
import { DataTable, FigureRow, HeatMap, Stack } from '@tenfold/ui';
import type { AuditJson } from '../src/outputs/audit-files.ts';
import type { Pair } from './review-state.ts';

/** More classes become a picture without numbers. */
const MAX_NUMBERED = 24;

export function NoiseView({ audit, onPair }: { readonly audit: AuditJson; readonly onPair: (pair: Pair) => void }) {
  const { classNames, noiseMatrix } = audit;
  const size = classNames.length;
  const label = 'Share of each true class (column) that carries each label (row)';
  const select = (given: number, truth: number) => {
    if (given !== truth) onPair({ given: classNames[given]!, proposal: classNames[truth]! });
  };
  return (
    <Stack>
      <FigureRow
        figures={[
          { label: 'Estimated share of wrong labels', value: audit.noise.rate, format: 'percent', digits: 1 },
          { label: 'at least', value: audit.noise.low, format: 'percent', digits: 1 },
          { label: 'at most (95 %)', value: audit.noise.high, format: 'percent', digits: 1 },
        ]}
      />
      {size <= MAX_NUMBERED ? (
        <NumberedMatrix label={label} classNames={classNames} matrix={noiseMatrix} onSelect={select} />
      ) : (
        <HeatMap
          label={label}
          values={noiseMatrix.flat()}
          rows={size}
          columns={size}
          rowLabels={classNames}
          columnLabels={classNames}
          range={[0, 1]}
          formatValue={(value) => `${(100 * value).toFixed(1)} %`}
          onSelect={select}
        />
      )}
      <DataTable
        caption="Health of the classes"
        columns={[
          { key: 'name', label: 'class' },
          { key: 'numGiven', label: 'labels', format: 'count' },
          { key: 'numFlagged', label: 'suspicious', format: 'count' },
          { key: 'labelNoise', label: 'labels of other classes', format: 'percent', digits: 1 },
          { key: 'missed', label: 'samples labelled otherwise', format: 'percent', digits: 1 },
        ]}
        rows={audit.classHealth.map(({ name, numGiven, numFlagged, labelNoise, missed }) => ({
          name: name ?? '',
          numGiven,
          numFlagged,
          labelNoise,
          missed,
        }))}
      />
    </Stack>
  );
}

function NumberedMatrix({
  label,
  classNames,
  matrix,
  onSelect,
}: {
  readonly label: string;
  readonly classNames: readonly string[];
  readonly matrix: readonly (readonly number[])[];
  readonly onSelect: (given: number, truth: number) => void;
}) {
  const largest = Math.max(...matrix.flatMap((row, given) => row.filter((_, truth) => truth !== given)), 1e-6);
  return (
    <div className="audit-matrix-frame">
      <table className="audit-matrix">
        <caption>{label}. Press a cell to review its labels.</caption>
        <thead>
          <tr>
            <td>
              <span className="audit-corner">given ↓ true →</span>
            </td>
            {classNames.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.map((row, given) => (
            <tr key={classNames[given]}>
              <th scope="row">{classNames[given]}</th>
              {row.map((share, truth) => {
                const text = share === 0 ? '' : share < 0.001 ? '<0.1' : (100 * share).toFixed(1);
                if (given === truth) {
                  return (
                    <td key={classNames[truth]} className="is-diagonal">
                      {text}
                    </td>
                  );
                }
                return (
                  <td key={classNames[truth]} style={{ '--share': share / largest } as React.CSSProperties}>
                    {share === 0 ? null : (
                      <button
                        type="button"
                        onClick={() => onSelect(given, truth)}
                        aria-label={`${text} % of ${classNames[truth]} is labelled ${classNames[given]}: review`}
                      >
                        {text}
                      </button>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
