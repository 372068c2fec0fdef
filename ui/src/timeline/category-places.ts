/** Categories of all timelines of a report, numbered together in the order in which they come. */
import type { Block, TimelineSpan } from '@tenfold/core/report';

export type CategoryPlaces = ReadonlyMap<string, number>;

/** Spans without a category are coloured by name. */
export function categoryOf(span: Pick<TimelineSpan, 'category' | 'name'>): string {
  return span.category ?? span.name;
}

export function categoryPlaces(blocks: readonly Block[]): CategoryPlaces {
  const places = new Map<string, number>();
  const visit = (block: Block): void => {
    if (block.kind === 'group') block.blocks.forEach(visit);
    if (block.kind !== 'timeline') return;
    for (const span of block.spans) {
      const category = categoryOf(span);
      if (!places.has(category)) places.set(category, places.size);
    }
  };
  blocks.forEach(visit);
  return places;
}

const MAX_LEGEND_ENTRIES = 10;

/** Categories to explain, with their places, in the order of their places. Empty where there is nothing to tell apart, where
 *  more than ten would repeat colours, and where every span has a category of its own: its name then says it. */
export function legendEntries(
  categories: readonly string[] | undefined,
  places: Int32Array | undefined,
  numSpans: number,
): readonly { readonly name: string; readonly place: number }[] {
  if (!categories || categories.length < 2 || categories.length > MAX_LEGEND_ENTRIES || categories.length >= numSpans)
    return [];
  return categories
    .map((name, index) => ({ name, place: places?.[index] ?? index }))
    .toSorted((a, b) => a.place - b.place);
}
