/** Draws the visible part of a timeline on a canvas. Work grows with what is in sight, not with the trace:
 *  rows out of view are skipped, spans are found by bisection, and spans under a pixel are merged into one stroke. */
import { findFirstEndingAfter, type Timeline } from './timeline-columns.ts';
import { formatTick, tickTimes, type Viewport } from './timeline-viewport.ts';

export const LABEL_PX = 148;
export const AXIS_PX = 26;
export const ROW_PX = 22;
const BAR_PX = 17;
const LANE_GAP_PX = 6;
const MIN_TEXT_PX = 28;
const MAX_ARROWS = 600;

export interface TimelineColours {
  readonly background: string;
  readonly panel: string;
  readonly line: string;
  readonly ink: string;
  readonly inkSoft: string;
  readonly accent: string;
  readonly bar: readonly string[];
  readonly barInk: string;
  readonly font: string;
}

export interface DrawState {
  readonly view: Viewport;
  readonly width: number;
  readonly height: number;
  readonly labelPx: number;
  readonly hovered: number | undefined;
  readonly selected: number | undefined;
  /** One byte a span: 1 where the search matches; undefined without a search. */
  readonly matches: Uint8Array | undefined;
  /** [category] place of its colour; undefined: its index. */
  readonly places: Int32Array | undefined;
}

/** Top of each row in px from the first row; one more entry for the end. */
export function rowTops(timeline: Timeline): Float64Array {
  const tops = new Float64Array(timeline.rows.length + 1);
  let top = 0;
  timeline.rows.forEach((row, index) => {
    if (index > 0 && row.depth === 0) top += LANE_GAP_PX;
    tops[index] = top;
    top += ROW_PX;
  });
  tops[timeline.rows.length] = top;
  return tops;
}

/** Index of the row at a height, by bisection; -1 outside. */
export function rowAt(tops: Float64Array, y: number): number {
  let low = 0;
  let high = tops.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tops[middle + 1]! > y) high = middle;
    else low = middle + 1;
  }
  return y >= 0 && low < tops.length - 1 ? low : -1;
}

export function drawTimeline(
  context: CanvasRenderingContext2D,
  timeline: Timeline,
  tops: Float64Array,
  colours: TimelineColours,
  state: DrawState,
): void {
  const { width, height, view, labelPx } = state;
  context.fillStyle = colours.background;
  context.fillRect(0, 0, width, height);
  context.font = `12px ${colours.font}`;
  context.textBaseline = 'middle';
  const pxPerMs = (width - labelPx) / (view.endMs - view.startMs);
  drawGrid(context, timeline.epochMs, colours, state, pxPerMs);
  context.save();
  context.beginPath();
  context.rect(labelPx, AXIS_PX, width - labelPx, height - AXIS_PX);
  context.clip();
  const firstRow = Math.max(0, rowAt(tops, view.offsetPx));
  for (let row = firstRow; row < timeline.rows.length; row++) {
    const y = AXIS_PX + tops[row]! - view.offsetPx;
    if (y > height) break;
    drawRow(context, timeline, row, y + (ROW_PX - BAR_PX) / 2, pxPerMs, colours, state);
  }
  drawFlows(context, timeline, tops, pxPerMs, colours, state);
  context.restore();
  drawLabels(context, timeline, tops, firstRow, colours, state);
}

function drawGrid(
  context: CanvasRenderingContext2D,
  epochMs: number | undefined,
  colours: TimelineColours,
  { width, height, view, labelPx }: DrawState,
  pxPerMs: number,
): void {
  const { stepMs, times } = tickTimes(view.startMs, view.endMs, (width - labelPx) / 110);
  context.strokeStyle = colours.line;
  context.fillStyle = colours.inkSoft;
  context.lineWidth = 1;
  context.textAlign = 'left';
  context.beginPath();
  for (const time of times) {
    const x = Math.round(labelPx + (time - view.startMs) * pxPerMs) + 0.5;
    context.moveTo(x, AXIS_PX - 6);
    context.lineTo(x, height);
    if (x + 4 < width - 30) context.fillText(formatTick(time, stepMs, epochMs), x + 4, AXIS_PX / 2);
  }
  context.moveTo(0, AXIS_PX + 0.5);
  context.lineTo(width, AXIS_PX + 0.5);
  context.stroke();
}

