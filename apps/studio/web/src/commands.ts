/** Commands: one list that palette, key sheet and keyboard read. */
import type { RoomDescription, RunSummary } from '@tenfold/ui';
import { ERROR_LIST } from './error-list.ts';
import { forgetView, type SavedView } from './saved-views.ts';
import { setThemeChoice } from './theme.ts';

export interface Command {
  readonly id: string;
  readonly label: string;
  readonly group: 'Go to' | 'Rooms' | 'Saved views' | 'Run a verb' | 'Runs' | 'Errors' | 'View';
  /** Keys as pressed one after the other: `g h`. */
  readonly keys?: string;
  /** More words to find it by. */
  readonly words?: string;
  readonly run: () => void;
}

export function createCommands(options: {
  readonly rooms: readonly RoomDescription[];
  readonly navigate: (path: string) => void;
  readonly openPalette: () => void;
  readonly openKeySheet: () => void;
  readonly openSaveView: () => void;
  /** The newest runs. */
  readonly runs: readonly RunSummary[];
  readonly savedViews: readonly SavedView[];
}): readonly Command[] {
  const { rooms, runs, savedViews, navigate } = options;
  return [
    { id: 'home', label: 'Home', group: 'Go to', keys: 'g h', run: () => navigate('/') },
    { id: 'runs', label: 'All runs', group: 'Go to', keys: 'g r', run: () => navigate('/runs') },
    {
      id: 'timeline',
      label: 'Timeline: open a trace',
      group: 'Go to',
      keys: 'g t',
      words: 'chrome kineto profiler',
      run: () => navigate('/timeline'),
    },
    { id: 'compare', label: 'Compare runs', group: 'Go to', keys: 'g c', run: () => navigate('/compare') },
    { id: 'errors', label: 'Errors and what to do', group: 'Go to', keys: 'g e', run: () => navigate('/errors') },
    ...savedViews.flatMap(({ name, address }): Command[] => [
      { id: `saved-${name}`, label: name, group: 'Saved views', words: address, run: () => navigate(address) },
      { id: `forget-${name}`, label: `Forget the view “${name}”`, group: 'View', run: () => forgetView(name) },
    ]),
    ...rooms.map((room): Command => ({
      id: `room-${room.id}`,
      label: room.title,
      group: 'Rooms',
      words: `${room.id} ${room.question} ${room.paper.title}`,
      run: () => navigate(`/rooms/${room.id}`),
    })),
    ...rooms.flatMap((room) =>
      room.verbs.map((verb): Command => ({
        id: `verb-${room.id}-${verb.name}`,
        label: `${room.title}: ${verb.name}`,
        group: 'Run a verb',
        words: verb.summary,
        run: () => navigate(verbPath(room.id, verb.name)),
      })),
    ),
    ...runs.map((run): Command => ({
      id: `run-${run.id}`,
      label: `${run.system} ${run.verb} · ${run.id}`,
      group: 'Runs',
      words: `${run.status} ${run.verdict?.text ?? ''}`,
      run: () => navigate(`/runs/${run.id}`),
    })),
    ...ERROR_LIST.map((error): Command => ({
      id: error.code,
      label: `${error.code} ${error.title}`,
      group: 'Errors',
      words: error.fix,
      run: () => navigate(`/errors?q=${error.code}`),
    })),
    { id: 'save', label: 'Save this view', group: 'View', keys: 's v', run: options.openSaveView },
    { id: 'palette', label: 'Search everything', group: 'View', keys: 'Mod+K', run: options.openPalette },
    { id: 'keys', label: 'Keyboard keys', group: 'View', keys: '?', run: options.openKeySheet },
    { id: 'light', label: 'Light theme', group: 'View', keys: 't l', run: () => setThemeChoice('light') },
    { id: 'dark', label: 'Dark theme', group: 'View', keys: 't d', run: () => setThemeChoice('dark') },
    { id: 'system', label: 'System theme', group: 'View', keys: 't s', run: () => setThemeChoice('system') },
  ];
}

export function verbPath(roomId: string, verb: string): string {
  return `/rooms/${roomId}/verbs/${encodeURIComponent(verb)}`;
}
