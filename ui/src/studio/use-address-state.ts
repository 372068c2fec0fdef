/** State that lives in the address (`?key=value`), so that every state of a page can be linked. */
import { useCallback, useSyncExternalStore } from 'react';

const ADDRESS_EVENTS = ['popstate', 'pushState', 'replaceState', 'tenfold:address'] as const;

/** A string kept under `key` in the query part of the address. The default is not written.
 *  @returns [value, setValue]; `setValue` replaces the address entry, so that Back leaves the page */
export function useAddressState<Value extends string = string>(
  key: string,
  defaultValue: Value,
): [Value, (value: Value) => void] {
  const value = useSyncExternalStore(subscribeAddress, () => readAddress(key) ?? defaultValue) as Value;
  const setValue = useCallback(
    (next: Value) => writeAddress(key, next === defaultValue ? undefined : next),
    [key, defaultValue],
  );
  return [value, setValue];
}

/** A number kept in the address; text that is no number reads as the default. */
export function useAddressNumber(key: string, defaultValue: number): [number, (value: number) => void] {
  const [text, setText] = useAddressState(key, String(defaultValue));
  const value = Number(text);
  const setValue = useCallback((next: number) => setText(String(next)), [setText]);
  return [text.trim() !== '' && Number.isFinite(value) ? value : defaultValue, setValue];
}

function readAddress(key: string): string | undefined {
  return new URLSearchParams(window.location.search).get(key) ?? undefined;
}

function writeAddress(key: string, value: string | undefined): void {
  const url = new URL(window.location.href);
  if (value === undefined) url.searchParams.delete(key);
  else url.searchParams.set(key, value);
  if (url.href === window.location.href) return;
  window.history.replaceState(window.history.state, '', url);
  window.dispatchEvent(new Event('tenfold:address'));
}

function subscribeAddress(listener: () => void): () => void {
  for (const name of ADDRESS_EVENTS) window.addEventListener(name, listener);
  return () => {
    for (const name of ADDRESS_EVENTS) window.removeEventListener(name, listener);
  };
}
