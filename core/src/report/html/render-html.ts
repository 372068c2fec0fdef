/** Reports as one standalone HTML file: no scripts, no outside addresses, readable without colour. */
import { formatDiagnostic, TONE_OF_SEVERITY } from '../diagnostic-text.ts';
import { columnHeader, formatCell, formatFigure, isRightAligned } from '../format-cell.ts';
import { inlinePartsFrom } from '../inline-markdown.ts';
import { TONES, toneFromText } from '../tones.ts';
import type { Block, ImageBlock, PlotBlock, Report, TableBlock, Tone } from '../types.ts';
import { escapeHtml } from './escape.ts';
import { PAGE_STYLE } from './page-style.ts';
import { categoryNumbers, type CategoryNumbers } from '../timeline-categories.ts';
import { plotHtml } from './plot-svg.ts';
import { timelineHtml } from './timeline-svg.ts';

/** Rows of the data table under a plot. */
const MAX_PLOT_ROWS = 200;

/** Image sources that a standalone file may carry: pictures as data, and files beside it. */
const SAFE_SOURCE = /^(data:image\/(png|jpeg|webp|gif|svg\+xml)[;,]|(?![a-z][a-z0-9+.-]*:|\/\/))/i;

/** Renders a report as a complete HTML document.
 *  @param options.footer  a line under the report: run id, seed, time */
