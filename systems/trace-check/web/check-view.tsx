/** One check as pictures: heat map of errors, error curve, and the page of a tensor. */
import {
  Badge,
  Callout,
  FigureRow,
  HeatMap,
  Panel,
  PlotView,
  Slider,
  Stack,
  useAddressNumber,
  useAddressState,
} from '@tenfold/ui';
import { errorGrid, type PageCheck, type PageFinding, type ShardMap } from './results.ts';

export function CheckView({ check }: { readonly check: PageCheck }) {
  const [percent, setPercent] = useAddressNumber('tolerance', 100);
  const [chosenId, setChosenId] = useAddressState<string>('tensor', '');
  const factor = percent / 100;
  const grid = errorGrid(check.findings, factor);
  const judged = check.findings.filter(({ rel, tau, iteration }) => rel !== null && tau !== null && iteration === 0);
  const numAbove = judged.filter(({ rel, tau }) => rel! > tau! * factor).length;
  const chosen = check.findings.find(({ id }) => id === (chosenId || check.culprit?.id));
  return (
    <Stack>
      <Callout
        tone={check.verdict === 'pass' ? 'good' : check.verdict === 'divergence' ? 'bad' : 'warn'}
        title={check.text}
      />
      <FigureRow
        figures={[
          { label: 'Tensors', value: check.findings.length, format: 'count' },
          { label: 'Above the tolerance', value: numAbove, format: 'count' },
          { label: 'Change of the loss', value: check.baselines.lossChange, format: 'percent', digits: 3 },
          { label: 'Change of the gradient norm', value: check.baselines.gradNormChange, format: 'percent', digits: 3 },
        ]}
      />
      <Slider
        label="Tolerance"
        unit="% of the estimated one"
        min={10}
        max={1000}
        step={10}
        value={percent}
        onChange={setPercent}
      />
      <Panel title="Error over tolerance, per module and kind">
        <HeatMap
          label="log10 of error over tolerance; above 0 is wrong"
          rows={grid.modules.length}
          columns={grid.kinds.length}
          values={grid.values}
          rowLabels={grid.modules}
          columnLabels={grid.kinds}
          range={[-2, 2]}
          scale="diverging"
          formatValue={(value) => `error ${(10 ** value).toPrecision(2)} × tolerance`}
          onSelect={(row, column) => {
            const cell = grid.cells[row * grid.kinds.length + column];
            if (cell) setChosenId(cell.id);
          }}
        />
      </Panel>
      <Panel title="Error along the step">
        <PlotView block={curves(judged, factor)} />
      </Panel>
      {chosen && (
        <TensorPanel finding={chosen} shardMap={check.shardMap?.id === chosen.id ? check.shardMap : undefined} />
      )}
    </Stack>
  );
}

function curves(findings: readonly PageFinding[], factor: number) {
  const shown = findings.filter(({ rel }) => rel! > 0);
  const stride = Math.max(1, Math.ceil(shown.length / 400));
  const picked = shown.filter((_, i) => i % stride === 0);
  return {
    kind: 'plot' as const,
    mark: 'line' as const,
    x: { label: 'tensor, in the order of the step', scale: 'linear' as const },
    y: { label: 'relative error', scale: 'log' as const },
    series: [
      { name: 'tolerance', points: picked.map(({ tau }, x) => ({ x, y: tau! * factor })) },
      {
        name: 'one rounding unit',
        points: picked.flatMap(({ ePert }, x) => (ePert !== null && ePert > 0 ? [{ x, y: ePert }] : [])),
      },
      { name: 'candidate', points: picked.map(({ rel, id }, x) => ({ x, y: rel!, label: id })) },
    ],
  };
}

function TensorPanel({
  finding,
  shardMap,
}: {
  readonly finding: PageFinding;
  readonly shardMap: ShardMap | undefined;
}) {
  const number = (value: number | null): string => (value === null ? '–' : value.toPrecision(3));
  return (
    <Panel title={finding.id}>
      <Stack>
        <p>
          <Badge tone={finding.status === 'PASS' ? 'good' : 'bad'}>{finding.status}</Badge> error {number(finding.rel)},
          tolerance {number(finding.tau)}, factor {number(finding.alpha)}, cosine {number(finding.cosine)}
        </p>
        {finding.note && <p>{finding.note}</p>}
        <ul>
          {finding.hints.map(({ text }) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
        {shardMap && <ShardPicture map={shardMap} />}
      </Stack>
    </Panel>
  );
}

/** Blocks of the logical tensor by rank: rows are the first dimension, columns the last. */
function ShardPicture({ map }: { readonly map: ShardMap }) {
  const height = map.shape[0] ?? 1;
  const width = map.shape.length > 1 ? map.shape.at(-1)! : 1;
  return (
    <figure className="trace-check-shards">
      <svg viewBox="0 0 100 60" role="img" aria-label={`Blocks of ${map.id} by rank`}>
        {map.blocks.map((block, i) => {
          const x = (100 * block.columns[0]) / width;
          const y = (60 * block.rows[0]) / height;
          const w = (100 * (block.columns[1] - block.columns[0])) / width;
          const h = (60 * (block.rows[1] - block.rows[0])) / height;
          return (
            <g key={i}>
              <rect x={x} y={y} width={w} height={h} className={`trace-check-rank-${block.rank % 8}`} />
              <text x={x + w / 2} y={y + h / 2 + block.rank * 4 - 2} className="trace-check-rank-name">
                rank {block.rank}
              </text>
            </g>
          );
        })}
      </svg>
      <figcaption>
        [{map.shape.join(', ')}]: first dimension down, last across. Ranks with copies lie on top of each other.
      </figcaption>
    </figure>
  );
}
