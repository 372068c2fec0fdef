/** Commands: one list that palette, key sheet and keyboard read. */
import type { RoomDescription } from '@tenfold/ui';
import { setThemeChoice } from './theme.ts';

export interface Command {
  readonly id: string;
  readonly label: string;
  readonly group: 'Go to' | 'Rooms' | 'Run a verb' | 'View';
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
}): readonly Command[] {
  const { rooms, navigate } = options;
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
