/** Lifetimes: things that must be closed count themselves, so that tests can assert that none is left open. */

const openCounts = new Map<string, number>();

/** Notes one open thing of a kind. @returns a function to call once when it is closed (further calls do nothing) */
export function trackOpen(kind: string): () => void {
  openCounts.set(kind, (openCounts.get(kind) ?? 0) + 1);
  let isOpen = true;
  return () => {
    if (!isOpen) return;
    isOpen = false;
    openCounts.set(kind, openCounts.get(kind)! - 1);
  };
}

/** How many things of a kind are open now (leak tests). */
export function countOpen(kind: string): number {
  return openCounts.get(kind) ?? 0;
}
