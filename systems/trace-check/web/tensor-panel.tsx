/** One tensor: its numbers, likely causes, who holds which block with which error, and how large the differences are. */
import { Badge, Panel, PlotView, SideBySide, Stack } from '@tenfold/ui';
import type { CloseUp, CloseUpBlock } from '../src/types.ts';
import { kindText, ratioOf, type PageFinding } from './results.ts';

export function TensorPanel({
  finding,
  closeUp,
}: {
  readonly finding: PageFinding;
  readonly closeUp: CloseUp | undefined;
}) {
  const ratio = ratioOf(finding);
  const tone = finding.status === 'PASS' ? 'good' : finding.status === 'INCONCLUSIVE' ? 'warn' : 'bad';
  const facts: readonly [string, string][] = [
    ['error', number(finding.rel)],
    ['tolerance', number(finding.tau)],
    ['one rounding unit moves it by', number(finding.ePert)],
    ['factor ⟨a,b⟩/⟨b,b⟩', number(finding.alpha)],
    ['cosine', number(finding.cosine, 6)],
    ['largest difference', number(finding.maxAbs)],
  ];
  return (
    <Panel title="The tensor">
      <Stack>
        <div className="trace-check-tensor-head">
          <Badge tone={tone}>{finding.status.toLowerCase().replaceAll('_', ' ')}</Badge>
          <code>{finding.id}</code>
          <span>
            {kindText(finding.kind)}
            {ratio !== undefined && ratio > 1e-3 ? `, ${Number(ratio.toPrecision(2))} × tolerance` : ''}
          </span>
        </div>
        <dl className="trace-check-facts">
          {facts.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {finding.note && <p>{finding.note}</p>}
        {finding.hints.length > 0 && (
          <div>
            <h3 className="trace-check-small-head">Likely cause</h3>
            <ul className="trace-check-hints">
              {finding.hints.map(({ text }) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          </div>
        )}
        {closeUp ? (
          <CloseUpView closeUp={closeUp} />
        ) : (
          <p className="tf-field-note">
            No close-up was kept: it is made for the worst tensor of each cell, up to a million elements, of full
            traces.
          </p>
        )}
      </Stack>
    </Panel>
  );
}

function CloseUpView({ closeUp }: { readonly closeUp: CloseUp }) {
  const { histogram, leastDecade, numEqual, worstRows } = closeUp;
  const bars = histogram
    .map((count, bin) => ({ x: leastDecade + bin / 2, y: count }))
    .slice(
      histogram.findIndex((count) => count > 0),
      histogram.findLastIndex((count) => count > 0) + 1,
    );
  return (
    <>
      <SideBySide
        items={[
          { label: 'Who holds what', content: <ShardPicture closeUp={closeUp} /> },
          {
            label: 'Size of the differences',
            content: histogram.every((count) => count === 0) ? (
              <p>All {numEqual.toLocaleString('en-US')} elements are equal.</p>
            ) : (
              <PlotView
                height={220}
                block={{
                  kind: 'plot',
                  caption: `${numEqual.toLocaleString('en-US')} elements are equal`,
                  mark: 'bar',
                  x: { label: 'log10 of the difference over the reference’s rms', scale: 'band' },
                  y: { label: 'elements' },
                  series: [{ name: 'elements', points: bars }],
                }}
              />
            ),
          },
        ]}
      />
      {worstRows.length > 0 && (
        <table className="trace-check-rows">
          <caption>Worst rows [{closeUp.shape.length === 3 ? 'position, sequence' : 'index'}]</caption>
          <thead>
            <tr>
              <th scope="col">row</th>
              <th scope="col">share of the squared error</th>
              <th scope="col">error of the row</th>
            </tr>
          </thead>
          <tbody>
            {worstRows.map(({ row, share, rel }) => (
              <tr key={row}>
                <th scope="row">{row}</th>
                <td>
                  <span className="trace-check-bar" style={{ width: `${Math.max(1, share * 100)}%` }} />
                  {(share * 100).toFixed(1)} %
                </td>
                <td>{number(rel)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

const WIDTH = 320;
const HEIGHT = 200;
const MARGIN = 34;

/** Blocks of the logical tensor: rows are the first dimension, columns the last. Copies stand beside each other. */
function ShardPicture({ closeUp: { shape, blocks, placements, id } }: { readonly closeUp: CloseUp }) {
  const numRows = shape[0] ?? 1;
  const numColumns = shape.length > 1 ? shape.at(-1)! : 1;
  const lanes = lanesOf(blocks);
  const placed = Object.entries(placements).filter(([, text]) => text !== 'R');
  return (
    <figure className="trace-check-shards">
      <svg viewBox={`0 0 ${WIDTH + MARGIN} ${HEIGHT + 20}`} role="img" aria-label={`Blocks of ${id} by rank`}>
        {blocks.map((block, at) => {
          const { lane, count } = lanes[at]!;
          const fullWidth = (WIDTH * (block.columns[1] - block.columns[0])) / numColumns;
          const width = fullWidth / count;
          const x = MARGIN + (WIDTH * block.columns[0]) / numColumns + lane * width;
          const y = (HEIGHT * block.rows[0]) / numRows;
          const height = Math.max(1, (HEIGHT * (block.rows[1] - block.rows[0])) / numRows);
          const label = `rank ${block.rank}`;
          return (
            <g key={at}>
              <title>{`${label}: rows ${block.rows.join('–')}, columns ${block.columns.join('–')}, error ${number(block.rel)}`}</title>
              <rect x={x} y={y} width={width} height={height} className={`trace-check-rank-${block.rank % 8}`} />
              {height > 13 && width > 40 && (
                <text x={x + width / 2} y={y + height / 2} className="trace-check-rank-name">
                  {label}
                  {height > 28 && width > 60 && (
                    <tspan x={x + width / 2} dy="1.2em">
                      {block.rel === null ? 'part of a sum' : `error ${number(block.rel, 2)}`}
                    </tspan>
                  )}
                </text>
              )}
            </g>
          );
        })}
        {[0, numRows].map((row) => (
          <text key={row} x={MARGIN - 4} y={row === 0 ? 9 : HEIGHT} className="trace-check-axis">
            {row}
          </text>
        ))}
        <text x={MARGIN} y={HEIGHT + 14} className="trace-check-axis is-start">
          {`[${shape.join(', ')}]: first dimension down, last across`}
        </text>
      </svg>
      <figcaption>
        {placed.length === 0
          ? 'Every rank holds all of it.'
          : placed.map(([axis, text]) => `${axis} ${placementText(text)}`).join(', ')}
      </figcaption>
    </figure>
  );
}

function placementText(text: string): string {
  const dim = /\((\d+)/.exec(text)?.[1];
  if (text.startsWith('Z')) return `in zigzag along dimension ${dim}`;
  if (text.startsWith('G')) return `splits each section of dimension ${dim}`;
  if (text.startsWith('S')) return `splits dimension ${dim}`;
  if (text === 'F') return 'splits the flattened tensor';
  return text.startsWith('P') ? 'holds parts of a sum' : 'owns it alone';
}

/** Copies of one block stand beside each other: place and number of copies per block. */
function lanesOf(blocks: readonly CloseUpBlock[]): { readonly lane: number; readonly count: number }[] {
  const keyOf = ({ rows, columns }: CloseUpBlock): string => `${rows.join()} ${columns.join()}`;
  const counts = new Map<string, number>();
  const lanes = blocks.map((block) => {
    const lane = counts.get(keyOf(block)) ?? 0;
    counts.set(keyOf(block), lane + 1);
    return lane;
  });
  return blocks.map((block, at) => ({ lane: lanes[at]!, count: counts.get(keyOf(block))! }));
}

function number(value: number | null, digits = 3): string {
  if (value === null) return '–';
  return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)
    ? value.toExponential(digits - 1)
    : String(Number(value.toPrecision(digits)));
}
