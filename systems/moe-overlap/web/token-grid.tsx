/** Who is dropped: the whole batch, capacity passing, naive micro-batches. */
import {
  Panel,
  SelectField,
  Slider,
  Stack,
  useAddressNumber,
  useAddressState,
  VerbLab,
  type RoomPageProps,
} from '@tenfold/ui';
import { GATES, type Gate, type TokenCell, type TokensResult } from './results.ts';

const NUM_SERIES = 10;
const NUM_TOKENS = 48;

export function TokenGrid(page: RoomPageProps) {
  const [gate, setGate] = useAddressState<Gate>('tokenGate', 'switch');
  const [parts, setParts] = useAddressNumber('tokenParts', 4);
  const [capacity, setCapacity] = useAddressNumber('capacity', 12);
  const [skew, setSkew] = useAddressNumber('skew', 1);
  return (
    <VerbLab<TokensResult>
      page={page}
      verb="tokens"
      addressKey="tokens"
      params={{ gate, parts, capacity, skew }}
      action="Route 48 tokens"
      empty="Press “Route 48 tokens” to see which tokens find room."
      fields={
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
        </>
      }
    >
      {(shown) => {
        const { whole, passed, naive, experts, capacity: rows, parts: numParts } = shown.result!;
        const kept = new Set(whole.filter(({ place }) => place >= 0).map(pairOf));
        const shared = { kept, experts, rows };
        return (
          <Stack>
            <p>{shown.report!.verdict.text}</p>
            <Tokens title="Whole batch" cells={whole} numParts={1} {...shared} />
            <Tokens title="In parts, capacity passing" cells={passed} numParts={numParts} {...shared} />
            <Tokens title="Naive micro-batches" cells={naive} numParts={numParts} {...shared} />
            <p className="overlap-hint">
              Numbers are tokens, rows are experts with their {rows} places; a thick left edge begins the next part.
              Struck through: dropped. Red frame: another fate than in the whole batch.
            </p>
          </Stack>
        );
      }}
    </VerbLab>
  );
}

interface TokensProps {
  readonly title: string;
  readonly cells: readonly TokenCell[];
  /** Pairs that the whole batch keeps. */
  readonly kept: ReadonlySet<string>;
  readonly numParts: number;
  readonly experts: number;
  readonly rows: number;
}

function Tokens({ title, cells, kept, numParts, experts, rows }: TokensProps) {
  const dropped = cells.filter(({ place }) => place < 0);
  const isDifferent = (cell: TokenCell): boolean => cell.place >= 0 !== kept.has(pairOf(cell));
  const partOf = ({ token }: TokenCell): number => Math.floor((token * numParts) / NUM_TOKENS);
  const numDifferent = cells.filter(isDifferent).length;
  const fate = numParts === 1 ? '' : numDifferent === 0 ? ', all as in the whole batch' : `, ${numDifferent} otherwise`;
  const cellOf = (cell: TokenCell, before: TokenCell | undefined) => {
    const states = [
      cell.place < 0 && 'is-dropped',
      isDifferent(cell) && 'is-different',
      before && partOf(before) !== partOf(cell) && 'is-next-part',
    ].filter(Boolean);
    const place = cell.place < 0 ? 'dropped' : `place ${cell.place}`;
    return (
      <span
        key={pairOf(cell)}
        className={['overlap-token', ...states].join(' ')}
        style={cell.place < 0 ? undefined : { background: `var(--bar-${(cell.expert % NUM_SERIES) + 1})` }}
        title={`token ${cell.token}, expert ${cell.expert}, ${place}${isDifferent(cell) ? ', not as in the whole batch' : ''}`}
      >
        {cell.token}
      </span>
    );
  };
  return (
    <Panel title={`${title}: ${dropped.length} dropped${fate}`}>
      <div className="overlap-tokens">
        {Array.from({ length: experts }, (_, expert) => {
          const own = cells.filter((cell) => cell.expert === expert && cell.place >= 0);
          return (
            <div key={expert} className="overlap-expert">
              <b>expert {expert}</b>
              <div>
                {own.map((cell, index) => cellOf(cell, own[index - 1]))}
                {Array.from({ length: Math.max(0, rows - own.length) }, (_empty, index) => (
                  <span key={`free ${index}`} className="overlap-token is-free" title="free place" />
                ))}
              </div>
            </div>
          );
        })}
        {dropped.length > 0 && (
          <div className="overlap-expert">
            <b>dropped</b>
            <div>{dropped.map((cell, index) => cellOf(cell, dropped[index - 1]))}</div>
          </div>
        )}
      </div>
    </Panel>
  );
}

const pairOf = ({ token, expert }: TokenCell): string => `${token}/${expert}`;
