/** Several runs beside each other: which params differ, and the figures of their reports. */
import type { Report } from '@tenfold/core/report';
import { formatCell, type RunDetail } from '@tenfold/ui';

export interface CompareRow {
  readonly name: string;
  /** One text a run; '–' where it has none. */
  readonly cells: readonly string[];
  readonly isDifferent: boolean;
}

/** Params of all runs, those that differ first. */
export function paramRows(runs: readonly RunDetail[]): CompareRow[] {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.params)))];
  const rows = names.map((name) =>
    row(
      name,
      runs.map((run) => text(run.params[name])),
    ),
  );
  rows.push(
    row(
      'seed',
      runs.map((run) => String(run.seed)),
    ),
  );
  return rows.toSorted((a, b) => Number(b.isDifferent) - Number(a.isDifferent));
}

/** Figures of the reports, joined by label. */
export function figureRows(runs: readonly RunDetail[]): CompareRow[] {
  const figures = runs.map((run) => new Map(figuresOf(run.report?.blocks ?? [])));
  const labels = [...new Set(figures.flatMap((each) => [...each.keys()]))];
  return labels.map((label) =>
    row(
      label,
      figures.map((each) => each.get(label) ?? '–'),
    ),
  );
}

function figuresOf(blocks: Report['blocks']): [string, string][] {
  return blocks.flatMap((block): [string, string][] => {
    if (block.kind === 'group') return figuresOf(block.blocks);
    if (block.kind !== 'figures') return [];
    return block.figures.map((figure) => [
      figure.label,
      `${formatCell(figure.value, figure)}${figure.unit === undefined ? '' : ` ${figure.unit}`}`,
    ]);
  });
}

const SIGNIFICANT_DIGITS = 6;

function text(value: unknown): string {
  if (value === undefined || value === null) return '–';
  if (typeof value === 'number')
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function row(name: string, cells: readonly string[]): CompareRow {
  return { name, cells, isDifferent: new Set(cells).size > 1 };
}
