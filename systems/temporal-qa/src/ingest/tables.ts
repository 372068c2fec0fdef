/** Tables of pages: cells with rowspan and colspan are spread over the grid, every row is one piece of evidence. */
import { annotateDates, spansOfAnnotations, type TimeSpan } from '../time/index.ts';
import type { Field, NewEvidence, Source } from '../store/types.ts';
import { namesIn } from './names.ts';

export interface Cell {
  readonly text: string;
  readonly isHeader: boolean;
  readonly rowspan: number;
  readonly colspan: number;
}

const START_COLUMN =
  /^(start|from|took office|term start|began|beginning|joined|since|in office from|assumed office)\b/i;
const END_COLUMN = /^(end|until|left office|term end|ended|to|retired|in office until)\b/i;
const MAX_SPAN = 200;

/** Spreads spanned cells. @returns rows of equal length; short rows are filled with empty text */
export function gridOfRows(rows: readonly (readonly Cell[])[]): Cell[][] {
  const grid: Cell[][] = rows.map(() => []);
  rows.forEach((row, rowIndex) => {
    let column = 0;
    for (const cell of row) {
      while (grid[rowIndex]![column]) column++;
      for (let dr = 0; dr < Math.min(cell.rowspan, MAX_SPAN) && rowIndex + dr < rows.length; dr++)
        for (let dc = 0; dc < Math.min(cell.colspan, MAX_SPAN); dc++) grid[rowIndex + dr]![column + dc] = cell;
      column += Math.min(cell.colspan, MAX_SPAN);
    }
  });
  const width = Math.max(0, ...grid.map((row) => row.length));
  const empty: Cell = { text: '', isHeader: false, rowspan: 1, colspan: 1 };
  return grid.map((row) => Array.from({ length: width }, (_, column) => row[column] ?? empty));
}

/** Evidence of a table: leading rows of header cells name the columns. */
export function* evidenceOfTable(
  rows: readonly (readonly Cell[])[],
  page: { readonly title: string; readonly caption?: string; readonly doc: string; readonly locator: string },
): Generator<NewEvidence> {
  const grid = gridOfRows(rows);
  let numHeader = 0;
  while (numHeader < grid.length && grid[numHeader]!.every((cell) => cell.isHeader || cell.text === '')) numHeader++;
  // without marked header cells the first of several rows names the columns; a single row is a row
  if (numHeader === 0 && grid.length > 1) numHeader = 1;
  const names = (grid[0] ?? []).map((_, column) =>
    [...new Set(grid.slice(0, numHeader).map((row) => row[column]!.text))].filter(Boolean).join(' '),
  );
  for (let index = numHeader; index < grid.length; index++) {
    const fields = grid[index]!.map((cell, column): Field => ({ name: names[column] ?? '', value: cell.text })).filter(
      (field) => field.value !== '',
    );
    if (fields.length === 0) continue;
    yield evidenceOfRow({ ...page, locator: `${page.locator} row ${index + 1}`, fields });
  }
}

/** `Title, caption, col is value, col is value`; start and end columns become the time of the row. */
export function evidenceOfRow(row: {
  readonly title: string;
  readonly caption?: string;
  readonly doc: string;
  readonly locator: string;
  readonly fields: readonly Field[];
  readonly source?: Source;
}): NewEvidence {
  const { title, caption, doc, locator, fields, source = 'table' } = row;
  const start = fields.find((field) => START_COLUMN.test(field.name));
  const end = fields.find((field) => END_COLUMN.test(field.name));
  const parts = fields
    .filter((field) => field !== start && field !== end)
    .map(({ name, value }) => (name ? `${name} is ${value}` : value));
  if (start) parts.push(`start time, ${start.value}`);
  if (end && annotateDates(end.value).length > 0) parts.push(`end time, ${end.value}`);
  const body = [...(caption ? [caption] : []), ...parts].join(', ');
  const spans: TimeSpan[] = spansOfAnnotations(annotateDates(parts.join(', ')));
  return {
    source,
    doc,
    locator,
    text: `${title}, ${body}`,
    subject: title,
    fields,
    entities: [title, ...fields.flatMap((field) => [field.value, ...namesIn(field.value)])].filter(
      (label) => label.length > 1 && label.length < 80,
    ),
    spans,
  };
}

/** An infobox line: `Title, name, value`. */
export function evidenceOfInfobox(
  page: { readonly title: string; readonly doc: string; readonly locator: string },
  name: string,
  value: string,
): NewEvidence {
  const body = `${name}, ${value}`;
  const spans = spansOfAnnotations(annotateDates(body));
  return {
    source: 'info',
    doc: page.doc,
    locator: page.locator,
    text: `${page.title}, ${body}`,
    subject: page.title,
    relation: name,
    object: value,
    fields: [{ name, value }],
    entities: [page.title, value, ...namesIn(value)].filter((label) => label.length > 1 && label.length < 80),
    spans,
  };
}
