/** What the engine says when it refuses or fails, in our words. */
import type { TenfoldError } from '../../base/index.ts';
import type { Graph } from '../../graph/index.ts';
import { runError } from '../run-errors.ts';
import type { BackendName } from '../types.ts';

const REPORT_HINT = 'Run verifyGraph on it; if that passes, report it with the printed graph.';

export function engineRefused(backend: BackendName, graph: Graph, cause: unknown): TenfoldError {
  return runError('TF-RUN-006', {
    subject: 'createSession',
    expected: `backend "${backend}" to accept graph "${graph.name}"`,
    actual: firstLine(cause),
    hints: [REPORT_HINT],
    cause,
  });
}

export function engineFailed(backend: BackendName, graph: Graph, cause: unknown): TenfoldError {
  return runError('TF-RUN-007', {
    subject: 'run',
    expected: `backend "${backend}" to run graph "${graph.name}"`,
    actual: firstLine(cause),
    hints: [REPORT_HINT],
    cause,
  });
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0];
}
