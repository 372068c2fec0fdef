/** The frame: header, routes, palette, key sheet, toasts. */
import { Button, EmptyState, Icon, LinkButton, Toasts, type IconName } from '@tenfold/ui';
import { useEffect, useMemo, useState } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { createCommands } from './commands.ts';
import { ComparePage } from './compare-page.tsx';
import { ErrorsPage } from './errors-page.tsx';
import { FoldMark } from './fold-mark.tsx';
import { HomePage } from './home-page.tsx';
import { Keys, KeySheet, Palette, SaveView } from './palette.tsx';
import { PageBoundary } from './page-boundary.tsx';
import { RoomPage } from './room-page.tsx';
import { RunPage } from './run-page.tsx';
import { RunsPage } from './runs-page.tsx';
import { useSavedViews } from './saved-views.ts';
import { setThemeChoice, useThemeChoice, type ThemeChoice } from './theme.ts';
import { TracePage } from './trace-page.tsx';
import { useCommandKeys } from './use-command-keys.ts';
import { useRooms, useRunListUpdates, useRuns } from './use-studio-data.ts';

const THEMES: readonly { readonly choice: ThemeChoice; readonly icon: IconName }[] = [
  { choice: 'system', icon: 'screen' },
  { choice: 'light', icon: 'sun' },
  { choice: 'dark', icon: 'moon' },
];

/** Newest runs that the search knows; the page of runs searches all. */
const SEARCHED_RUNS = 100;

export function App() {
  const [path, navigate] = useLocation();
  const [open, setOpen] = useState<'palette' | 'keys' | 'save'>();
  const rooms = useRooms().data;
  const savedViews = useSavedViews();
  const runs = useRuns({ limit: SEARCHED_RUNS }).data;
  useRunListUpdates();
  const commands = useMemo(
    () =>
      createCommands({
        rooms: rooms ?? [],
        navigate,
        openPalette: () => setOpen('palette'),
        openKeySheet: () => setOpen('keys'),
        openSaveView: () => setOpen('save'),
        runs: runs ?? [],
        savedViews,
      }),
    [rooms, runs, savedViews, navigate],
  );
  useCommandKeys(commands);
  useEffect(() => {
    window.scrollTo(0, 0);
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- a new path is the reason to scroll
  }, [path]);
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <header className="app-header">
        <div className="app-header-inner">
          <Link href="/" className="brand" aria-label="Tenfold, home">
            <FoldMark />
            <span>Tenfold</span>
          </Link>
          <nav aria-label="Main">
            <Link href="/" aria-current={path === '/' ? 'page' : undefined}>
              Rooms
            </Link>
            <Link href="/runs" aria-current={path.startsWith('/runs') ? 'page' : undefined}>
              Runs
            </Link>
            <Link href="/timeline" aria-current={path === '/timeline' ? 'page' : undefined}>
              Timeline
            </Link>
          </nav>
          <div className="app-tools">
            <button type="button" className="palette-button" onClick={() => setOpen('palette')}>
              <Icon name="search" size={14} />
              <span>Search</span>
              <Keys keys="Mod+K" />
            </button>
            <ThemeButton />
            <Button
              variant="quiet"
              icon="keyboard"
              aria-label="Keyboard keys"
              className="key-sheet-button"
              onClick={() => setOpen('keys')}
            />
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <PageBoundary key={path.split('/').slice(0, 3).join('/')} subject={path}>
          <Switch>
            <Route path="/" component={HomePage} />
            <Route<{ id: string; tab?: string; verb?: string }> path="/rooms/:id/:tab?/:verb?">
              {({ id, tab, verb }) => (
                <RoomPage
                  key={id}
                  roomId={id}
                  tab={tab}
                  verb={verb === undefined ? undefined : decodeURIComponent(verb)}
                />
              )}
            </Route>
            <Route path="/timeline" component={TracePage} />
            <Route path="/compare" component={ComparePage} />
            <Route path="/errors" component={ErrorsPage} />
            <Route path="/runs" component={RunsPage} />
            <Route path="/runs/:id">{({ id }) => <RunPage key={id} runId={id!} />}</Route>
            <Route>
              <UnknownPage path={path} />
            </Route>
          </Switch>
        </PageBoundary>
      </main>
      {open === 'palette' && <Palette commands={commands} onClose={() => setOpen(undefined)} />}
      {open === 'keys' && <KeySheet commands={commands} onClose={() => setOpen(undefined)} />}
      {open === 'save' && <SaveView onClose={() => setOpen(undefined)} />}
      <Toasts />
    </>
  );
}

/** Rooms are also guessed from their bare name: /view-bench is /rooms/view-bench. */
function UnknownPage({ path }: { readonly path: string }) {
  const rooms = useRooms();
  const [first] = path.split('/').filter(Boolean);
  const room = rooms.data?.find(({ id }) => id === first);
  return (
    <EmptyState
      isPage
      title="There is no page at this address"
      action={
        room ? (
          <LinkButton href={`/rooms/${room.id}`}>Open {room.title}</LinkButton>
        ) : (
          <LinkButton href="/">Go to the rooms</LinkButton>
        )
      }
    >
      {room ? `Rooms are at /rooms: this one is /rooms/${room.id}.` : 'The link may be old, or a letter is missing.'}
    </EmptyState>
  );
}

function ThemeButton() {
  const choice = useThemeChoice();
  const index = THEMES.findIndex((theme) => theme.choice === choice);
  const next = THEMES[(index + 1) % THEMES.length]!;
  return (
    <Button
      variant="quiet"
      icon={THEMES[index]!.icon}
      aria-label={`Theme: ${choice}. Change to ${next.choice}.`}
      title={`Theme: ${choice}`}
      onClick={() => setThemeChoice(next.choice)}
    />
  );
}
