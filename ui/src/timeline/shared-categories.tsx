/** One colour for a category in all timelines of a report: its place among all their categories. */
import type { Block } from '@tenfold/core/report';
import { createContext, use, useMemo, type ReactNode } from 'react';
import { categoryPlaces, type CategoryPlaces } from './category-places.ts';

const SharedPlaces = createContext<CategoryPlaces | undefined>(undefined);

/** Timelines inside give every category of `blocks` the same colour. */
export function SharedCategories({
  blocks,
  children,
}: {
  readonly blocks: readonly Block[];
  readonly children: ReactNode;
}) {
  const places = useMemo(() => categoryPlaces(blocks), [blocks]);
  return <SharedPlaces value={places}>{children}</SharedPlaces>;
}

/** [category of the timeline] place of its colour; undefined where nothing is shared or a category is unknown there. */
export function useCategoryPlaces(categories: readonly string[] | undefined): Int32Array | undefined {
  const shared = use(SharedPlaces);
  return useMemo(() => {
    if (!shared || !categories?.every((category) => shared.has(category))) return undefined;
    return Int32Array.from(categories, (category) => shared.get(category)!);
  }, [shared, categories]);
}
