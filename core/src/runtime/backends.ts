/** The backends by name. Engines are loaded when they are opened. */
import { nearestNameHints } from '../base/index.ts';
import { runError } from './run-errors.ts';
import type { Backend, BackendName } from './types.ts';

const LOADERS: Readonly<Record<BackendName, () => Promise<Backend>>> = {
  reference: async () => (await import('./reference/index.ts')).referenceBackend,
  cpu: async () => (await import('./cpu/cpu-backend.ts')).cpuBackend,
  webgpu: async () => (await import('./webgpu/webgpu-backend.ts')).webgpuBackend,
  web: async () => (await import('./web/web-backend.ts')).webBackend,
};

export const BACKEND_NAMES = Object.keys(LOADERS) as readonly BackendName[];

/** The backend of that name, ready to create sessions.
 *  @throws TF-RUN-001 if it cannot run here, with the reason */
export async function openBackend(name: BackendName): Promise<Backend> {
  const load = LOADERS[name];
  if (load === undefined) {
    throw runError('TF-RUN-001', {
      subject: 'openBackend',
      expected: 'the name of a backend',
      actual: `"${name}"`,
      hints: nearestNameHints(name, BACKEND_NAMES),
    });
  }
  const backend = await load();
  const reason = await backend.unavailableReason();
  if (reason !== undefined) {
    throw runError('TF-RUN-001', { subject: 'openBackend', expected: `backend "${name}" to run here`, actual: reason });
  }
  return backend;
}

/** Every backend with the reason why it cannot run here, if so. */
export async function availableBackends(): Promise<
  readonly { readonly name: BackendName; readonly reason: string | undefined }[]
> {
  const found: { name: BackendName; reason: string | undefined }[] = [];
  for (const name of BACKEND_NAMES) found.push({ name, reason: await (await LOADERS[name]()).unavailableReason() });
  return found;
}
