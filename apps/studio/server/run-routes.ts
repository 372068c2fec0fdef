/** Routes of runs: list, start, read, cancel, delete, live events, kept files, HTML export. */
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { renderHtml, type Report } from '@tenfold/core/report';
import type { RunQuery, RunRecord, RunStatus, RunStore } from '@tenfold/core/store';
import { paramFieldsOf, paramFromText, parseParams, verbOf } from '@tenfold/core/system';
import type { Jobs } from './jobs.ts';
import { assertPathsInside } from './path-params.ts';
import type { Rooms } from './rooms.ts';
import type { RunEventBus } from './run-events.ts';
import { runDetail, runSummary } from './run-json.ts';
import { studioError } from './studio-errors.ts';

export interface RunRoutesOptions {
  readonly store: RunStore;
  readonly rooms: Rooms;
  readonly jobs: Jobs;
  readonly bus: RunEventBus;
  readonly workingFolder: string;
  /** Folders that path params may reach; undefined: any. */
  readonly pathFolders: readonly string[] | undefined;
}

const MAX_LIST = 5000;
const POLL_MS = 1000;
const PING_MS = 15_000;
const SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const INLINE_TYPES = /^(image\/(png|jpeg|gif|webp|svg\+xml)|text\/plain|application\/json)/;

