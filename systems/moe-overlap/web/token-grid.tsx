/** Who is dropped: the whole batch, capacity passing, naive micro-batches. */
import {
  Panel,
  RunResult,
  SampleRunButton,
  SelectField,
  Slider,
  Stack,
  useAddressNumber,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import type { TokenCell, TokensResult } from './results.ts';

const GATES = ['switch', 'topk', 'topk-ranked', 'bpr', 'hash', 'expert-choice'] as const;
const NUM_SERIES = 10;

export function TokenGrid(page: RoomPageProps) {
  const [gate, setGate] = useAddressState<(typeof GATES)[number]>('tokenGate', 'switch');
  const [parts, setParts] = useAddressNumber('tokenParts', 4);
  const [capacity, setCapacity] = useAddressNumber('capacity', 12);
  const [skew, setSkew] = useAddressNumber('skew', 1);
  const run = useVerbRun<TokensResult>(page, 'tokens', { addressKey: 'tokens' });
  return (
    <WithControls
      controls={
        <>
          <SelectField label="Gate" value={gate} onChange={setGate} options={GATES} />
          <SelectField
            label="Parts"
            value={String(parts)}
            onChange={(text) => setParts(Number(text))}
            options={['1', '2', '3', '4', '6', '8']}
          />
          <Slider label="Rows per expert" min={1} max={24} value={capacity} onChange={setCapacity} />
          <Slider label="Skew" min={0} max={4} step={0.5} value={skew} onChange={setSkew} />
          <SampleRunButton run={run} params={{ gate, parts, capacity, skew }}>
            Route 48 tokens
          </SampleRunButton>
        </>
      }
    >
      <RunResult page={page} run={run} empty="Press “Route 48 tokens” to see which tokens find room.">
        {(shown) => {
          const { whole, passed, naive } = shown.result!;
          return (
            <Stack>
              <p>{shown.report!.verdict.text}</p>
              <Tokens title="Whole batch" cells={whole} reference={whole} />
              <Tokens title="In parts, capacity passing" cells={passed} reference={whole} />
              <Tokens title="Naive micro-batches" cells={naive} reference={whole} />
            </Stack>
          );
        }}
      </RunResult>
    </WithControls>
  );
}

/** A cell is a token with its expert; struck through: dropped; outlined: other than in the whole batch. */
function Tokens({
  title,
  cells,
  reference,
}: {
  readonly title: string;
  readonly cells: readonly TokenCell[];
  readonly reference: readonly TokenCell[];
}) {
  const kept = new Set(reference.filter(({ place }) => place >= 0).map(({ token, expert }) => `${token}/${expert}`));
  const numDropped = cells.filter(({ place }) => place < 0).length;
  return (
    <Panel title={`${title}: ${numDropped} dropped`}>
      <div className="overlap-tokens">
        {cells.map(({ token, expert, place }) => {
          const isDifferent = place >= 0 !== kept.has(`${token}/${expert}`);
          const state = `${place < 0 ? ' is-dropped' : ''}${isDifferent ? ' is-different' : ''}`;
          const fate = place < 0 ? 'dropped' : `row ${place}`;
          return (
            <span
              key={`${token}/${expert}`}
              className={`overlap-token${state}`}
              style={place < 0 ? undefined : { borderColor: `var(--series-${(expert % NUM_SERIES) + 1})` }}
              title={`token ${token}, expert ${expert}, ${fate}${isDifferent ? ', not as in the whole batch' : ''}`}
            >
              {token}·{expert}
            </span>
          );
        })}
      </div>
    </Panel>
  );
}
