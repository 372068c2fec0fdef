/** Short notes in the corner. `showToast` works from anywhere; `<Toasts />` stands once in the frame. */
import type { Tone } from '@tenfold/core/report';
import { useSyncExternalStore } from 'react';
import { ToneMark } from './badge.tsx';
import { Button } from './button.tsx';

export interface Toast {
  readonly tone: Tone;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

interface ShownToast extends Toast {
  readonly id: number;
}

const SHOWN_MS = 6000;
let nextId = 1;
let shown: readonly ShownToast[] = [];
const listeners = new Set<() => void>();

export function showToast(toast: Toast): void {
  const entry = { ...toast, id: nextId++ };
  setShown([...shown, entry].slice(-3));
  setTimeout(() => dismiss(entry.id), SHOWN_MS);
}

export function Toasts() {
  const toasts = useSyncExternalStore(subscribe, () => shown);
  return (
    <div className="tf-toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className="tf-toast">
          <ToneMark tone={toast.tone} />
          <span>{toast.text}</span>
          {toast.action && (
            <Button
              size="s"
              onClick={() => {
                toast.action?.run();
                dismiss(toast.id);
              }}
            >
              {toast.action.label}
            </Button>
          )}
          <Button size="s" variant="quiet" icon="close" aria-label="Dismiss" onClick={() => dismiss(toast.id)} />
        </div>
      ))}
    </div>
  );
}

function dismiss(id: number): void {
  setShown(shown.filter((toast) => toast.id !== id));
}

function setShown(next: readonly ShownToast[]): void {
  shown = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
