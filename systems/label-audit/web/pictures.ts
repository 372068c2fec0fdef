/** Where the picture of an issue stands. */
import type { Issue } from '../src/issue-list.ts';
import type { SheetIndex } from '../src/outputs/thumbnail-sheets.ts';

interface Picture {
  readonly url: string;
  readonly columns: number;
  /** From left to right and from the top. */
  readonly slot: number;
}

export interface ListedIssue extends Issue {
  readonly picture?: Picture;
}

/** Undefined beyond the last sheet. @param place  in the list of all issues */
export function pictureOn(
  { columns, names }: SheetIndex,
  place: number,
  urlOf: (name: string) => string,
): Picture | undefined {
  const perSheet = columns * columns;
  const name = names[Math.floor(place / perSheet)];
  return name === undefined ? undefined : { url: urlOf(name), columns, slot: place % perSheet };
}
