/** The benchmark's table: a row a method, test values and drops a level; as report block, CSV and LaTeX. */
import type { Column, TableBlock } from '@tenfold/core/report';
import type { Level } from '../types.ts';
import type { LevelRow } from './level-table.ts';
import { TEST_LEVELS } from './level-table.ts';

const SHORT: Readonly<Record<Level, string>> = {
  train: 'train',
  control: 'control',
  level1: 'L1',
  level2: 'L2',
  level3: 'L3',
};

/** @param methods  name and level means of each */
export function resultTable(
  methods: readonly { readonly name: string; readonly levels: readonly LevelRow[] }[],
): TableBlock {
  const levels = TEST_LEVELS.filter((level) =>
    methods.some((method) => method.levels.some((row) => row.level === level)),
  );
  const hasLpips = methods.some((method) => method.levels.some(({ lpips }) => lpips !== null));
  const columns: Column[] = [{ key: 'name', label: 'method' }];
  for (const level of levels) {
    columns.push({ key: `${level}.psnr`, label: `${SHORT[level]} PSNR`, unit: 'dB', digits: 2 });
    if (level !== 'train') columns.push({ key: `${level}.drop`, label: 'drop', format: 'percent', digits: 1 });
    columns.push({ key: `${level}.ssim`, label: `${SHORT[level]} SSIM`, digits: 3 });
    if (hasLpips) columns.push({ key: `${level}.lpips`, label: `${SHORT[level]} LPIPS-sq`, digits: 3 });
  }
  const rows = methods.map(({ name, levels: own }) => ({
    name,
    ...Object.fromEntries(
      own.flatMap(({ level, psnr, ssim, lpips, dropPsnr }) => [
        [`${level}.psnr`, psnr],
        [`${level}.drop`, dropPsnr],
        [`${level}.ssim`, ssim],
        [`${level}.lpips`, lpips],
      ]),
    ),
  }));
  return { kind: 'table', caption: 'Methods by level; drops against training views', columns, rows };
}

function cellText(value: unknown, { format, digits = 2 }: Column): string {
  if (typeof value !== 'number') return value === null || value === undefined ? '' : String(value);
  return format === 'percent' ? `${(100 * value).toFixed(digits)} %` : value.toFixed(digits);
}

/** RFC 4180, numbers in full. */
export function csvFromTable({ columns, rows }: TableBlock): string {
  const quote = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const header = columns.map(({ key }) => quote(key)).join(',');
  return `${[header, ...rows.map((row) => columns.map(({ key }) => quote(String(row[key] ?? ''))).join(','))].join('\n')}\n`;
}

/** A booktabs table; the best value of a column is bold (lowest for LPIPS and drops). */
export function latexFromTable({ columns, rows, caption }: TableBlock): string {
  const escape = (text: string) => text.replaceAll(/[%&_#]/g, (letter) => `\\${letter}`);
  const bestOf = new Map(
    columns.map((column) => {
      const values = rows.map((row) => row[column.key]).filter((value) => typeof value === 'number');
      const isLower = column.format === 'percent' || column.key.endsWith('lpips');
      return [column.key, values.length > 1 ? (isLower ? Math.min(...values) : Math.max(...values)) : undefined];
    }),
  );
  const body = rows.map((row) =>
    columns
      .map((column) => {
        const text = escape(cellText(row[column.key], column));
        return row[column.key] === bestOf.get(column.key) && text !== '' ? `\\textbf{${text}}` : text;
      })
      .join(' & '),
  );
  return [
    `\\begin{tabular}{l${'r'.repeat(columns.length - 1)}}`,
    '\\toprule',
    `${columns.map(({ label }) => escape(label)).join(' & ')} \\\\`,
    '\\midrule',
    ...body.map((line) => `${line} \\\\`),
    '\\bottomrule',
    '\\end{tabular}',
    `% ${caption ?? ''}`,
    '',
  ].join('\n');
}
