/** Reports as GitHub-flavoured Markdown; plots and timelines as character drawings in code fences. */
import { formatDiagnostic, TONE_OF_SEVERITY } from './diagnostic-text.ts';
import { columnHeader, formatCell, formatFigure, isRightAligned } from './format-cell.ts';
import { createStyle } from './terminal/style.ts';
import { plotLines } from './terminal/plot.ts';
import { timelineLines } from './terminal/timeline.ts';
import { categoryNumbers, type CategoryNumbers } from './timeline-categories.ts';
import { TONES, toneFromText } from './tones.ts';
import type { Block, Report, TableBlock, Tone } from './types.ts';

const DRAWING = { width: 80, style: createStyle(false), maxRows: 40 };

/** Renders a report as one Markdown document. */
export function renderMarkdown(report: Report): string {
  const categories = categoryNumbers(report.blocks);
  const sections = [
    `# ${escapeInline(report.title)}`,
    `${toneText(report.verdict.tone)}**${escapeInline(report.verdict.text)}**`,
    ...report.blocks.map((block) => blockText(block, 2, categories)),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function blockText(block: Block, level: number, categories: CategoryNumbers): string {
  return (RENDERERS[block.kind] as (block: Block, level: number, categories: CategoryNumbers) => string)(
    block,
    level,
    categories,
  );
}

const RENDERERS: {
  readonly [Kind in Block['kind']]: (
    block: Extract<Block, { kind: Kind }>,
    level: number,
    categories: CategoryNumbers,
  ) => string;
} = {
  text: (block) => (block.markdown ? block.text : escapeInline(block.text)),
  heading: (block, level) => `${'#'.repeat(Math.min(6, level + (block.level ?? 1) - 1))} ${escapeInline(block.text)}`,
  figures: (block) =>
    block.figures
      .map((figure) => {
        const mark = figure.tone && figure.tone !== 'neutral' ? ` ${TONES[figure.tone].mark}` : '';
        return `- ${escapeInline(figure.label)}: **${escapeInline(formatFigure(figure))}**${mark}`;
      })
      .join('\n'),
  table: (block) => captioned(block.caption, tableText(block)),
  plot: (block) => captioned(block.caption, fence(plotLines(block, DRAWING).join('\n'), 'text')),
  timeline: (block, _level, categories) =>
    captioned(block.caption, fence(timelineLines(block, { ...DRAWING, categories }).join('\n'), 'text')),
  image: (block) => captioned(block.caption, `![${escapeInline(block.alt)}](${block.source.replaceAll(' ', '%20')})`),
  callout: (block) => {
    const text = block.text === undefined ? '' : `\n>\n${quote(escapeInline(block.text))}`;
    return `${quote(`${toneText(block.tone)}**${escapeInline(block.title)}**`)}${text}`;
  },
  code: (block) => captioned(block.caption, fence(block.text, block.language ?? '')),
  diagnostic: ({ diagnostic }) =>
    quote(`${toneText(TONE_OF_SEVERITY[diagnostic.severity])}${escapeInline(formatDiagnostic(diagnostic))}`),
  group: (block, level, categories) =>
    [
      ...(block.title === undefined ? [] : [`${'#'.repeat(Math.min(6, level))} ${escapeInline(block.title)}`]),
      ...block.blocks.map((inner) => blockText(inner, block.title === undefined ? level : level + 1, categories)),
    ].join('\n\n'),
};

function tableText(block: TableBlock): string {
  const columns = block.columns.filter((column) => column.key !== block.toneKey);
  const hasTone = block.toneKey !== undefined;
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const aligns = columns.map((column) =>
    isRightAligned(
      column,
      block.rows.map((values) => values[column.key]),
    )
      ? '---:'
      : '---',
  );
  const rows = block.rows.map((values) => {
    const tone = hasTone ? toneFromText(values[block.toneKey!]) : undefined;
    const cells = columns.map((column) => escapeCell(formatCell(values[column.key], column)));
    return row(hasTone ? [tone === undefined ? '' : TONES[tone].mark, ...cells] : cells);
  });
  const headers = columns.map((column) => escapeCell(columnHeader(column)));
  return [row(hasTone ? ['', ...headers] : headers), row(hasTone ? ['---', ...aligns] : aligns), ...rows].join('\n');
}

function captioned(caption: string | undefined, text: string): string {
  return caption === undefined ? text : `**${escapeInline(caption)}**\n\n${text}`;
}

/** A fence longer than any run of backticks inside. */
function fence(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const marks = '`'.repeat(longest + 1);
  return `${marks}${language}\n${text}\n${marks}`;
}

function toneText(tone: Tone): string {
  return tone === 'neutral' ? '' : `${TONES[tone].mark} `;
}

function quote(text: string): string {
  return text
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n');
}

function escapeInline(text: string): string {
  return text.replace(/[\\`*_[\]<>]/g, '\\$&').replace(/^([#>+-]|\d+\.)(?=\s)/gm, '\\$1');
}

function escapeCell(text: string): string {
  return escapeInline(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}
