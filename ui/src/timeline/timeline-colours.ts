/** Colours of the canvas, read from the tokens once per theme. */
import { useSyncExternalStore } from 'react';
import type { TimelineColours } from './draw-timeline.ts';

/** `--bar-1` … of the tokens. */
export const NUM_BAR_COLOURS = 10;

const byTheme = new Map<string, TimelineColours>();

/** `light` or `dark`, as the page's root says; follows changes. */
export function useThemeName(): string {
  return useSyncExternalStore(subscribeTheme, () => document.documentElement.dataset['theme'] ?? 'light');
}

export function readTimelineColours(element: Element, theme: string): TimelineColours {
  const known = byTheme.get(theme);
  if (known) return known;
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const colours: TimelineColours = {
    background: token('--surface'),
    panel: token('--surface'),
    line: token('--line'),
    ink: token('--ink'),
    inkSoft: token('--ink-3'),
    accent: token('--accent'),
    bar: Array.from({ length: NUM_BAR_COLOURS }, (_, index) => token(`--bar-${index + 1}`)),
    barInk: token('--bar-ink'),
    font: token('--font-sans'),
  };
  byTheme.set(theme, colours);
  return colours;
}

function subscribeTheme(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  return () => observer.disconnect();
}
