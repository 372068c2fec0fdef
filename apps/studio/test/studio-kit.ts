/** A studio on a free port with the test rooms and a home folder that is deleted afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RunRecord } from '@tenfold/core/store';
import { startStudio, type Studio, type StudioOptions } from '../server/index.ts';
import { systems } from './fixtures/rooms.ts';

/** Every field that some answer of the API has; a test reads those of its own request. */
export interface ApiBody {
  readonly [index: number]: ApiBody;
  readonly id: string;
  readonly path: string;
  readonly byteLength: number;
  readonly length: number;
  readonly built: boolean;
  readonly error: { readonly code: string; readonly message: string };
  readonly report: { readonly title: string };
  readonly verdict: { readonly tone: string };
  readonly artifacts: readonly { readonly name: string }[];
  readonly verbs: readonly { readonly exampleParams: readonly unknown[] }[];
}

export interface TestStudio extends Studio {
  readonly home: string;
  /** Address without token and slash. */
  readonly base: string;
  call(
    path: string,
    init?: RequestInit,
  ): Promise<{ readonly status: number; readonly body: ApiBody; readonly response: Response }>;
  start(verb: string, params?: Record<string, unknown>): Promise<string>;
  /** Waits until a run has ended. */
  finished(runId: string): Promise<RunRecord>;
}

const WAIT_STEP_MS = 40;
const MAX_WAIT_MS = 60_000;

export async function openTestStudio(test: TestContext, options: Partial<StudioOptions> = {}): Promise<TestStudio> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'tenfold-studio-'));
  const studio = await startStudio({
    systems,
    systemsModule: new URL('./fixtures/rooms.ts', import.meta.url).href,
    home,
    workingFolder: home,
    ...options,
  });
  test.after(async () => {
    await studio.close();
    rmSync(home, { recursive: true, force: true });
  });
  const base = new URL(studio.url).origin;
  const call: TestStudio['call'] = async (path, init) => {
    const response = await fetch(base + path, init);
    const text = await response.text();
    let body = text as unknown as ApiBody;
    try {
      body = JSON.parse(text) as ApiBody;
    } catch {
      // pages and files are no JSON
    }
    return { status: response.status, body, response };
  };
  return {
    ...studio,
    home,
    base,
    call,
    async start(verb, params = {}) {
      const { status, body } = await call('/api/runs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ system: 'pi-room', verb, params }),
      });
      if (status !== 201) throw new Error(JSON.stringify(body));
      return body.id;
    },
    async finished(runId) {
      const giveUpMs = performance.now() + MAX_WAIT_MS;
      for (;;) {
        const run = await studio.store.getRun(runId);
        if (run && run.status !== 'queued' && run.status !== 'running') return run;
        if (performance.now() > giveUpMs) throw new Error(`run ${runId} did not end: ${JSON.stringify(run)}`);
        await new Promise((resolve) => setTimeout(resolve, WAIT_STEP_MS));
      }
    },
  };
}
