/** Views that a visitor keeps by name: an address with its filters and sliders. Kept in this browser. */
import { useSyncExternalStore } from 'react';

export interface SavedView {
  readonly name: string;
  /** Path and query. */
  readonly address: string;
}

const KEY = 'tenfold.saved-views';
const MAX_VIEWS = 100;
const listeners = new Set<() => void>();
let shown: readonly SavedView[] | undefined;

function read(): readonly SavedView[] {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '[]') as unknown;
    if (!Array.isArray(stored)) return [];
    return stored.filter(
      (view): view is SavedView =>
        typeof view?.name === 'string' && typeof view?.address === 'string' && /^\/(?!\/)/.test(view.address),
    );
  } catch {
    return []; // Damaged or forbidden storage: no views, nothing else.
  }
}

function write(views: readonly SavedView[]): void {
  shown = views;
  try {
    localStorage.setItem(KEY, JSON.stringify(views));
  } catch {
    // Forbidden storage: the views last as long as the page.
  }
  listeners.forEach((notify) => notify());
}

const current = (): readonly SavedView[] => (shown ??= read());

/** Keeps an address under a name; a view of the same name is replaced. */
export function saveView(view: SavedView): void {
  write([view, ...current().filter(({ name }) => name !== view.name)].slice(0, MAX_VIEWS));
}

export function forgetView(name: string): void {
  write(current().filter((view) => view.name !== name));
}

export function useSavedViews(): readonly SavedView[] {
  return useSyncExternalStore((notify) => {
    listeners.add(notify);
    return () => void listeners.delete(notify);
  }, current);
}
