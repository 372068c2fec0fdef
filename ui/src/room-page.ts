/** The contract between the studio and a room's page (`systems/<room>/web/index.tsx`, default export).
 *  A page renders inside the studio's frame: header, tabs (Page, Verbs, Runs) and toasts are already there. */
import type { ComponentType } from 'react';
import type { RoomDescription, RunSummary, StudioApi } from './studio/api.ts';

export interface RoomPageProps {
  /** The room's manifest as JSON, with a JSON schema per verb. */
  readonly room: RoomDescription;
  /** Runs of this room, newest first, kept up to date. */
  readonly runs: readonly RunSummary[];
  /** False until the first list has arrived. */
  readonly runsLoaded: boolean;
  /** Starts a verb of this room in the background and resolves to the run's id.
   *  @param params  fields of the verb's schema; what is left out takes its default
   *  @throws ApiError where params do not fit; `useVerbRun` shows it for you */
  readonly startRun: (
    verb: string,
    params: Readonly<Record<string, unknown>>,
    options?: { readonly seed?: number },
  ) => Promise<string>;
  /** Goes to the full page of a run. */
  readonly openRun: (runId: string) => void;
  /** Everything else: details, live events, artifacts, uploads, cancel. */
  readonly api: StudioApi;
}

export type RoomPage = ComponentType<RoomPageProps>;
