/** What the tour found, until a lab's own verb has run. */
import { RunResult, useVerbRun, type RoomPageProps } from '@tenfold/ui';
import type { TimelineBlock } from '@tenfold/core/report';
import type { ReactNode } from 'react';
import type { TourResult } from './results.ts';
import { timelinesOf } from './timelines.ts';

/** @param draw  draws the tour's part; its timelines are two of the plan, then two measured
 *  @returns nothing while the tour never ran */
export function useTourResult(
  page: RoomPageProps,
  draw: (result: TourResult, timelines: readonly TimelineBlock[]) => ReactNode,
): ReactNode {
  const tour = useVerbRun<TourResult>(page, 'tour', { addressKey: 'tour' });
  if (tour.runId === undefined) return undefined;
  return (
    <RunResult page={page} run={tour} empty="">
      {(shown) => draw(shown.result!, timelinesOf(shown.report!).timelines)}
    </RunResult>
  );
}