export function createRunRoutes(options: RunRoutesOptions): Hono {
  const { store, rooms, jobs, bus } = options;
  const routes = new Hono();

  const requireRun = async (id: string): Promise<RunRecord> => {
    const run = await store.getRun(id);
    if (run) return run;
    throw studioError('TF-STUDIO-003', {
      subject: 'studio',
      expected: 'the id of a run',
      actual: JSON.stringify(id.slice(0, 60)),
      hints: ['It may have been deleted; see the run list.'],
    });
  };

  routes.get('/', async (context) => {
    const { system, verb, status, text, limit } = context.req.query();
    const query: RunQuery = {
      ...(system ? { system } : {}),
      ...(verb ? { verb } : {}),
      ...(status ? { status: status as RunStatus } : {}),
      ...(text ? { text } : {}),
      limit: Math.min(MAX_LIST, Number(limit) || 1000),
    };
    return context.json((await store.listRuns(query)).map(runSummary));
  });

  routes.post('/', async (context) => {
    const body = (await context.req.json().catch(() => undefined)) as Partial<RunRecord> | undefined;
    const { system, verb: verbName, params = {}, seed = 0 } = body ?? {};
    if (
      typeof system !== 'string' ||
      typeof verbName !== 'string' ||
      typeof params !== 'object' ||
      !Number.isSafeInteger(seed)
    ) {
      throw studioError('TF-STUDIO-005', {
        subject: 'startRun',
        expected: 'JSON with system, verb, params and a whole-number seed',
        actual: body === undefined ? 'no JSON' : Object.keys(body).join(', ') || 'an empty object',
      });
    }
    const subject = `${system} ${verbName}`;
    const verb = verbOf(await rooms.manifest(system), verbName);
    const typed: Record<string, unknown> = { ...params };
    for (const field of paramFieldsOf(verb)) {
      const value = typed[field.name];
      if (field.type === 'bigint' && typeof value === 'string') typed[field.name] = paramFromText(field, value);
    }
    parseParams(verb, typed, subject);
    if (options.pathFolders)
      assertPathsInside(verb, params, { subject, workingFolder: options.workingFolder, folders: options.pathFolders });
    const run = await jobs.start({ system, verb: verbName, params, seed });
    return context.json({ id: run.id }, 201);
  });

  routes.get('/:id', async (context) =>
    context.json(await runDetail(store, await requireRun(context.req.param('id')))),
  );

  routes.delete('/:id', async (context) => {
    const run = await requireRun(context.req.param('id'));
    if (jobs.isOurs(run.id)) {
      throw studioError('TF-STUDIO-005', {
        subject: 'deleteRun',
        expected: 'a run that has ended',
        actual: `one that is ${run.status}`,
        hints: ['Cancel it first.'],
      });
    }
    await store.deleteRun(run.id);
    bus.emit({ kind: 'status', runId: run.id });
    return context.json({ ok: true });
  });

  routes.post('/:id/cancel', async (context) => {
    const run = await requireRun(context.req.param('id'));
    if (!(await jobs.cancel(run.id)) && (run.status === 'running' || run.status === 'queued')) {
      throw studioError('TF-STUDIO-005', {
        subject: 'cancelRun',
        expected: 'a run that this studio started',
        actual: 'one of another program',
        hints: ['Press Ctrl-C where it was started.'],
      });
    }
    return context.json({ ok: true });
  });

  routes.get('/:id/metrics', async (context) => {
    const run = await requireRun(context.req.param('id'));
    return context.json(await store.readMetrics(run.id, context.req.query('name') || undefined));
  });

  routes.get('/:id/events', async (context) => {
    const first = await requireRun(context.req.param('id'));
    return streamSSE(context, async (stream) => {
      const send = (event: string, data: unknown) => stream.writeSSE({ event, data: JSON.stringify(data) });
      let known = first;
      let wake = () => {};
      const stop = bus.listen(first.id, (event) => {
        if (event.kind === 'progress') void send('progress', event.progress);
        else if (event.kind === 'metrics') void send('metrics', event.points);
        else wake();
      });
      stream.onAbort(() => {
        stop();
        wake();
      });
      await send('run', await runDetail(store, first));
      let lastPing = performance.now();
      while (!stream.aborted && isActive(known)) {
        // Runs of other processes emit no events here, so the store is asked again every second.
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        if (stream.aborted) break;
        const next = await store.getRun(first.id);
        if (!next) break;
        if (next.status !== known.status) await send('run', await runDetail(store, next));
        else if (!jobs.isOurs(first.id) && next.progress) await send('progress', next.progress);
        known = next;
        if (performance.now() - lastPing > PING_MS) {
          lastPing = performance.now();
          await stream.write(': still here\n\n');
        }
      }
      stop();
    });
  });

  routes.get('/:id/artifacts/*', async (context) => {
    const run = await requireRun(context.req.param('id'));
    const name = decodeURIComponent(new URL(context.req.url).pathname.split('/artifacts/')[1] ?? '');
    const record = (await store.listArtifacts(run.id)).find((artifact) => artifact.name === name);
    const bytes = record && (await store.readArtifact(run.id, name));
    if (!record || !bytes) {
      throw studioError('TF-STUDIO-003', {
        subject: 'studio',
        expected: 'the name of a file kept with the run',
        actual: JSON.stringify(name.slice(0, 80)),
        location: `run ${run.id}`,
      });
    }
    const isInline = INLINE_TYPES.test(record.mediaType) && context.req.query('download') === undefined;
    return context.body(bytes as Uint8Array<ArrayBuffer>, 200, {
      'content-type': isInline ? record.mediaType : 'application/octet-stream',
      'content-disposition': `${isInline ? 'inline' : 'attachment'}; filename="${name.split('/').pop()}"`,
      'content-security-policy': SANDBOX,
      'cache-control': 'private, max-age=3600',
    });
  });

  routes.get('/:id/export.html', async (context) => {
    const run = await requireRun(context.req.param('id'));
    if (!run.report) {
      throw studioError('TF-STUDIO-003', {
        subject: 'export',
        expected: 'a run with a report',
        actual: `one that is ${run.status}`,
      });
    }
    const html = await renderHtml(run.report as Report);
    return context.body(html, 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-disposition': `attachment; filename="tenfold-${run.system}-${run.id}.html"`,
      'content-security-policy': SANDBOX,
    });
  });

  return routes;
}

function isActive(run: RunRecord): boolean {
  return run.status === 'queued' || run.status === 'running';
}
