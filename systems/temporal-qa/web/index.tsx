/** The room's page: ask, see times, bring sources. */
import { Tabs, useAddressState, type RoomPageProps } from '@tenfold/ui';
import { AskView } from './ask-view.tsx';
import './page.css';
import { SourcesView } from './sources-view.tsx';
import { TimelineView } from './timeline-view.tsx';

type View = 'ask' | 'timeline' | 'sources';

const VIEWS: readonly { readonly id: View; readonly label: string }[] = [
  { id: 'ask', label: 'Ask' },
  { id: 'timeline', label: 'Timeline' },
  { id: 'sources', label: 'Sources' },
];

export default function TemporalQaPage(page: RoomPageProps) {
  const [view, setView] = useAddressState<View>('view', 'ask');
  const [, setDb] = useAddressState<string>('db', '');
  return (
    <Tabs tabs={VIEWS} selected={view} onSelect={setView} label="Part of the room">
      {view === 'ask' && <AskView page={page} />}
      {view === 'timeline' && <TimelineView page={page} />}
      {view === 'sources' && (
        <SourcesView
          page={page}
          onAsk={(db) => {
            setDb(db);
            setView('ask');
          }}
        />
      )}
    </Tabs>
  );
}
