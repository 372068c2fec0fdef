/** Rows of the `runs` table ↔ run records. */
import type { RunRecord, RunStatus } from './types.ts';

export interface RunRow {
  readonly id: string;
  readonly system: string;
  readonly verb: string;
  readonly params: string;
  readonly seed: number;
  readonly status: string;
  readonly created_at_ms: number;
  readonly started_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly result: string | null;
  readonly report: string | null;
  readonly diagnostics: string;
  readonly error: string | null;
  readonly progress: string | null;
}

export function recordFromRow(row: RunRow): RunRecord {
  return {
    id: row.id,
    system: row.system,
    verb: row.verb,
    params: JSON.parse(row.params) as RunRecord['params'],
    seed: row.seed,
    status: row.status as RunStatus,
    createdAtMs: row.created_at_ms,
    startedAtMs: row.started_at_ms ?? undefined,
    endedAtMs: row.ended_at_ms ?? undefined,
    result: parse(row.result),
    report: parse(row.report),
    diagnostics: JSON.parse(row.diagnostics) as RunRecord['diagnostics'],
    error: parse(row.error),
    progress: parse(row.progress) as RunRecord['progress'],
  };
}

/** JSON text of a column; BigInt as decimal string; undefined becomes NULL. */
export function jsonColumn(value: unknown): string | null {
  if (value === undefined) return null;
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
}

function parse(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text);
}
