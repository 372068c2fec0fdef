/** Timelines as SVG: one row a lane, spans coloured and hatched by category, times on the axis. */
import { truncateText } from '../text-width.ts';
import { categoryOf, type CategoryNumbers } from '../timeline-categories.ts';
import { timelineStart, timelineTime } from '../timeline-time.ts';
import type { TimelineBlock } from '../types.ts';
import { escapeHtml } from './escape.ts';

const WIDTH_PX = 960;
const ROW_PX = 26;
const LABEL_PX = 150;
const AXIS_PX = 22;
const CHARACTER_PX = 6.4;
/** Numbers of `--plot-n` colours; categories beyond them start again and are told apart by their titles. */
const NUM_COLOURS = 8;

/** @param numbers  of the categories of all timelines of the report */
export function timelineHtml(block: TimelineBlock, numbers: CategoryNumbers): string {
  if (block.spans.length === 0) return '<p class="empty">No spans.</p>';
  const endMs = block.spans.reduce((end, span) => Math.max(end, span.endMs), 0);
  const xOf = (ms: number): number => LABEL_PX + (ms / endMs) * (WIDTH_PX - LABEL_PX - 1);
  const rowOf = new Map(block.lanes.map((lane, index) => [lane.id, index]));
  const categories = [...new Set(block.spans.map(categoryOf))];
  const colourOf = new Map(
    categories.map((category) => [category, `var(--plot-${(numbers.get(category)! % NUM_COLOURS) + 1})`]),
  );
  const height = block.lanes.length * ROW_PX + AXIS_PX;
  const labels = block.lanes.map((lane, index) => {
    const y = index * ROW_PX;
    return (
      `<line x1="0" x2="${WIDTH_PX}" y1="${y + ROW_PX - 0.5}" y2="${y + ROW_PX - 0.5}" class="grid"/>` +
      `<text x="${LABEL_PX - 8}" y="${y + 17}" text-anchor="end">${escapeHtml(truncateText(lane.label, 22))}</text>`
    );
  });
  const spans = block.spans.flatMap((span) => {
    const row = rowOf.get(span.lane);
    if (row === undefined) return [];
    const x = xOf(span.startMs);
    const width = Math.max(0.75, xOf(span.endMs) - x);
    const category = categoryOf(span);
    const name = truncateText(span.name, Math.floor((width - 6) / CHARACTER_PX));
    const text =
      name.length < 2
        ? ''
        : `<text x="${round(x + 4)}" y="${row * ROW_PX + 17}" class="name">${escapeHtml(name)}</text>`;
    const title = `${span.name} · ${category} · ${timelineTime(block, span.startMs)} – ${timelineTime(block, span.endMs)}`;
    return [
      `<g><title>${escapeHtml(title)}</title><rect x="${round(x)}" y="${row * ROW_PX + 3}" width="${round(width)}" height="${ROW_PX - 6}" rx="2" style="--span:${colourOf.get(category)}"/>${text}</g>`,
    ];
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const anchor = share === 1 ? 'end' : share === 0 ? 'start' : 'middle';
    const text = share === 0 ? timelineStart(block) : timelineTime(block, share * endMs);
    return `<text x="${round(xOf(share * endMs))}" y="${height - 6}" text-anchor="${anchor}" class="tick">${text}</text>`;
  });
  const legend = categories.map(
    (category) => `<span><i class="span" style="--span:${colourOf.get(category)}"></i>${escapeHtml(category)}</span>`,
  );
  const label = escapeHtml(block.caption ?? 'Timeline');
  return (
    `<div class="legend">${legend.join('')}</div><div class="scroll"><svg class="timeline" role="img" aria-label="${label}" ` +
    `viewBox="0 0 ${WIDTH_PX} ${height}">${labels.join('')}${spans.join('')}${ticks.join('')}</svg></div>`
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
