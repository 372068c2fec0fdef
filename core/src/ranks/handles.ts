/** Handles: one issued call from this rank's side, and the book of those that are still open. */
import type { Exchange } from './exchange.ts';
import type { Handle, RankSpan } from './types.ts';

/** Waits shorter than this are not worth a span. */
const MIN_WAIT_SPAN_MS = 0.02;

export interface OpenCalls {
  /** @param finish  reads the result once all members have issued and the link is done */
  open<Result>(name: string, exchange: Exchange, finish: (exchange: Exchange) => Result): Handle<Result>;
  /** Names of calls that were issued and neither waited for nor abandoned. */
  names(): string[];
}

export function createOpenCalls(rank: number, nowMs: () => number, addSpan: (span: RankSpan) => void): OpenCalls {
  const open = new Set<{ readonly name: string }>();
  return {
    names: () => [...open].map(({ name }) => name),
    open<Result>(name: string, exchange: Exchange, finish: (exchange: Exchange) => Result): Handle<Result> {
      const entry = { name };
      open.add(entry);
      let result: { readonly value: Result } | undefined;

      const settle = (waitedFromMs: number): Result => {
        const { startMs, finishMs } = exchange;
        const movedFromMs = nowMs();
        const value = finish(exchange);
        const endMs = nowMs();
        exchange.release();
        open.delete(entry);
        result = { value };
        // Without emulated links the transfer is the moving of the data itself.
        const [fromMs, toMs] = finishMs > startMs ? [startMs, finishMs] : [movedFromMs, endMs];
        addSpan({ lane: `rank ${rank} link`, name, startMs: fromMs, endMs: toMs, category: 'communication' });
        if (endMs - waitedFromMs > MIN_WAIT_SPAN_MS)
          addSpan({ lane: `rank ${rank}`, name: `wait ${name}`, startMs: waitedFromMs, endMs, category: 'wait' });
        return value;
      };
      return {
        isReady: () => result !== undefined || exchange.isReady(),
        wait() {
          if (result) return result.value;
          const startMs = nowMs();
          exchange.waitForMembers();
          return settle(startMs);
        },
        async waitAsync() {
          if (result) return result.value;
          await exchange.waitForMembersAsync();
          return result ? (result as { readonly value: Result }).value : settle(nowMs());
        },
        abandon() {
          if (!open.delete(entry)) return;
          exchange.release();
        },
      };
    },
  };
}
