/** What a room's tour found, for pages whose own verb has not run yet. */
import type { ReactNode } from 'react';
import type { RoomPageProps } from '../room-page.ts';
import { useVerbRun } from '../studio/use-run.ts';
import { Callout } from '../blocks/block-view.tsx';
import { RunResult } from './run-pieces.tsx';

/** The report of the newest finished tour below a line that says what to press; to be given to `VerbLab` or `RunResult` as
 *  `instead`. @returns undefined while no tour has ended, so that the empty state shows */
export function useTourReport(page: RoomPageProps, press: string): ReactNode {
  const tour = useVerbRun(page, page.room.tour, { addressKey: 'tour' });
  if (tour.runId === undefined) return undefined;
  return (
    <div className="tf-stack">
      <Callout tone="info" title="From the tour" text={press} />
      <RunResult page={page} run={tour} empty="" />
    </div>
  );
}
