/** Starts the studio: API and built pages on one address. */
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { streamSSE } from 'hono/streaming';
import { makeFolder, TenfoldError, type ErrorKind } from '@tenfold/core/base';
import {
  findHomeFolder,
  openRunStore,
  postgresUrlOf,
  type NewRun,
  type RunRecord,
  type RunStore,
} from '@tenfold/core/store';
import { findDataFolder, STALE_AFTER_MS } from '@tenfold/core/system';
import { createToken, guardAccess, isLoopback } from './access.ts';
import { createJobs, leftOverRuns } from './jobs.ts';
import { openJobQueue } from './job-queue.ts';
import { createRooms, type StudioSystem } from './rooms.ts';
import { createRunEventBus } from './run-events.ts';
import { createRunRoutes } from './run-routes.ts';
import { studioError } from './studio-errors.ts';
import { storeUpload, uploadTooLarge } from './uploads.ts';
import { watchStore } from './store-watch.ts';
import { WEB_FOLDER } from './build.ts';
import { serveWebFiles } from './web-files.ts';

export interface StudioOptions {
  /** The list of rooms (apps/systems.ts). */
  readonly systems: readonly StudioSystem[];
  /** URL of a module that exports the same list as `systems`; jobs load it in their own process. Default apps/systems.ts. */
  readonly systemsModule?: string;
  /** 0 takes any free port. Default 0. */
  readonly port?: number;
  /** Default 127.0.0.1. Any address beyond this machine makes the server demand a token. */
  readonly host?: string;
  /** Demanded where given; made at random where needed. */
  readonly token?: string;
  /** Folder of runs, uploads and caches. Default: the home folder of the command line. */
  readonly home?: string;
  /** Base of relative paths in params. Default: the process's folder. */
  readonly workingFolder?: string;
  /** Default 2 GiB. */
  readonly maxUploadBytes?: number;
  /** Jobs at work at once. */
  readonly maxJobs?: number;
}

export interface Studio {
  /** Address to open, with the token if one is demanded. */
  readonly url: string;
  readonly token: string | undefined;
  readonly store: RunStore;
  /** Starts a verb as a job; the pages see it live. Params are checked in the job. */
  startRun(run: NewRun): Promise<RunRecord>;
  /** Ends the server and its jobs; runs at work are marked interrupted. */
  close(): Promise<void>;
}

const DEFAULT_MAX_UPLOAD_BYTES = 2 * 1024 ** 3;
const MARK_INTERVAL_MS = 5000;
const STATUS_OF_KIND: Readonly<Record<ErrorKind, 400 | 409 | 422 | 500 | 503>> = {
  usage: 400,
  input: 422,
  environment: 503,
  cancelled: 409,
  bug: 500,
};
const STATUS_OF_CODE: Readonly<Record<string, 401 | 403 | 404 | 413>> = {
  'TF-STUDIO-001': 403,
  'TF-STUDIO-002': 401,
  'TF-STUDIO-003': 404,
  'TF-STUDIO-004': 413,
  'TF-STUDIO-008': 403,
  'TF-STORE-004': 404,
};

