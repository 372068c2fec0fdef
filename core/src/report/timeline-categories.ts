/** Categories of all timelines of a report, numbered together, so that a category looks the same in each of them. */
import type { Block, TimelineSpan } from './types.ts';

export type CategoryNumbers = ReadonlyMap<string, number>;

export function categoryOf(span: TimelineSpan): string {
  return span.category ?? 'work';
}

/** In order of first appearance. */
export function categoryNumbers(blocks: readonly Block[]): CategoryNumbers {
  const numbers = new Map<string, number>();
  const visit = (block: Block): void => {
    if (block.kind === 'group') block.blocks.forEach(visit);
    if (block.kind !== 'timeline') return;
    for (const span of block.spans) {
      const category = categoryOf(span);
      if (!numbers.has(category)) numbers.set(category, numbers.size);
    }
  };
  blocks.forEach(visit);
  return numbers;
}
