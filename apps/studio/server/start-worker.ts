/** A worker: takes runs from the shared queue and runs them here, one process each. Any number of machines may have some. */
import { hostname } from 'node:os';
import { makeFolder } from '@tenfold/core/base';
import { findHomeFolder, openRunStore, postgresUrlOf } from '@tenfold/core/store';
import { findDataFolder } from '@tenfold/core/system';
import { openJobQueue } from './job-queue.ts';
import { createJobs, leftOverRuns } from './jobs.ts';
import { createRunEventBus } from './run-events.ts';
import { studioError } from './studio-errors.ts';

export interface WorkerOptions {
  /** URL of a module that exports `systems`. Default apps/systems.ts. */
  readonly systemsModule?: string;
  /** Folder of caches and of copies of artifacts. Default: the home folder of the command line. */
  readonly home?: string;
  /** Base of relative paths in params. Default: the process's folder. */
  readonly workingFolder?: string;
  readonly maxJobs?: number;
  /** Called when a run starts or ends here. */
  readonly onRun?: (runId: string) => void;
}

export interface Worker {
  readonly workerId: string;
  /** Ends the jobs at work; other workers take their runs up. */
  close(): Promise<void>;
}

/** @throws TF-STUDIO-012 if TENFOLD_STORE names no database; errors of the store as they are */
export async function startWorker(options: WorkerOptions = {}): Promise<Worker> {
  const {
    systemsModule = new URL('../../systems.ts', import.meta.url).href,
    workingFolder = process.cwd(),
    home = findHomeFolder({ environment: process.env, workingFolder }),
    onRun,
  } = options;
  const url = postgresUrlOf(process.env);
  if (url === undefined) {
    throw studioError('TF-STUDIO-012', {
      subject: 'worker',
      expected: 'TENFOLD_STORE with the address of a PostgreSQL database',
      actual: 'nothing',
      hints: ['Example: TENFOLD_STORE=postgres://user@host/tenfold tenfold worker'],
    });
  }
  makeFolder(home);
  const store = await openRunStore({ environment: process.env, folder: home, clock: { nowMs: () => Date.now() } });
  const bus = createRunEventBus();
  if (onRun) {
    bus.listen(undefined, (event) => {
      if (event.kind === 'status') onRun(event.runId);
    });
  }
  const workerId = `worker-${hostname()}-${process.pid}`;
  const jobs = await createJobs({
    store,
    bus,
    home,
    systemsModule,
    dataFolder: findDataFolder(),
    workingFolder,
    workerId,
    queue: await openJobQueue({ url, store }),
    ...(options.maxJobs === undefined ? {} : { maxJobs: options.maxJobs }),
  });
  await jobs.resume(await leftOverRuns(store));
  return {
    workerId,
    async close() {
      await jobs.close();
      await store.close();
    },
  };
}
