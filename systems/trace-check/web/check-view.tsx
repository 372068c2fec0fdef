/** One check as pictures: what it says, what the loss would have said, map of errors, errors along the model, a tensor. */
import { useMemo } from 'react';
import { Callout, Panel, PlotView, SideBySide, Slider, Stack, useAddressNumber, useAddressState } from '@tenfold/ui';
import { ErrorLegend, ErrorMap } from './error-map.tsx';
import { curvesOf, mapRows, ratioOf, type MapRow, type PageCheck, type PageFinding } from './results.ts';
import { TensorPanel } from './tensor-panel.tsx';

export function CheckView({ check }: { readonly check: PageCheck }) {
  const [percent, setPercent] = useAddressNumber('tolerance', 100);
  const [chosenId, setChosenId] = useAddressState<string>('tensor', '');
  const factor = percent / 100;
  const rows = useMemo(() => mapRows(check.findings), [check]);
  const chosen = check.findings.find(({ id }) => id === chosenId) ?? startOf(check, rows);
  return (
    <Stack>
      <Callout
        tone={check.verdict === 'pass' ? 'good' : check.verdict === 'divergence' ? 'bad' : 'warn'}
        title={headline(check)}
        text={check.text}
      />
      <Witnesses check={check} factor={factor} />
      <Panel title="Where it goes wrong: error over tolerance">
        <Stack>
          <ErrorMap
            rows={rows}
            factor={factor}
            culpritId={check.culprit?.id}
            chosenId={chosen?.id}
            onChoose={setChosenId}
          />
          <ErrorLegend />
          <Slider
            label="Tolerance"
            unit="% of the measured one"
            min={10}
            max={1000}
            step={10}
            value={percent}
            onChange={setPercent}
          />
        </Stack>
      </Panel>
      {chosen && <TensorPanel finding={chosen} closeUp={check.closeUps?.find((closeUp) => closeUp.id === chosen.id)} />}
      <Panel title="Errors along the model">
        <SideBySide
          items={[
            { label: 'Forward: outputs, first to last', content: <Curves rows={rows} kind="out" check={check} /> },
            { label: 'Backward: gradients, last to first', content: <Curves rows={rows} kind="din" check={check} /> },
          ]}
        />
      </Panel>
    </Stack>
  );
}

function headline({ verdict, culprit }: PageCheck): string {
  if (verdict === 'pass') return 'The runs compute the same.';
  if (culprit) return `First wrong module: ${culprit.module}`;
  return 'Nothing diverges, but not all can be certified.';
}

function startOf(check: PageCheck, rows: readonly MapRow[]): PageFinding | undefined {
  const own = check.findings.find(({ id }) => id === check.culprit?.id);
  if (own) return own;
  const cells = rows.flatMap((row) => row.cells.filter((cell) => cell !== undefined));
  return cells.sort((a, b) => (ratioOf(b) ?? 0) - (ratioOf(a) ?? 0))[0];
}

/** What other ways of watching would have said of the same two runs. */
function Witnesses({ check, factor }: { readonly check: PageCheck; readonly factor: number }) {
  const { lossChange, gradNormChange, numCosineFails, numStaticFails, staticBound } = check.baselines;
  const judged = check.findings.filter(({ status }) => status === 'PASS' || status === 'FAIL');
  const numAbove = judged.filter((finding) => (ratioOf(finding) ?? 0) > factor).length;
  const numCopies = check.findings.filter(({ status }) => status === 'REPLICA_DIVERGED').length;
  const numLost = check.findings.filter(({ status }) => status === 'MISSING').length;
  const percent = (ratio: number | null): string => (ratio === null ? 'not recorded' : `${(100 * ratio).toFixed(3)} %`);
  const [before, after] = [check.losses?.reference[0], check.losses?.candidate[0]];
  const own = [
    `${numAbove} of ${judged.length} tensors above their tolerance`,
    ...(numCopies > 0 ? [`${numCopies} with copies that differ`] : []),
    ...(numLost > 0 ? [`${numLost} missing`] : []),
  ];
  const cards: readonly {
    readonly name: string;
    readonly value: string;
    readonly note: string;
    readonly own?: true;
  }[] = [
    {
      name: 'Watching the loss',
      value: `moves ${percent(lossChange)}`,
      note: before === undefined || after === undefined ? '' : `${before.toFixed(5)} → ${after.toFixed(5)}`,
    },
    { name: 'Watching the gradient norm', value: `moves ${percent(gradNormChange)}`, note: '' },
    {
      name: `One bound of ${staticBound.toPrecision(2)}`,
      value: `${numStaticFails} tensors`,
      note: 'the fixed rule of others',
    },
    { name: 'Cosine above 0.99', value: `${numCosineFails} tensors fail`, note: 'blind to any factor' },
    { name: 'This check', value: own[0]!, note: own.slice(1).join(', '), own: true },
  ];
  return (
    <dl className="trace-check-witnesses">
      {cards.map(({ name, value, note, own: isOwn }) => (
        <div key={name} className={isOwn ? 'is-own' : undefined}>
          <dt>{name}</dt>
          <dd>
            {value}
            {note && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Curves({
  rows,
  kind,
  check,
}: {
  readonly rows: readonly MapRow[];
  readonly kind: 'out' | 'din';
  readonly check: PageCheck;
}) {
  const block = useMemo(() => {
    const { candidate, tolerance, rounding, fixed } = curvesOf(rows, kind, 1, check.baselines.staticBound);
    return {
      kind: 'plot' as const,
      mark: 'line' as const,
      x: { label: 'module, in the order of the pass', scale: 'linear' as const },
      y: { label: 'relative error', scale: 'log' as const },
      series: [
        { name: 'candidate', points: candidate },
        { name: 'tolerance', points: tolerance },
        { name: 'one rounding unit', points: rounding },
        { name: 'theory: 4·1.03^depth·eps', points: fixed },
      ],
    };
  }, [rows, kind, check]);
  return <PlotView block={block} height={260} />;
}
