/** A stream of server events that is open only while the tab is seen. Browsers allow six connections to a server,
 *  so hidden tabs must not hold any; a stream that opens again starts with the present state. */

/** @param listeners  event name → handler of its JSON
 *  @returns a function that closes it for good */
export function openVisibleEventSource(
  url: string,
  listeners: Readonly<Record<string, (data: unknown) => void>>,
  onLost: () => void = () => {},
): () => void {
  let source: EventSource | undefined;
  const open = () => {
    if (source) return;
    source = new EventSource(url);
    for (const [name, handle] of Object.entries(listeners))
      source.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data)));
    source.addEventListener('error', onLost);
  };
  const close = () => {
    source?.close();
    source = undefined;
  };
  const follow = () => (document.hidden ? close() : open());
  document.addEventListener('visibilitychange', follow);
  follow();
  return () => {
    document.removeEventListener('visibilitychange', follow);
    close();
  };
}
