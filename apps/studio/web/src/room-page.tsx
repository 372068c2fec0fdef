/** A room: its own page, a form per verb, its runs. */
import {
  Badge,
  Button,
  Callout,
  DiagnosticView,
  diagnosticFromError,
  EmptyState,
  LinkButton,
  Loading,
  Tabs,
  type RoomDescription,
  type RoomPageProps,
} from '@tenfold/ui';
import type { Diagnostic } from '@tenfold/core/base';
import { createElement, Suspense, useCallback, useEffect, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { verbPath } from './commands.ts';
import { FoldMark } from './fold-mark.tsx';
import { httpApi } from './http-api.ts';
import { PageBoundary } from './page-boundary.tsx';
import { ParamsForm } from './params-form.tsx';
import { roomPages } from './room-pages.ts';
import { RunList } from './runs-page.tsx';
import { useRooms, useRuns } from './use-studio-data.ts';

type TabId = 'page' | 'verbs' | 'runs';

export function RoomPage({
  roomId,
  tab,
  verb,
}: {
  readonly roomId: string;
  readonly tab: string | undefined;
  readonly verb: string | undefined;
}) {
  const rooms = useRooms();
  const index = rooms.data?.findIndex((candidate) => candidate.id === roomId) ?? -1;
  const room = rooms.data?.[index];
  useEffect(() => void (document.title = `${room?.title ?? roomId} · Tenfold`), [room, roomId]);
  if (rooms.error) return <DiagnosticView diagnostic={diagnosticFromError(rooms.error, 'listRooms')} />;
  if (!rooms.data) return <Loading label="Loading the room" />;
  if (!room) {
    return (
      <EmptyState
        isPage
        title={`There is no room “${roomId}”`}
        action={<LinkButton href="/">Go to the rooms</LinkButton>}
      >
        The address names none of the ten.
      </EmptyState>
    );
  }
  return (
    <div className="page">
      <nav className="crumbs" aria-label="Where you are">
        <Link href="/">Rooms</Link> <span aria-hidden="true">/</span> {room.title}
      </nav>
      <header className="room-head">
        <FoldMark fold={index % 10} size={40} />
        <div>
          <h1>{room.title}</h1>
          <p className="room-head-question">{room.question}</p>
          <p className="room-line">
            {room.paper.title}{' '}
            <a href={`https://arxiv.org/abs/${room.paper.arxiv}`} target="_blank" rel="noreferrer">
              arXiv {room.paper.arxiv}
            </a>
          </p>
        </div>
        {room.built ? <TourButton room={room} /> : <Badge tone="neutral">Not built yet</Badge>}
      </header>
      {room.built ? <RoomTabs room={room} tab={tab} verb={verb} /> : <UnbuiltRoom room={room} />}
    </div>
  );
}

function UnbuiltRoom({ room }: { readonly room: RoomDescription & { readonly problem?: Diagnostic } }) {
  if (room.problem) return <DiagnosticView diagnostic={room.problem} />;
  return (
    <EmptyState title="This room is not built yet" action={<LinkButton href="/">See the rooms that are</LinkButton>}>
      Its method and question are fixed; its verbs and page will appear here when its code lands.
    </EmptyState>
  );
}

function TourButton({ room }: { readonly room: RoomDescription }) {
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Diagnostic>();
  const start = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      navigate(`/runs/${await httpApi.startRun({ system: room.id, verb: room.tour, params: {} })}`);
    } catch (error) {
      setFailure(diagnosticFromError(error, room.tour));
      setBusy(false);
    }
  };
  return (
    <div className="room-head-action">
      <Button icon="play" busy={busy} onClick={() => void start()}>
        Run the tour
      </Button>
      {failure && <DiagnosticView diagnostic={failure} />}
    </div>
  );
}

function RoomTabs({
  room,
  tab,
  verb,
}: {
  readonly room: RoomDescription;
  readonly tab: string | undefined;
  readonly verb: string | undefined;
}) {
  const [, navigate] = useLocation();
  const hasPage = roomPages.has(room.id);
  const selected: TabId = tab === 'verbs' || tab === 'runs' ? tab : hasPage ? 'page' : 'verbs';
  const tabs = [
    ...(hasPage ? [{ id: 'page' as const, label: 'Page' }] : []),
    { id: 'verbs' as const, label: `Verbs ${room.verbs.length}` },
    { id: 'runs' as const, label: 'Runs' },
  ];
  return (
    <Tabs
      label={`Parts of ${room.title}`}
      tabs={tabs}
      selected={selected}
      onSelect={(id) => navigate(id === 'page' ? `/rooms/${room.id}` : `/rooms/${room.id}/${id}`)}
    >
      {selected === 'page' && <OwnPage room={room} />}
      {selected === 'verbs' && <VerbForms room={room} verb={verb} />}
      {selected === 'runs' && <RunList room={room.id} />}
    </Tabs>
  );
}

function OwnPage({ room }: { readonly room: RoomDescription }) {
  const [, navigate] = useLocation();
  const runs = useRuns({ system: room.id });
  const startRun = useCallback<RoomPageProps['startRun']>(
    (verb, params, options = {}) => httpApi.startRun({ system: room.id, verb, params, ...options }),
    [room.id],
  );
  const openRun = useCallback((runId: string) => navigate(`/runs/${runId}`), [navigate]);
  return (
    <PageBoundary subject={room.id}>
      <Suspense fallback={<Loading label="Loading the page" />}>
        {createElement(roomPages.get(room.id)!, {
          room,
          runs: runs.data ?? [],
          runsLoaded: runs.data !== undefined,
          startRun,
          openRun,
          api: httpApi,
        })}
      </Suspense>
    </PageBoundary>
  );
}

function VerbForms({ room, verb: wantedName }: { readonly room: RoomDescription; readonly verb: string | undefined }) {
  const [, navigate] = useLocation();
  const search = useSearch();
  const verb = room.verbs.find((candidate) => candidate.name === wantedName) ?? room.verbs[0]!;
  const initial = initialFromAddress(search);
  return (
    <div className="verbs">
      <nav aria-label="Verbs">
        {room.verbs.map((candidate) => (
          <Link
            key={candidate.name}
            href={verbPath(room.id, candidate.name)}
            aria-current={candidate === verb ? 'page' : undefined}
          >
            <strong>{candidate.name}</strong>
            <span>{candidate.summary}</span>
          </Link>
        ))}
      </nav>
      <section aria-labelledby="verb-title">
        <h2 id="verb-title">{verb.name}</h2>
        <p className="verb-summary">{verb.summary}.</p>
        {wantedName !== undefined && verb.name !== wantedName && (
          <Callout tone="warn" title={`There is no verb “${wantedName}” here`} text="The first one is shown instead." />
        )}
        <ParamsForm
          key={`${verb.name}?${search}`}
          verb={verb}
          api={httpApi}
          initialParams={initial.params}
          initialSeed={initial.seed}
          onStart={async (params, seed) =>
            navigate(`/runs/${await httpApi.startRun({ system: room.id, verb: verb.name, params, seed })}`)
          }
        />
      </section>
    </div>
  );
}

/** `?params={…}&seed=…`, as "change and run again" of a run writes it. */
function initialFromAddress(search: string): { readonly params: Record<string, unknown>; readonly seed: number } {
  const query = new URLSearchParams(search);
  try {
    const params = JSON.parse(query.get('params') ?? '{}') as Record<string, unknown>;
    return { params, seed: Number(query.get('seed') ?? 0) || 0 };
  } catch {
    return { params: {}, seed: 0 };
  }
}