function drawRow(
  context: CanvasRenderingContext2D,
  timeline: Timeline,
  rowIndex: number,
  y: number,
  pxPerMs: number,
  colours: TimelineColours,
  { view, labelPx, matches, places, hovered, selected }: DrawState,
): void {
  const row = timeline.rows[rowIndex]!;
  const { orderedStart, orderedEnd, order, category } = timeline;
  const x0 = labelPx - view.startMs * pxPerMs;
  const msPerPx = 1 / pxPerMs;
  let place = findFirstEndingAfter(timeline, row, view.startMs);
  while (place < row.end && orderedStart[place]! < view.endMs) {
    const span = order[place]!;
    const left = Math.max(labelPx - 2, x0 + orderedStart[place]! * pxPerMs);
    const right = x0 + orderedEnd[place]! * pxPerMs;
    const barWidth = right - left;
    const isMuted = matches !== undefined && matches[span] === 0 && span !== selected && span !== hovered;
    const colour = category ? (places?.[category[span]!] ?? category[span]!) : timeline.name[span]!;
    context.fillStyle = colours.bar[colour % colours.bar.length]!;
    context.globalAlpha = isMuted ? 0.16 : 1;
    if (barWidth < 1) {
      // A pixel column shows its first span; jump to the first span that ends beyond the column.
      context.fillRect(left, y, 1, BAR_PX);
      place = Math.max(place + 1, nextEndingAfter(orderedEnd, place + 1, row.end, orderedStart[place]! + msPerPx));
      continue;
    }
    context.fillRect(left, y, Math.max(1, barWidth - (barWidth > 3 ? 1 : 0)), BAR_PX);
    if (barWidth > MIN_TEXT_PX) {
      context.fillStyle = colours.barInk;
      const text = fittingText(timeline.names[timeline.name[span]!]!, barWidth - 8);
      if (text) context.fillText(text, Math.max(left, labelPx) + 4, y + BAR_PX / 2 + 0.5);
    }
    if (span === hovered || span === selected) {
      context.globalAlpha = 1;
      context.strokeStyle = colours.ink;
      context.lineWidth = span === selected ? 2 : 1.25;
      context.strokeRect(left, y, Math.max(2, barWidth - 1), BAR_PX);
    }
    place++;
  }
  context.globalAlpha = 1;
}

function nextEndingAfter(ends: Float64Array, from: number, to: number, timeMs: number): number {
  let step = 1;
  let low = from;
  while (low + step < to && ends[low + step]! <= timeMs) [low, step] = [low + step, step * 2]; // gallop, then bisect
  let high = Math.min(to, low + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! > timeMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

const CHAR_PX = 6.6;

function fittingText(text: string, widthPx: number): string {
  const numChars = Math.floor(widthPx / CHAR_PX);
  if (text.length <= numChars) return text;
  return numChars < 3 ? '' : `${text.slice(0, numChars - 1)}…`;
}

/** Arrows of the pointed-at or selected span; all arrows where few are in sight. */
function drawFlows(
  context: CanvasRenderingContext2D,
  timeline: Timeline,
  tops: Float64Array,
  pxPerMs: number,
  colours: TimelineColours,
  { view, labelPx, hovered, selected }: DrawState,
): void {
  const { flowFrom, flowTo, startMs, endMs, rowOf } = timeline;
  if (!flowFrom || !flowTo) return;
  const focus = hovered ?? selected;
  const showAll = flowFrom.length <= MAX_ARROWS;
  const yOf = (span: number) => AXIS_PX + tops[rowOf[span]!]! - view.offsetPx + ROW_PX / 2;
  const xOf = (time: number) => labelPx + (time - view.startMs) * pxPerMs;
  for (let flow = 0; flow < flowFrom.length; flow++) {
    const from = flowFrom[flow]!;
    const to = flowTo[flow]!;
    const isFocus = from === focus || to === focus;
    if (!showAll && !isFocus) continue;
    if (endMs[from]! > view.endMs && startMs[to]! > view.endMs) continue;
    if (endMs[from]! < view.startMs && startMs[to]! < view.startMs) continue;
    drawArrow(
      context,
      xOf(endMs[from]!),
      yOf(from),
      xOf(startMs[to]!),
      yOf(to),
      isFocus ? colours.accent : colours.inkSoft,
      isFocus ? 1.8 : 0.8,
    );
  }
}

function drawArrow(
  context: CanvasRenderingContext2D,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  colour: string,
  width: number,
): void {
  const bend = Math.max(12, Math.abs(x2 - x1) / 2);
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.globalAlpha = width > 1 ? 1 : 0.55;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(x1, y1);
  context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
  context.stroke();
  context.beginPath();
  context.moveTo(x2, y2);
  context.lineTo(x2 - 5, y2 - 3);
  context.lineTo(x2 - 5, y2 + 3);
  context.fill();
  context.globalAlpha = 1;
}

function drawLabels(
  context: CanvasRenderingContext2D,
  timeline: Timeline,
  tops: Float64Array,
  firstRow: number,
  colours: TimelineColours,
  { view, height, width, labelPx }: DrawState,
): void {
  context.fillStyle = colours.panel;
  context.fillRect(0, AXIS_PX + 1, labelPx - 1, height);
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(labelPx - 0.5, 0);
  context.lineTo(labelPx - 0.5, height);
  context.save();
  context.rect(0, AXIS_PX + 1, width, height);
  context.stroke();
  context.beginPath();
  context.rect(0, AXIS_PX + 1, labelPx - 1, height);
  context.clip();
  context.fillStyle = colours.ink;
  for (let index = firstRow; index < timeline.rows.length; index++) {
    const y = AXIS_PX + tops[index]! - view.offsetPx;
    if (y > height) break;
    const row = timeline.rows[index]!;
    if (row.depth > 0) continue;
    const lane = timeline.lanes[row.lane]!;
    const text = lane.group && lane.group !== lane.label ? `${lane.group} · ${lane.label}` : lane.label;
    context.fillText(fittingText(text, labelPx - 18), 10, y + ROW_PX / 2);
  }
  context.restore();
}
