/** The room's page: the tour, a lab of bugs, and traces of one's own. */
import { Stack, Tabs, useAddressState, type RoomPageProps } from '@tenfold/ui';
import { BugLab } from './bug-lab.tsx';
import { MatrixView } from './matrix-view.tsx';
import './page.css';
import { TraceCheckView } from './trace-check-view.tsx';

type View = 'lab' | 'check' | 'matrix';

const VIEWS: readonly { readonly id: View; readonly label: string; readonly intro: string }[] = [
  {
    id: 'lab',
    label: 'Bug lab',
    intro: 'Train a small GPT on worker threads, with a bug of your choice: the loss stays normal, the map turns red.',
  },
  { id: 'check', label: 'Your traces', intro: 'Where does a run of yours leave its reference?' },
  { id: 'matrix', label: 'Detection matrix', intro: 'Which bugs are found, and in which kind of evidence first?' },
];

export default function Page(page: RoomPageProps) {
  const [view, setView] = useAddressState<View>('view', 'lab');
  const chosen = VIEWS.find((entry) => entry.id === view) ?? VIEWS[0]!;
  return (
    <Tabs tabs={VIEWS} selected={chosen.id} onSelect={setView} label="Part of the room">
      <Stack>
        <p className="trace-check-intro">{chosen.intro}</p>
        <Content view={chosen.id} page={page} />
      </Stack>
    </Tabs>
  );
}

function Content({ view, page }: { readonly view: View; readonly page: RoomPageProps }) {
  if (view === 'lab') return <BugLab {...page} />;
  return view === 'check' ? <TraceCheckView {...page} /> : <MatrixView {...page} />;
}
