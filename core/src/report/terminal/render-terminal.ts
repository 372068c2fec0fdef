/** Reports as terminal text. */
import { formatDiagnostic, TONE_OF_SEVERITY } from '../diagnostic-text.ts';
import { formatFigure } from '../format-cell.ts';
import { inlinePartsFrom } from '../inline-markdown.ts';
import { padText, textWidth, wrapText } from '../text-width.ts';
import { categoryNumbers } from '../timeline-categories.ts';
import { TONES } from '../tones.ts';
import type { Block, Report, Tone } from '../types.ts';
import { cleanReport } from './clean-text.ts';
import { plotLines } from './plot.ts';
import { createStyle } from './style.ts';
import { tableLines } from './table.ts';
import type { TerminalOptions } from './terminal-options.ts';
import { timelineLines } from './timeline.ts';

const DEFAULT_WIDTH = 80;
const DEFAULT_MAX_ROWS = 40;

/** Renders a report: title, blocks, then the verdict as the last line.
 *  @param options.width  columns, default 80
 *  @param options.hasColor  default false */
export function renderTerminal(
  report: Report,
  options: { readonly width?: number; readonly hasColor?: boolean; readonly maxRows?: number } = {},
): string {
  const style = createStyle(options.hasColor ?? false);
  const { title, blocks, verdict } = cleanReport(report);
  const terminal = {
    width: options.width ?? DEFAULT_WIDTH,
    style,
    maxRows: options.maxRows ?? DEFAULT_MAX_ROWS,
    categories: categoryNumbers(blocks),
  };
  const sections = [
    [style.bold(title)],
    ...blocks.map((block) => blockLines(block, terminal)),
    toneLines(verdict.tone, verdict.text, terminal),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function blockLines(block: Block, options: TerminalOptions): string[] {
  return (RENDERERS[block.kind] as (block: Block, options: TerminalOptions) => string[])(block, options);
}

const RENDERERS: {
  readonly [Kind in Block['kind']]: (block: Extract<Block, { kind: Kind }>, options: TerminalOptions) => string[];
} = {
  text: (block, { width }) => wrapText(block.markdown ? plainInline(block.text) : block.text, width),
  heading: (block, { style, width }) => wrapText(block.text, width).map((line) => style.bold(line)),
  figures: (block, { style }) => {
    const labelWidth = Math.max(0, ...block.figures.map((figure) => textWidth(figure.label)));
    return block.figures.map((figure) => {
      const tone = figure.tone ?? 'neutral';
      const mark = style.tone(tone, TONES[tone].mark);
      return `${mark} ${padText(figure.label, labelWidth)}  ${style.bold(formatFigure(figure))}`;
    });
  },
  table: (block, options) => withCaption(block.caption, tableLines(block, options), options),
  plot: (block, options) => withCaption(block.caption, plotLines(block, options), options),
  timeline: (block, options) => withCaption(block.caption, timelineLines(block, options), options),
  image: (block, options) => {
    const source = block.source.startsWith('data:') ? 'shown in the HTML report and the studio' : block.source;
    return withCaption(block.caption, wrapText(`[image: ${block.alt}] ${source}`, options.width), options);
  },
  callout: (block, options) => [
    ...toneLines(block.tone, block.title, options),
    ...(block.text === undefined ? [] : wrapText(block.text, options.width - 2).map((line) => `  ${line}`)),
  ],
  code: (block, options) =>
    withCaption(
      block.caption,
      block.text.split('\n').map((line) => `    ${line}`),
      options,
    ),
  diagnostic: ({ diagnostic }, options) =>
    toneLines(TONE_OF_SEVERITY[diagnostic.severity], formatDiagnostic(diagnostic), options),
  group: (block, options) => [
    ...(block.title === undefined ? [] : [options.style.bold(block.title), '']),
    ...block.blocks.flatMap((inner, index) => [...(index === 0 ? [] : ['']), ...blockLines(inner, options)]),
  ],
};

/** A mark in its tone's colour, the text beside it; the mark alone tells the tone without colour. */
function toneLines(tone: Tone, text: string, { width, style }: TerminalOptions): string[] {
  return wrapText(text, width - 2).map((line, index) =>
    index === 0 ? `${style.tone(tone, TONES[tone].mark)} ${line}` : `  ${line}`,
  );
}

function withCaption(
  caption: string | undefined,
  lines: readonly string[],
  { style, width }: TerminalOptions,
): string[] {
  return caption === undefined ? [...lines] : [...wrapText(caption, width).map((line) => style.bold(line)), ...lines];
}

function plainInline(text: string): string {
  return inlinePartsFrom(text)
    .map((part) => (part.kind === 'link' && part.address !== part.text ? `${part.text} (${part.address})` : part.text))
    .join('');
}
