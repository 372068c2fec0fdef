/** Tables as aligned text. Columns shrink to the terminal's width, text before numbers, the widest first. */
import { columnHeader, formatCell, isRightAligned } from '../format-cell.ts';
import { padText, textWidth, truncateText } from '../text-width.ts';
import { TONES, toneFromText } from '../tones.ts';
import type { TableBlock } from '../types.ts';
import type { TerminalOptions } from './terminal-options.ts';

const GAP = '  ';
const MIN_COLUMN_WIDTH = 4;

export function tableLines(block: TableBlock, { width, style, maxRows }: TerminalOptions): string[] {
  const columns = block.columns.filter((column) => column.key !== block.toneKey);
  const rows = block.rows.slice(0, maxRows);
  const isRight = columns.map((column) =>
    isRightAligned(
      column,
      block.rows.map((row) => row[column.key]),
    ),
  );
  const headers = columns.map(columnHeader);
  const cells = rows.map((row) => columns.map((column) => formatCell(row[column.key], column).replaceAll('\n', ' ')));
  const widths = headers.map((header, c) => Math.max(textWidth(header), ...cells.map((row) => textWidth(row[c]!))));
  const markWidth = block.toneKey === undefined ? 0 : 2;
  shrink(widths, isRight, width - markWidth - GAP.length * (columns.length - 1));
  // More columns than fit even at their least width: the last ones are cut.
  const available = width - markWidth;
  const line = (texts: readonly string[]): string =>
    truncateText(
      texts
        .map((text, c) => padText(truncateText(text, widths[c]!), widths[c]!, isRight[c] ? 'right' : 'left'))
        .join(GAP)
        .trimEnd(),
      available,
    );
  const indent = ' '.repeat(markWidth);
  const lines = [
    style.bold(indent + line(headers)),
    style.dim(indent + truncateText(widths.map((w) => '─'.repeat(w)).join(GAP), available)),
  ];
  for (const [r, texts] of cells.entries()) {
    const tone = block.toneKey === undefined ? undefined : toneFromText(rows[r]![block.toneKey]);
    const mark = tone === undefined ? indent : style.tone(tone, padText(TONES[tone].mark, markWidth));
    lines.push(mark + line(texts));
  }
  if (block.rows.length > rows.length) lines.push(style.dim(`${indent}… ${block.rows.length - rows.length} more rows`));
  if (block.rows.length === 0) lines.push(style.dim(`${indent}(no rows)`));
  return lines;
}

/** Takes from the widest column of text until the sum fits; numbers give way last. Mutates `widths`. */
function shrink(widths: number[], isRight: readonly boolean[], available: number): void {
  let excess = widths.reduce((a, b) => a + b, 0) - available;
  for (const mayShrinkNumbers of [false, true]) {
    while (excess > 0) {
      let widest = -1;
      for (let c = 0; c < widths.length; c++) {
        if ((isRight[c] && !mayShrinkNumbers) || widths[c]! <= MIN_COLUMN_WIDTH) continue;
        if (widest < 0 || widths[c]! > widths[widest]!) widest = c;
      }
      if (widest < 0) break;
      widths[widest]!--;
      excess--;
    }
  }
}