export async function renderHtml(report: Report, options: { readonly footer?: string } = {}): Promise<string> {
  const blocks = await blocksHtml(report.blocks, 2, categoryNumbers(report.blocks));
  const { tone, text } = report.verdict;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(report.title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(report.title)}</h1>
<p class="verdict ${tone}">${markHtml(tone)}${escapeHtml(text)}</p>
${blocks}
</main>
${options.footer === undefined ? '' : `<footer>${escapeHtml(options.footer)}</footer>\n`}</body>
</html>
`;
}

async function blocksHtml(blocks: readonly Block[], level: number, categories: CategoryNumbers): Promise<string> {
  const parts: string[] = [];
  for (const block of blocks) parts.push(await blockHtml(block, level, categories));
  return parts.join('\n');
}

type Renderer<B> = (block: B, level: number, categories: CategoryNumbers) => string | Promise<string>;

function blockHtml(block: Block, level: number, categories: CategoryNumbers): string | Promise<string> {
  return (RENDERERS[block.kind] as Renderer<Block>)(block, level, categories);
}

const RENDERERS: {
  readonly [Kind in Block['kind']]: Renderer<Extract<Block, { kind: Kind }>>;
} = {
  text: (block) => `<p>${block.markdown ? inlineHtml(block.text) : escapeHtml(block.text)}</p>`,
  heading: (block, level) => headingHtml(block.text, level + (block.level ?? 1) - 1),
  figures: (block) => {
    const figures = block.figures.map((figure) => {
      const tone = figure.tone ?? 'neutral';
      const mark = tone === 'neutral' ? '' : markHtml(tone);
      return `<div class="${tone}"><dt>${escapeHtml(figure.label)}</dt><dd>${mark}${escapeHtml(formatFigure(figure))}</dd></div>`;
    });
    return `<dl class="figures">${figures.join('')}</dl>`;
  },
  table: tableHtml,
  plot: async (block) => figureHtml(block.caption, `${await plotHtml(block)}${plotDataHtml(block)}`),
  timeline: (block, _level, categories) => figureHtml(block.caption, timelineHtml(block, categories)),
  image: imageHtml,
  callout: (block) => {
    const text = block.text === undefined ? '' : `<br>${escapeHtml(block.text)}`;
    return `<p class="callout ${block.tone}">${markHtml(block.tone)}<strong>${escapeHtml(block.title)}</strong>${text}</p>`;
  },
  code: (block) => figureHtml(block.caption, `<pre tabindex="0"><code>${escapeHtml(block.text)}</code></pre>`),
  diagnostic: ({ diagnostic }) => {
    const tone = TONE_OF_SEVERITY[diagnostic.severity];
    return `<p class="diagnostic ${tone}">${markHtml(tone)}${escapeHtml(formatDiagnostic(diagnostic))}</p>`;
  },
  group: async (block, level, categories) => {
    const title = block.title === undefined ? '' : headingHtml(block.title, level);
    const inner = await blocksHtml(block.blocks, block.title === undefined ? level : level + 1, categories);
    return `<section>${title}<div class="${block.layout === 'grid' ? 'grid-layout' : 'stack'}">${inner}</div></section>`;
  },
};

function tableHtml(block: TableBlock): string {
  const columns = block.columns.filter((column) => column.key !== block.toneKey);
  const hasTone = block.toneKey !== undefined;
  const classes = columns.map((column) =>
    isRightAligned(
      column,
      block.rows.map((row) => row[column.key]),
    )
      ? ' class="right"'
      : '',
  );
  const head = columns.map((column, c) => `<th scope="col"${classes[c]}>${escapeHtml(columnHeader(column))}</th>`);
  const rows = block.rows.map((row) => {
    const tone = hasTone ? toneFromText(row[block.toneKey!]) : undefined;
    const mark = hasTone ? `<td class="${tone ?? 'neutral'}">${tone === undefined ? '' : markHtml(tone)}</td>` : '';
    const cells = columns.map(
      (column, c) => `<td${classes[c]}>${escapeHtml(formatCell(row[column.key], column))}</td>`,
    );
    return `<tr>${mark}${cells.join('')}</tr>`;
  });
  const caption = block.caption === undefined ? '' : `<caption>${escapeHtml(block.caption)}</caption>`;
  const markHead = hasTone ? '<th scope="col"><span class="mark"></span>state</th>' : '';
  const empty = rows.length === 0 ? '<p class="empty">No rows.</p>' : '';
  return `<div class="scroll"><table>${caption}<thead><tr>${markHead}${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>${empty}</div>`;
}

/** The numbers behind a plot, for readers who do not see it. */
function plotDataHtml(block: PlotBlock): string {
  const points = block.series.flatMap((series) => series.points.map((point) => ({ series: series.name, point })));
  const hasValue = points.some(({ point }) => point.value !== undefined);
  const table = tableHtml({
    kind: 'table',
    columns: [
      ...(block.series.length > 1 ? [{ key: 'series', label: 'series' }] : []),
      { key: 'x', label: block.x.label, unit: block.x.unit },
      { key: 'y', label: block.y.label, unit: block.y.unit },
      ...(hasValue ? [{ key: 'value', label: 'value' }] : []),
    ],
    rows: points
      .slice(0, MAX_PLOT_ROWS)
      .map(({ series, point }) => ({ series, x: point.x, y: point.y, value: point.value ?? null })),
  });
  const more = points.length > MAX_PLOT_ROWS ? `<p>The first ${MAX_PLOT_ROWS} of ${points.length} points.</p>` : '';
  return `<details><summary>Data of this plot</summary>${more}${table}</details>`;
}

function imageHtml(block: ImageBlock): string {
  if (!SAFE_SOURCE.test(block.source)) return `<p class="empty">${escapeHtml(`[image: ${block.alt}]`)}</p>`;
  const className = block.pixelated ? ' class="pixelated"' : '';
  return figureHtml(
    block.caption,
    `<img${className} src="${escapeHtml(block.source)}" alt="${escapeHtml(block.alt)}">`,
  );
}

function figureHtml(caption: string | undefined, content: string): string {
  const text = caption === undefined ? '' : `<figcaption>${escapeHtml(caption)}</figcaption>`;
  return `<figure>${text}${content}</figure>`;
}

function headingHtml(text: string, level: number): string {
  const tag = `h${Math.min(6, level)}`;
  return `<${tag}>${escapeHtml(text)}</${tag}>`;
}

/** The mark is for the eye, the word for the ear. */
function markHtml(tone: Tone): string {
  const { mark, word } = TONES[tone];
  const label = word === '' ? ' aria-hidden="true"' : ` role="img" aria-label="${word}"`;
  return `<span class="mark"${label}>${mark}</span>`;
}

function inlineHtml(text: string): string {
  return inlinePartsFrom(text)
    .map((part) => {
      const inner = escapeHtml(part.text);
      if (part.kind === 'code') return `<code>${inner}</code>`;
      if (part.kind === 'bold') return `<strong>${inner}</strong>`;
      return part.kind === 'link' ? `<a href="${escapeHtml(part.address)}">${inner}</a>` : inner;
    })
    .join('');
}
