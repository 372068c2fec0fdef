/** The room's page: hit rates with bounds, the live tree, times with queueing, a chat, and the tour. */
import {
  RunResult,
  SampleRunButton,
  Stack,
  Tabs,
  TextField,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPage,
  type RoomPageProps,
} from '@tenfold/ui';
import { Chat } from './chat.tsx';
import { Playback } from './playback.tsx';
import './page.css';

type View = 'tour' | 'tree' | 'rates' | 'alpha' | 'queue' | 'chat';

const VIEWS: readonly { readonly id: View; readonly label: string; readonly intro: string }[] = [
  { id: 'tree', label: 'Radix tree', intro: 'What a cache holds while a recording of agents is replayed.' },
  { id: 'rates', label: 'Hit rates', intro: 'What policies reuse at several capacities, and what none can exceed.' },
  { id: 'alpha', label: 'α map', intro: 'How much the weight of FLOPs against recency matters at each capacity.' },
  { id: 'queue', label: 'Time to first token', intro: 'Arrivals, servers and waiting: who gets the first token when.' },
  {
    id: 'chat',
    label: 'Chat',
    intro: 'A small hybrid model with a cache that stays on disk; the prompt shows what was reused.',
  },
  { id: 'tour', label: 'Tour', intro: 'All policies on the recording, then live requests compared byte for byte.' },
];
const ALPHAS = '0,0.1,0.25,0.5,1,1.5,2'
  .split(',')
  .map((alpha) => `marconi:${alpha}`)
  .join(',');
/** As many as the plot has colours for, with the two bounds. */
const RATES = { policies: 'lru,leafLru,gdsf,segLen,marconi:0.25,marconi:1,hitDensity,adaptive' };
const MAP_CAPACITIES = '500MB,700MB,1GB,1.4GB,2GB';

const CONTENT: Readonly<Record<View, RoomPage>> = {
  tree: Playback,
  rates: Rates,
  alpha: AlphaMap,
  queue: Queue,
  chat: Chat,
  tour: Tour,
};

export default function PrefixCachePage(page: RoomPageProps) {
  const [view, setView] = useAddressState<View>('view', 'tree');
  const chosen = VIEWS.find(({ id }) => id === view) ?? VIEWS[0]!;
  const Content = CONTENT[chosen.id];
  return (
    <Tabs tabs={VIEWS} selected={chosen.id} onSelect={setView} label="Part of the room">
      <Stack>
        <p>{chosen.intro}</p>
        <Content {...page} />
      </Stack>
    </Tabs>
  );
}

function Rates(page: RoomPageProps) {
  return <TraceVerb id="rates" page={page} verb="simulate" button="Compare policies" params={RATES} />;
}

function AlphaMap(page: RoomPageProps) {
  const params = { policies: ALPHAS, capacity: MAP_CAPACITIES };
  return <TraceVerb id="alpha" page={page} verb="simulate" button="Draw the map" params={params} />;
}

function Queue(page: RoomPageProps) {
  const params = { speedUp: 5, capacity: '1GB', teraFlops: 20 };
  return <TraceVerb id="queue" page={page} verb="queue" button="Simulate" params={params} />;
}

function Tour(page: RoomPageProps) {
  return <TraceVerb id="tour" page={page} verb="tour" button="Run the tour" />;
}

function TraceVerb({
  id,
  page,
  verb,
  button,
  params,
}: {
  readonly id: string;
  readonly page: RoomPageProps;
  readonly verb: string;
  readonly button: string;
  readonly params?: Readonly<Record<string, unknown>>;
}) {
  const run = useVerbRun(page, verb, { addressKey: id, showLatest: id !== 'alpha' });
  const [trace, setTrace] = useAddressState<string>('trace', '');
  return (
    <WithControls
      controls={
        <>
          {params === undefined ? undefined : (
            <TextField
              label="Trace"
              value={trace}
              onChange={setTrace}
              help="Path of a trace; empty for the recording of this room"
            />
          )}
          <SampleRunButton run={run} params={params === undefined ? {} : { ...params, trace }}>
            {button}
          </SampleRunButton>
        </>
      }
    >
      <RunResult page={page} run={run} empty={`Press “${button}”; the result appears here.`} />
    </WithControls>
  );
}
