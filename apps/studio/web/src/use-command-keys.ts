/** Runs commands by their keys; leaves typing alone. */
import { useEffect, useRef } from 'react';
import type { Command } from './commands.ts';

const SEQUENCE_MS = 1200;

export function useCommandKeys(commands: readonly Command[]): void {
  const pending = useRef({ key: '', atMs: 0 }); // outlives a change of the list between two keys
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isModK = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k';
      if (isModK) {
        event.preventDefault();
        commands.find((command) => command.keys === 'Mod+K')?.run();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      const now = performance.now();
      const typed =
        now - pending.current.atMs < SEQUENCE_MS && pending.current.key
          ? `${pending.current.key} ${event.key}`
          : event.key;
      const command = commands.find((candidate) => candidate.keys === typed);
      if (command) {
        event.preventDefault();
        pending.current = { key: '', atMs: 0 };
        command.run();
        return;
      }
      const isFirst = commands.some((candidate) => candidate.keys?.startsWith(`${event.key} `));
      pending.current = { key: isFirst ? event.key : '', atMs: now };
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [commands]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT|CANVAS)$/.test(target.tagName))
  );
}