/** @throws TF-STUDIO-009 if the port is taken; errors of the store as they are */
export async function startStudio(options: StudioOptions): Promise<Studio> {
  const {
    systems,
    systemsModule = new URL('../../systems.ts', import.meta.url).href,
    port = 0,
    host = '127.0.0.1',
    workingFolder = process.cwd(),
    home = findHomeFolder({ environment: process.env, workingFolder }),
    maxUploadBytes = DEFAULT_MAX_UPLOAD_BYTES,
  } = options;
  const token = options.token ?? (isLoopback(host) ? undefined : createToken());
  makeFolder(home);
  const store = await openRunStore({ environment: process.env, folder: home, clock: { nowMs: () => Date.now() } });
  const url = postgresUrlOf(process.env);
  const queue = url === undefined ? undefined : await openJobQueue({ url, store });
  const bus = createRunEventBus();
  const dataFolder = findDataFolder();
  const rooms = createRooms(systems);
  const jobs = await createJobs({
    store,
    ...(queue ? { queue } : {}),
    bus,
    home,
    systemsModule,
    dataFolder,
    workingFolder,
    ...(options.maxJobs === undefined ? {} : { maxJobs: options.maxJobs }),
  });
  const markInterrupted = async (): Promise<void> => {
    for (const runId of await store.markInterrupted({ staleAfterMs: STALE_AFTER_MS }))
      bus.emit({ kind: 'status', runId });
  };
  await markInterrupted();
  await jobs.resume(await leftOverRuns(store));
  const stopWatching = queue ? watchStore(store, bus) : () => {};
  const marker = setInterval(() => void markInterrupted().catch(() => {}), MARK_INTERVAL_MS);

  const app = new Hono();
  app.onError((error, context) => {
    const known =
      error instanceof TenfoldError
        ? error
        : studioError('TF-STUDIO-010', {
            subject: 'studio',
            expected: 'the request to succeed',
            actual: error.message,
          });
    context.header('x-content-type-options', 'nosniff');
    return context.json({ error: known.toJSON() }, STATUS_OF_CODE[known.code] ?? STATUS_OF_KIND[known.kind]);
  });
  app.use('*', async (context, next) => {
    await next();
    context.header('x-content-type-options', 'nosniff');
    context.header('referrer-policy', 'no-referrer');
    context.header('cross-origin-opener-policy', 'same-origin');
    context.header('cross-origin-resource-policy', 'same-origin');
  });
  app.use('*', guardAccess({ host, token }));
  app.use('/api/*', compress());
  app.get('/api/rooms', async (context) => context.json(await rooms.describe()));
  app.route(
    '/api/runs',
    createRunRoutes({
      store,
      rooms,
      jobs,
      bus,
      workingFolder,
      pathFolders: isLoopback(host) ? undefined : [home, ...(dataFolder ? [dataFolder] : [])],
    }),
  );
  app.get('/api/events', (context) =>
    streamSSE(context, async (stream) => {
      await new Promise<void>((resolve) => {
        const ping = setInterval(() => void stream.write(': still here\n\n'), 15_000);
        const stop = bus.listen(undefined, (event) => {
          if (event.kind === 'status')
            void stream.writeSSE({ event: 'runs', data: JSON.stringify({ id: event.runId }) });
        });
        void stream.writeSSE({ event: 'hello', data: '{}' });
        stream.onAbort(() => {
          clearInterval(ping);
          stop();
          resolve();
        });
      });
    }),
  );
  app.post('/api/uploads', async (context) => {
    const name = context.req.query('name') ?? 'file';
    if (Number(context.req.header('content-length') ?? 0) > maxUploadBytes) throw uploadTooLarge(name, maxUploadBytes);
    const body = context.req.raw.body;
    if (!body) {
      throw studioError('TF-STUDIO-005', {
        subject: 'upload',
        expected: 'the file as the body',
        actual: 'an empty body',
      });
    }
    return context.json(await storeUpload({ home, name, body, maxBytes: maxUploadBytes }), 201);
  });
  app.all('/api/*', (context) => {
    throw studioError('TF-STUDIO-003', {
      subject: 'studio',
      expected: 'an address of its API',
      actual: `${context.req.method} ${context.req.path.slice(0, 80)}`,
    });
  });
  app.get('*', serveWebFiles(fileURLToPath(WEB_FOLDER)));

  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      clearInterval(marker);
      stopWatching();
      void jobs.close().then(() => store.close());
      reject(
        studioError('TF-STUDIO-009', {
          subject: 'startStudio',
          expected: `${host}:${port} to be free`,
          actual: error.code ?? error.message,
          hints: ['Choose another port, or 0 for any free one.'],
        }),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shownHost = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? 'localhost' : host;
  return {
    url: `http://${shownHost}:${address.port}/${token === undefined ? '' : `?token=${token}`}`,
    token,
    store,
    startRun: (run) => jobs.start(run),
    async close() {
      clearInterval(marker);
      stopWatching();
      await jobs.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
      await store.close();
    },
  };
}
