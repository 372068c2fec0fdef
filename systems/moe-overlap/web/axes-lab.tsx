/** Along which axes a range is cut, operation by operation, or which operations contradict each other. */
import {
  Callout,
  Panel,
  SelectField,
  Slider,
  Stack,
  TextField,
  useAddressNumber,
  useAddressState,
  VerbLab,
  type RoomPageProps,
} from '@tenfold/ui';
import { GATES, type ExplainResult, type Gate } from './results.ts';

export function AxesLab(page: RoomPageProps) {
  const [gate, setGate] = useAddressState<Gate>('gate', 'switch');
  const [from, setFrom] = useAddressState<string>('from', 'layers.1/LayerNormalization_1');
  const [to, setTo] = useAddressState<string>('to', 'layers.1.moe.decode/forward');
  const [parts, setParts] = useAddressNumber('axisParts', 2);
  return (
    <VerbLab<ExplainResult>
      page={page}
      verb="explain"
      addressKey="explain"
      params={{ gate, from, to, parts }}
      action="Explain this range"
      empty="Press “Explain this range”; then try the gate bpr."
      fields={
        <>
          <SelectField label="Gate" value={gate} onChange={setGate} options={GATES} />
          <TextField label="First operation" value={from} onChange={setFrom} />
          <TextField label="Last operation" value={to} onChange={setTo} />
          <Slider label="Parts" min={2} max={8} value={parts} onChange={setParts} />
        </>
      }
    >
      {(shown) => {
        const { canCut, ops, conflict, text } = shown.result!;
        return (
          <Stack>
            {canCut ? (
              <p>{shown.report!.verdict.text}</p>
            ) : (
              <Callout tone="warn" title="This range cannot be cut" text={text} />
            )}
            <Panel title="Operations of the range">
              <ol className="overlap-axes">
                {ops.map(({ id, kind, outs }) => (
                  <li key={id} className={conflict.includes(id) ? 'is-conflict' : ''}>
                    <code>{id}</code>
                    {kind !== 'compute' && <span className="overlap-axis is-comm">{kind}</span>}
                    {conflict.includes(id) && <span className="overlap-axis is-bad">contradicts</span>}
                    {outs.map(({ tensor, axis }) => (
                      <span key={tensor} className={`overlap-axis ${toneOf(axis)}`} title={tensor}>
                        {axis}
                      </span>
                    ))}
                  </li>
                ))}
              </ol>
            </Panel>
          </Stack>
        );
      }}
    </VerbLab>
  );
}

function toneOf(axis: string): string {
  if (axis === 'whole') return 'is-whole';
  if (axis.startsWith('axis')) return `is-axis-${Number(axis.slice(5)) % 4}`;
  return axis === 'by expert' ? 'is-expert' : 'is-place';
}
