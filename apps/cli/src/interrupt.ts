/** Ctrl-C: the first asks the work to stop and keeps what is done, the second ends the process at once. */
import type { Terminal } from './terminal.ts';

const INTERRUPTED_EXIT_CODE = 130;

/** Aborts the returned signal on SIGINT and SIGTERM. @returns the signal and a function that stops listening */
export function listenForInterrupt(terminal: Terminal): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED_EXIT_CODE);
    controller.abort();
    terminal.err('\nStopping cleanly; press Ctrl-C once more to end at once.\n');
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stop() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
