/** Runs commands by their keys; leaves typing alone. */
import { useEffect } from 'react';
import type { Command } from './commands.ts';

const SEQUENCE_MS = 1200;

export function useCommandKeys(commands: readonly Command[]): void {
  useEffect(() => {
    let pending = '';
    let pendingAtMs = 0;
    const onKeyDown = (event: KeyboardEvent) => {
      const isModK = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k';
      if (isModK) {
        event.preventDefault();
        commands.find((command) => command.keys === 'Mod+K')?.run();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      const now = performance.now();
      const typed = now - pendingAtMs < SEQUENCE_MS && pending ? `${pending} ${event.key}` : event.key;
      const command = commands.find((candidate) => candidate.keys === typed);
      if (command) {
        event.preventDefault();
        pending = '';
        command.run();
        return;
      }
      pending = commands.some((candidate) => candidate.keys?.startsWith(`${event.key} `)) ? event.key : '';
      pendingAtMs = now;
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
