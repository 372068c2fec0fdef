/** Bench rows as Markdown tables, and their place in docs/benchmarks.md. */

import type { BenchRow } from '../../core/src/report/index.ts';

export function createBenchTable(rows: readonly BenchRow[]): string {
  const lines = rows.map(
    (row) =>
      `| ${row.name} | ${figure(row.ours)} | ${figure(row.peer)} | ${row.unit} | ${figure(row.ratio)} | ${row.note ?? ''} |`,
  );
  return ['| what | ours | peer | unit | ratio | note |', '|---|---|---|---|---|---|', ...lines].join('\n');
}

/** Puts a section under its name, replacing the old one. Sections are marked by HTML comments. */
export function replaceBenchSection(
  page: string,
  section: { readonly name: string; readonly note: string; readonly table: string },
): string {
  const [start, end] = [`<!-- bench: ${section.name} -->`, `<!-- end: ${section.name} -->`];
  const text = `${start}\n### ${section.name}\n${section.note}\n\n${section.table}\n${end}`;
  const from = page.indexOf(start);
  if (from < 0) return `${page.trimEnd()}\n\n${text}\n`;
  return page.slice(0, from) + text + page.slice(page.indexOf(end) + end.length);
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
