/** Timelines in characters: one row a lane, spans as filled boxes, names where they fit. */
import { padText, textWidth, truncateText } from '../text-width.ts';
import { categoryNumbers, categoryOf } from '../timeline-categories.ts';
import { timelineStart, timelineTime } from '../timeline-time.ts';
import type { TimelineBlock, TimelineSpan } from '../types.ts';
import type { TerminalOptions } from './terminal-options.ts';

const MAX_LABEL_WIDTH = 20;
const MAX_CHART_WIDTH = 100;
/** Fills of neighbouring categories; idle time stays blank. */
const FILLS = ['█', '▒', '▓', '░', '▚', '▞', '▙', '▟'] as const;

export function timelineLines(
  block: TimelineBlock,
  { width, style, maxRows, categories: numbers }: TerminalOptions,
): string[] {
  if (block.spans.length === 0) return [style.dim('(no spans)')];
  const endMs = block.spans.reduce((end, span) => Math.max(end, span.endMs), 0);
  const lanes = block.lanes.slice(0, maxRows);
  const labelWidth = Math.min(MAX_LABEL_WIDTH, Math.max(...lanes.map((lane) => textWidth(lane.label))));
  const chartWidth = Math.max(16, Math.min(MAX_CHART_WIDTH, width - labelWidth - 3));
  const categories = [...new Set(block.spans.map(categoryOf))];
  const numberOf = numbers ?? categoryNumbers([block]);
  const fillOf = new Map(categories.map((category) => [category, FILLS[numberOf.get(category)! % FILLS.length]!]));
  const spansOf = Map.groupBy(block.spans, (span) => span.lane);
  const lines = lanes.map((lane) => {
    const label = padText(truncateText(lane.label, labelWidth), labelWidth, 'right');
    const row = laneText(spansOf.get(lane.id) ?? [], endMs, chartWidth, fillOf);
    return `${label} │${row}│`;
  });
  if (block.lanes.length > lanes.length) lines.push(style.dim(`… ${block.lanes.length - lanes.length} more lanes`));
  const start = timelineStart(block);
  const end = padText(timelineTime(block, endMs), chartWidth - start.length, 'right');
  lines.push(style.dim(`${' '.repeat(labelWidth + 2)}${start}${end}`));
  lines.push(categories.map((category) => `${fillOf.get(category)} ${category}`).join('   '));
  return lines;
}

function laneText(
  spans: readonly TimelineSpan[],
  endMs: number,
  width: number,
  fillOf: ReadonlyMap<string, string>,
): string {
  const cells = Array.from({ length: width }, () => ' ');
  for (const span of spans) {
    const start = Math.min(width - 1, Math.floor((span.startMs / endMs) * width));
    const end = Math.max(start + 1, Math.min(width, Math.round((span.endMs / endMs) * width)));
    cells.fill(fillOf.get(categoryOf(span))!, start, end);
    const name = Array.from(span.name);
    const room = end - start - 2; // one filled cell on either side
    if (name.length > room || textWidth(span.name) !== name.length) continue;
    const offset = start + 1 + Math.floor((room - name.length) / 2);
    for (const [i, character] of name.entries()) cells[offset + i] = character;
  }
  return cells.join('');
}
