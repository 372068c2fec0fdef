/** Hooks that follow runs: one run by id, or "the run of this verb on my page". */
import type { Diagnostic } from '@tenfold/core/base';
import { useCallback, useEffect, useState } from 'react';
import type { RoomPageProps } from '../room-page.ts';
import { diagnosticFromError } from './api-error.ts';
import type { MetricPoint, RunDetail, RunProgress, RunStatus, StudioApi } from './api.ts';
import { useAddressState } from './use-address-state.ts';

export interface LiveRun<Value = unknown> {
  readonly run: RunDetail<Value> | undefined;
  readonly progress: RunProgress | undefined;
  readonly metrics: readonly MetricPoint[];
  /** True while the run is queued or running. */
  readonly isActive: boolean;
  /** True while a run at work cannot be followed, since the server does not answer; the page tries again by itself. */
  readonly isLost: boolean;
  /** Why the run could not be read. */
  readonly error: Diagnostic | undefined;
}

const ACTIVE_STATUSES: ReadonlySet<RunStatus> = new Set(['queued', 'running']);

export function isActiveStatus(status: RunStatus): boolean {
  return ACTIVE_STATUSES.has(status);
}

interface LiveState {
  readonly runId: string | undefined;
  readonly run?: RunDetail;
  readonly progress?: RunProgress | undefined;
  readonly metrics: readonly MetricPoint[];
  readonly isLost?: boolean;
  readonly error?: Diagnostic;
}

/** Follows a run live: status, progress, metrics, and its result when it ends.
 *  @param runId  undefined means "none yet" */
export function useRun<Value = unknown>(api: StudioApi, runId: string | undefined): LiveRun<Value> {
  const [state, setState] = useState<LiveState>({ runId, metrics: [] });
  useEffect(() => {
    if (!runId) return;
    let alive = true;
    const update = (change: (previous: LiveState) => Partial<LiveState>) => {
      if (alive)
        setState((previous) => {
          const base: LiveState = previous.runId === runId ? previous : { runId, metrics: [] };
          return { ...base, ...change(base) };
        });
    };
    let stop = () => {};
    const readStored = () =>
      void api.readMetrics(runId).then(
        (points) => update((previous) => ({ metrics: mergeMetrics(points, previous.metrics) })),
        () => {},
      );
    api.getRun(runId).then(
      (run) => {
        if (!alive) return;
        update(() => ({ run, progress: run.progress }));
        readStored();
        if (!isActiveStatus(run.status)) return;
        stop = api.watchRun(runId, {
          run: (next) => {
            update(() => ({ run: next, isLost: false, ...(next.progress ? { progress: next.progress } : {}) }));
            readStored(); // what came while the stream was closed
          },
          progress: (progress) => update(() => ({ progress })),
          metrics: (points) => update((previous) => ({ metrics: mergeMetrics(previous.metrics, points) })),
          lost: () => update(() => ({ isLost: true })),
        });
      },
      (error: unknown) => update(() => ({ error: diagnosticFromError(error, 'openRun') })),
    );
    return () => {
      alive = false;
      stop();
    };
  }, [api, runId]);
  const current: LiveState = state.runId === runId ? state : { runId, metrics: [] };
  return {
    run: current.run as RunDetail<Value> | undefined,
    progress: current.progress,
    metrics: current.metrics,
    isActive: current.run ? isActiveStatus(current.run.status) : runId !== undefined && current.error === undefined,
    isLost: current.isLost === true && current.run !== undefined && isActiveStatus(current.run.status),
    error: current.error,
  };
}

/** Points of both, one for each name and step; those of the first list win. */
function mergeMetrics(first: readonly MetricPoint[], second: readonly MetricPoint[]): readonly MetricPoint[] {
  if (first.length === 0) return second;
  const keyOf = (point: MetricPoint) => `${point.name}\0${point.step}`;
  const seen = new Set(first.map(keyOf));
  return [...first, ...second.filter((point) => !seen.has(keyOf(point)))];
}

export interface VerbRun<Value = unknown> extends LiveRun<Value> {
  readonly runId: string | undefined;
  /** Starts the verb and follows the new run; errors land in `error`. */
  readonly start: (params: Readonly<Record<string, unknown>>, options?: { readonly seed?: number }) => Promise<void>;
  readonly cancel: () => Promise<void>;
  /** Shows an earlier run of the list. */
  readonly select: (runId: string | undefined) => void;
}

/** The run of one verb shown on a room's page. Its id stands in the address, so the page can be linked.
 *  Without an id in the address the newest finished run of the verb is shown, if there is one.
 *  @param options.addressKey  default `run`; give another to each hook when a page follows several verbs
 *  @param options.showLatest  default true */
export function useVerbRun<Value = unknown>(
  page: RoomPageProps,
  verb: string,
  options: { readonly addressKey?: string; readonly showLatest?: boolean } = {},
): VerbRun<Value> {
  const { addressKey = 'run', showLatest = true } = options;
  const [addressId, setAddressId] = useAddressState<string>(addressKey, '');
  const latest = showLatest ? page.runs.find((run) => run.verb === verb && hasResult(run.status))?.id : undefined;
  const runId = addressId || latest;
  const live = useRun<Value>(page.api, runId);
  const [startError, setStartError] = useState<Diagnostic>();
  const { startRun, api } = page;
  const start = useCallback<VerbRun['start']>(
    async (params, startOptions) => {
      setStartError(undefined);
      try {
        setAddressId(await startRun(verb, params, startOptions));
      } catch (error) {
        setStartError(diagnosticFromError(error, verb));
      }
    },
    [startRun, verb, setAddressId],
  );
  const cancel = useCallback(async () => {
    if (!runId) return;
    try {
      await api.cancelRun(runId);
    } catch (error) {
      setStartError(diagnosticFromError(error, verb));
    }
  }, [api, runId, verb]);
  const select = useCallback(
    (next: string | undefined) => {
      setStartError(undefined);
      setAddressId(next ?? '');
    },
    [setAddressId],
  );
  return { ...live, error: startError ?? live.error, runId, start, cancel, select };
}

/** The verb that a page opens with: of those it can show, the one whose run finished last when the page was opened, so that
 *  nobody comes back to an empty page. @param verbs  the first stands where none has run */
export function useNewestVerb<Verb extends string>(page: RoomPageProps, verbs: readonly Verb[]): Verb {
  const newest = page.runs.find((run) => hasResult(run.status) && verbs.some((verb) => verb === run.verb));
  const [kept, setKept] = useState(newest?.verb);
  if (kept === undefined && newest !== undefined) setKept(newest.verb);
  return (kept as Verb | undefined) ?? verbs[0]!;
}

function hasResult(status: RunStatus): boolean {
  return status === 'done' || status === 'problems';
}
