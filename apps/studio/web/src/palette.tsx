/** The palette (Mod+K) and the key sheet (?), both from the list of commands. */
import { Command as Cmdk } from 'cmdk';
import { Button, TextField } from '@tenfold/ui';
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import type { Command } from './commands.ts';
import { saveView } from './saved-views.ts';

const GROUPS = ['Go to', 'Saved views', 'Rooms', 'Run a verb', 'Runs', 'View', 'Errors'] as const;

export function Palette({
  commands,
  onClose,
}: {
  readonly commands: readonly Command[];
  readonly onClose: () => void;
}) {
  return (
    <ModalDialog label="Search everything" onClose={onClose}>
      <Cmdk label="Search everything" className="palette" loop>
        <Cmdk.Input placeholder="Room, verb, run, error code, saved view…" autoFocus />
        <Cmdk.List>
          <Cmdk.Empty>Nothing is called that. Try a room, a verb, or a word of its question.</Cmdk.Empty>
          {GROUPS.map((group) => {
            const members = commands.filter((command) => command.group === group);
            return members.length === 0 ? null : (
              <Cmdk.Group key={group} heading={group}>
                {members.map((command) => (
                  <Cmdk.Item
                    key={command.id}
                    value={`${command.label} ${command.words ?? ''}`}
                    onSelect={() => {
                      onClose();
                      command.run();
                    }}
                  >
                    <span>{command.label}</span>
                    {command.keys && <Keys keys={command.keys} />}
                  </Cmdk.Item>
                ))}
              </Cmdk.Group>
            );
          })}
        </Cmdk.List>
      </Cmdk>
    </ModalDialog>
  );
}

export function KeySheet({
  commands,
  onClose,
}: {
  readonly commands: readonly Command[];
  readonly onClose: () => void;
}) {
  const rows = commands.filter((command) => command.keys !== undefined);
  const more = [
    { id: 'w', label: 'Timeline: zoom in, zoom out', keys: 'W S' },
    { id: 'a', label: 'Timeline: move left, right', keys: 'A D' },
    { id: 'arrows', label: 'Timeline: walk from span to span', keys: '← →' },
    { id: 'escape', label: 'Close what is open', keys: 'Esc' },
  ];
  return (
    <ModalDialog label="Keyboard keys" onClose={onClose}>
      <div className="key-sheet">
        <header>
          <h2>Keyboard keys</h2>
          <Button size="s" variant="quiet" icon="close" aria-label="Close" onClick={onClose} />
        </header>
        <dl>
          {[...rows, ...more].map((row) => (
            <div key={row.id}>
              <dt>{row.label}</dt>
              <dd>
                <Keys keys={row.keys!} />
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </ModalDialog>
  );
}

export function SaveView({ onClose }: { readonly onClose: () => void }) {
  const address = window.location.pathname + window.location.search;
  const [name, setName] = useState(document.title);
  return (
    <ModalDialog label="Save this view" onClose={onClose}>
      <form
        className="key-sheet"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() === '') return;
          saveView({ name: name.trim(), address });
          onClose();
        }}
      >
        <header>
          <h2>Save this view</h2>
        </header>
        <TextField label="Name" value={name} onChange={setName} />
        <p className="tf-field-note">The search (Mod+K) finds it by this name, with all filters and sliders.</p>
        <div className="tf-row">
          <Button type="submit" variant="primary">
            Save
          </Button>
          <Button variant="quiet" onClick={onClose}>
            Close
          </Button>
        </div>
      </form>
    </ModalDialog>
  );
}

export function Keys({ keys }: { readonly keys: string }) {
  const mod = /Mac/.test(navigator.platform) ? '⌘' : 'Ctrl';
  return (
    <span className="keys">
      {keys.split(/[ +]/).map((key) => (
        <kbd key={key}>{key === 'Mod' ? mod : key}</kbd>
      ))}
    </span>
  );
}

/** The browser's own dialog: focus stays inside, Escape closes, focus returns where it was. */
function ModalDialog({
  label,
  onClose,
  children,
}: {
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect: its cleanup closes the dialog while it is still in the page, which is what gives the focus back.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) {
      element.showModal();
      element.querySelector('input')?.focus(); // the dialog itself would take the first that can have it
    }
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="modal"
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      {children}
    </dialog>
  );
}
