/** Loads onnxruntime-node, an optional native addon, only when a backend is opened. */
import type * as Ort from 'onnxruntime-common';
import { runError } from '../run-errors.ts';

export type OrtApi = typeof Ort;

let loaded: Promise<OrtApi> | undefined;

/** @throws TF-RUN-001 if the addon is missing or does not fit this platform */
export async function loadNodeRuntime(): Promise<OrtApi> {
  loaded ??= import('onnxruntime-node').then((module) => module as unknown as OrtApi);
  try {
    return await loaded;
  } catch (cause) {
    loaded = undefined;
    throw runError('TF-RUN-001', {
      subject: 'openBackend',
      expected: 'the package onnxruntime-node to load here',
      actual: cause instanceof Error ? cause.message.split('\n')[0] : String(cause),
      hints: ['Run npm install, or use the backend "web" or "reference".'],
      cause,
    });
  }
}

/** What the package does not declare but has: the end of profiling. */
export function endProfiling(session: Ort.InferenceSession): void {
  session.endProfiling();
}
