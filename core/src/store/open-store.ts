/** The store that the environment names: PostgreSQL where TENFOLD_STORE holds its address, else a file in the home folder. */
import { openPostgresStore } from './postgres-store.ts';
import { openSqliteStore } from './sqlite-store.ts';
import type { RunStore } from './types.ts';

/** @param options.folder  home folder @throws as `openSqliteStore` or `openPostgresStore` */
export async function openRunStore(options: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly clock: { nowMs(): number };
}): Promise<RunStore> {
  const { folder, clock } = options;
  const url = postgresUrlOf(options.environment);
  return url === undefined ? openSqliteStore({ folder, clock }) : openPostgresStore({ url, folder, clock });
}

/** Address of the shared store, if the environment names one. */
export function postgresUrlOf(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  return environment['TENFOLD_STORE'] || undefined;
}
