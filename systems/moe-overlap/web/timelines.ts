/** Timelines of a report apart from its other blocks. */
import type { Block, Report, TimelineBlock } from '@tenfold/core/report';

export function timelinesOf({ blocks }: Report): {
  readonly timelines: readonly TimelineBlock[];
  /** Without figures: pages show their own. */
  readonly others: readonly Block[];
} {
  return {
    timelines: blocks.filter((block) => block.kind === 'timeline'),
    others: blocks.filter(({ kind }) => kind !== 'timeline' && kind !== 'figures'),
  };
}
