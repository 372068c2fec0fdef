/** Watches a launch from outside: deadlocks, the time limit, and when all ranks have come to rest.
 *  Reports wait for rest, so that they name the same ranks whatever the speed of the threads. */
import { RANK, RANK_STATE, type Control } from './control.ts';
import { describeRank, findStuckRanks } from './deadlock.ts';
import type { Mesh } from './mesh.ts';
import { ranksError } from './ranks-errors.ts';

export interface Watchdog {
  /** Resolves when every rank has ended or can never go on, or after the grace. */
  allAtRest(): Promise<void>;
  stop(): void;
}

/** How often it looks for deadlocks; a stuck set must be seen twice. */
const WATCH_INTERVAL_MS = 25;
const REST_POLL_MS = 10;
/** How long ranks that still compute may take to come to rest. */
const REST_GRACE_MS = 1000;
/** The same for ranks whose thread is not up yet. */
const START_GRACE_MS = 10_000;

export function startWatchdog(options: {
  readonly control: Control;
  readonly mesh: Mesh;
  readonly timeoutMs: number;
  readonly reject: (error: Error) => void;
}): Watchdog {
  const { control, mesh, timeoutMs, reject } = options;
  const ranks = Array.from({ length: control.numRanks }, (_, rank) => rank);
  const stateOf = (rank: number): number => Atomics.load(control.words, control.rank(rank) + RANK.state);
  let suspects = '';
  let isStopped = false;

  const watcher = setInterval(() => {
    const stuck = findStuckRanks(control, mesh);
    const seen = stuck.map(({ rank, epoch }) => `${rank}@${epoch}`).join();
    if (stuck.length > 0 && seen === suspects) {
      clearInterval(watcher);
      void watchdog.allAtRest().then(() => isStopped || reject(deadlockError()));
    }
    suspects = seen;
  }, WATCH_INTERVAL_MS);
  const limit = setTimeout(() => reject(timeError()), timeoutMs);

  const watchdog: Watchdog = {
    async allAtRest() {
      for (let waitedMs = 0; waitedMs < START_GRACE_MS; waitedMs += REST_POLL_MS) {
        await new Promise((resolve) => setTimeout(resolve, REST_POLL_MS));
        const stuck = new Set(findStuckRanks(control, mesh).map(({ rank }) => rank));
        const busy = ranks.filter((rank) => stateOf(rank) !== RANK_STATE.finished && !stuck.has(rank));
        if (busy.length === 0) return;
        if (waitedMs >= REST_GRACE_MS && busy.every((rank) => stateOf(rank) !== RANK_STATE.starting)) return;
      }
    },
    stop() {
      isStopped = true;
      clearInterval(watcher);
      clearTimeout(limit);
    },
  };
  return watchdog;

  function deadlockError(): Error {
    return ranksError('TF-RANKS-003', {
      subject: 'launchRanks',
      expected: 'every rank to make the calls that others wait for',
      actual: `a deadlock: ${findStuckRanks(control, mesh)
        .map(({ text }) => text)
        .join('; ')}`,
    });
  }

  function timeError(): Error {
    return ranksError('TF-RANKS-008', {
      subject: 'launchRanks',
      expected: `an end within ${timeoutMs} ms`,
      actual: ranks.map((rank) => describeRank(control, mesh, rank)).join('; '),
    });
  }
}
