/** The studio's API over HTTP and server-sent events. */
import {
  ApiError,
  type StudioApi,
  type RunDetail,
  type RunListQuery,
  type MetricPoint,
  type RunProgress,
} from '@tenfold/ui';
import type { Diagnostic } from '@tenfold/core/base';
import { openVisibleEventSource } from './visible-event-source.ts';

async function request<Value>(path: string, init?: RequestInit): Promise<Value> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, {
      severity: 'error',
      code: 'TF-STUDIO-011',
      subject: 'studio',
      expected: 'its server to answer',
      actual: 'no answer',
      hints: ['Start it again with: npm start'],
    });
  }
  const body = (await response.json().catch(() => undefined)) as { error?: Diagnostic } | undefined;
  if (response.ok) return body as Value;
  throw new ApiError(
    response.status,
    body?.error ?? {
      severity: 'error',
      code: 'TF-STUDIO-010',
      subject: 'studio',
      expected: 'the request to succeed',
      actual: `status ${response.status}`,
    },
  );
}

function post<Value>(path: string, body: unknown): Promise<Value> {
  return request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const runPath = (runId: string) => `/api/runs/${encodeURIComponent(runId)}`;

export const httpApi: StudioApi = {
  listRooms: () => request('/api/rooms'),
  listRuns: (query: RunListQuery = {}) => {
    const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
    return request(`/api/runs?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)]))}`);
  },
  getRun: (runId) => request(runPath(runId)),
  startRun: async (start) => (await post<{ id: string }>('/api/runs', start)).id,
  cancelRun: (runId) => post(`${runPath(runId)}/cancel`, {}),
  deleteRun: (runId) => request(runPath(runId), { method: 'DELETE' }),
  readMetrics: (runId, name) =>
    request(`${runPath(runId)}/metrics${name === undefined ? '' : `?name=${encodeURIComponent(name)}`}`),
  watchRun(runId, events) {
    const close = openVisibleEventSource(
      `${runPath(runId)}/events`,
      {
        run: (data) => {
          const run = data as RunDetail;
          if (run.status !== 'queued' && run.status !== 'running') close();
          events.run(run);
        },
        progress: (data) => events.progress(data as RunProgress),
        metrics: (data) => events.metrics(data as readonly MetricPoint[]),
      },
      events.lost,
    );
    return close;
  },
  artifactUrl: (runId, name) => `${runPath(runId)}/artifacts/${name.split('/').map(encodeURIComponent).join('/')}`,
  exportUrl: (runId) => `${runPath(runId)}/export.html`,
  uploadFile: (file, signal) =>
    request(`/api/uploads?name=${encodeURIComponent(file.name)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: file,
      ...(signal ? { signal } : {}),
    }),
};
