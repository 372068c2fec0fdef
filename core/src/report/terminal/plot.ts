/** Plots in characters. Lines and dots: a grid, one mark a series (Braille for a single one).
 *  Bars and histograms: horizontal bars. Cells: shades with the scale beside them. */
import { binsOf } from '../histogram.ts';
import { axisScaleOf, scaleOfValues, tickText, type AxisScale } from '../plot-scale.ts';
import { padText, textWidth, truncateText } from '../text-width.ts';
import type { Axis, PlotBlock } from '../types.ts';
import type { TerminalOptions } from './terminal-options.ts';

const SERIES_MARKS = ['●', '▲', '■', '◆', '○', '△', '□', '◇'] as const;
const SHADES = ['·', '░', '▒', '▓', '█'] as const;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
const GRID_HEIGHT = 12;
const MAX_GRID_WIDTH = 72;
const MAX_BAR_LABEL_WIDTH = 28;

export function plotLines(block: PlotBlock, options: TerminalOptions): string[] {
  if (!block.series.some((series) => series.points.length > 0)) return [options.style.dim('(no points)')];
  switch (block.mark) {
    case 'bar':
      return barLines(barsOf(block), block.y, options);
    case 'histogram':
      return barLines(histogramBarsOf(block), { ...block.y, label: block.y.label || 'count' }, options);
    case 'cell':
      return cellLines(block, options);
    case 'line':
    case 'area':
    case 'dot':
      return gridLines(block, options);
  }
}

interface Bar {
  readonly label: string;
  readonly value: number;
}

function barsOf(block: PlotBlock): Bar[] {
  const isOne = block.series.length === 1;
  return block.series.flatMap((series) =>
    series.points.map((point) => {
      const x = typeof point.x === 'number' ? tickText(point.x) : point.x;
      return { label: isOne ? x : `${x} · ${series.name}`, value: Number(point.y) };
    }),
  );
}

function histogramBarsOf(block: PlotBlock): Bar[] {
  const isOne = block.series.length === 1;
  return binsOf(block).flatMap(({ series, bins }) =>
    bins.map((bin) => ({
      label: `${tickText(bin.start)} … ${tickText(bin.end)}${isOne ? '' : ` · ${series.name}`}`,
      value: bin.weight,
    })),
  );
}

function barLines(bars: readonly Bar[], axis: Axis, { width, style, maxRows }: TerminalOptions): string[] {
  const shown = bars.slice(0, maxRows);
  const labelWidth = Math.min(MAX_BAR_LABEL_WIDTH, Math.max(...shown.map((bar) => textWidth(bar.label))));
  const texts = shown.map((bar) => tickText(bar.value));
  const valueWidth = Math.max(...texts.map(textWidth));
  const barWidth = Math.max(8, Math.min(MAX_GRID_WIDTH, width - labelWidth - valueWidth - 4));
  const scale = scaleOfValues([...shown.map((bar) => bar.value), ...(axis.scale === 'log' ? [] : [0])], axis);
  const zero = scale.kind === 'log' ? 0 : scale.position(0);
  const lines = shown.map((bar, index) => {
    const label = padText(truncateText(bar.label, labelWidth), labelWidth, 'right');
    return `${label} ${barText(zero, scale.position(bar.value), barWidth)} ${texts[index]}`;
  });
  if (bars.length > shown.length) lines.push(style.dim(`… ${bars.length - shown.length} more bars`));
  lines.push(style.dim(`${' '.repeat(labelWidth)} ${axisLabel(axis)}`));
  return lines;
}

/** A bar between two positions in 0..1; its right end is drawn in eighths. */
function barText(zero: number, position: number, width: number): string {
  if (!(position >= 0 && position <= 1)) return padText('?', width); // NaN, or ≤ 0 on a log scale
  const start = Math.round(Math.min(zero, position) * width);
  const eighths = Math.max(0, Math.round((Math.max(zero, position) * width - start) * 8));
  const text = ' '.repeat(start) + '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
  return padText(text === '' ? '▏' : text, width);
}

function cellLines(block: PlotBlock, { width, style }: TerminalOptions): string[] {
  const points = block.series.flatMap((series) => series.points);
  const xs = [...new Set(points.map((point) => point.x))];
  const ys = [...new Set(points.map((point) => point.y))];
  if (xs.every((x) => typeof x === 'number')) (xs as number[]).sort((a, b) => a - b);
  if (ys.every((y) => typeof y === 'number')) (ys as number[]).sort((a, b) => b - a);
  const valueAt = new Map(points.map((point) => [`${point.x}\u0000${point.y}`, point.value]));
  const values = points.flatMap((point) => (point.value === undefined ? [] : [point.value])).filter(Number.isFinite);
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const labelWidth = Math.min(16, Math.max(...ys.map((y) => textWidth(String(y)))));
  const cellWidth = Math.max(1, Math.min(3, Math.floor((width - labelWidth - 1) / xs.length)));
  const lines = ys.map((y) => {
    const cells = xs.map((x) => {
      const value = valueAt.get(`${x}\u0000${y}`);
      if (value === undefined || !Number.isFinite(value)) return ' '.repeat(cellWidth);
      const share = high === low ? 1 : (value - low) / (high - low);
      return SHADES[Math.min(SHADES.length - 1, Math.floor(share * SHADES.length))]!.repeat(cellWidth);
    });
    return `${padText(truncateText(String(y), labelWidth), labelWidth, 'right')} ${cells.join('')}`;
  });
  const ends = `${xs[0]} … ${xs[xs.length - 1]}  ${axisLabel(block.x)} →  ${axisLabel(block.y)} ↑`;
  lines.push(style.dim(`${' '.repeat(labelWidth)} ${ends}`));
  if (values.length > 0) {
    lines.push(style.dim(`${' '.repeat(labelWidth)} ${SHADES.join('')} ${tickText(low)} … ${tickText(high)}`));
  }
  return lines;
}

function gridLines(block: PlotBlock, { width, style }: TerminalOptions): string[] {
  const [xScale, yScale] = [axisScaleOf(block, 'x'), axisScaleOf(block, 'y')];
  const yTicks = yScale.kind === 'ordinal' ? [] : [yScale.high, yScale.low].map(tickText);
  const labelWidth = Math.max(1, ...yTicks.map(textWidth));
  const gridWidth = Math.max(16, Math.min(MAX_GRID_WIDTH, width - labelWidth - 2));
  const rows =
    block.series.length === 1
      ? brailleRows(block, xScale, yScale, gridWidth)
      : markRows(block, xScale, yScale, gridWidth);
  const lines = [style.dim(`${' '.repeat(labelWidth)} ${axisLabel(block.y)}`)];
  for (const [r, row] of rows.entries()) {
    const tick = r === 0 ? yTicks[0] : r === rows.length - 1 ? yTicks[1] : undefined;
    lines.push(`${style.dim(`${padText(tick ?? '', labelWidth, 'right')} │`)}${row.trimEnd()}`);
  }
  const [left, right] = xScale.kind === 'ordinal' ? ordinalEnds(xScale) : [tickText(xScale.low), tickText(xScale.high)];
  const between = Math.max(1, gridWidth - textWidth(left) - textWidth(right));
  lines.push(style.dim(`${' '.repeat(labelWidth)} └${'─'.repeat(gridWidth)}`));
  lines.push(style.dim(`${' '.repeat(labelWidth + 2)}${left}${centred(axisLabel(block.x), between)}${right}`));
  if (block.series.length > 1) {
    lines.push(block.series.map((series, s) => `${SERIES_MARKS[s % SERIES_MARKS.length]} ${series.name}`).join('   '));
  }
  for (const rule of block.rules ?? []) {
    lines.push(style.dim(`┄ ${rule.axis} = ${tickText(rule.value)}${rule.label ? ` ${rule.label}` : ''}`));
  }
  return lines;
}

/** One mark a series on a grid of characters; lines are filled in between points. */
function markRows(block: PlotBlock, xScale: AxisScale, yScale: AxisScale, width: number): string[] {
  const grid = Array.from({ length: GRID_HEIGHT }, () => Array.from({ length: width }, () => ' '));
  drawRules(block, xScale, yScale, width, GRID_HEIGHT, (x, y) => void (grid[y]![x] = '┄'));
  for (const [s, series] of block.series.entries()) {
    const mark = SERIES_MARKS[s % SERIES_MARKS.length]!;
    if (block.mark !== 'dot')
      traceSeries(series.points, xScale, yScale, width, GRID_HEIGHT, (x, y) => {
        if (grid[y]![x] === ' ' || grid[y]![x] === '┄') grid[y]![x] = '·';
      });
    for (const point of series.points) {
      const cell = gridCell(point, xScale, yScale, width, GRID_HEIGHT);
      if (cell) grid[cell[1]]![cell[0]] = mark;
    }
  }
  return grid.map((row) => row.join(''));
}

/** Bit of each dot of a Braille character, by column and row. */
const BRAILLE_BITS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const BRAILLE_BASE = 0x2800;

/** A single series at 2 × 4 dots a character. */
function brailleRows(block: PlotBlock, xScale: AxisScale, yScale: AxisScale, width: number): string[] {
  const bits = new Uint8Array(width * GRID_HEIGHT);
  const set = (x: number, y: number): void => {
    bits[(y >> 2) * width + (x >> 1)]! |= BRAILLE_BITS[x & 1]![y & 3]!;
  };
  const [dotsWide, dotsHigh] = [width * 2, GRID_HEIGHT * 4];
  drawRules(block, xScale, yScale, dotsWide, dotsHigh, (x, y) => {
    if (x % 4 === 0 || y % 4 === 0) set(x, y);
  });
  const points = block.series[0]!.points;
  if (block.mark !== 'dot') traceSeries(points, xScale, yScale, dotsWide, dotsHigh, set);
  for (const point of points) {
    const cell = gridCell(point, xScale, yScale, dotsWide, dotsHigh);
    if (!cell) continue;
    set(...cell);
    if (block.mark === 'area') for (let y = cell[1]; y < dotsHigh; y++) set(cell[0], y);
  }
  return Array.from({ length: GRID_HEIGHT }, (_, r) =>
    Array.from(bits.subarray(r * width, (r + 1) * width), (mask) =>
      mask === 0 ? ' ' : String.fromCodePoint(BRAILLE_BASE + mask),
    ).join(''),
  );
}

interface GridPoint {
  readonly x: number | string;
  readonly y: number | string;
}

function gridCell(
  point: GridPoint,
  xScale: AxisScale,
  yScale: AxisScale,
  width: number,
  height: number,
): [number, number] | undefined {
  const x = xScale.position(point.x);
  const y = yScale.position(point.y);
  if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return undefined; // NaN too
  return [Math.round(x * (width - 1)), Math.round((1 - y) * (height - 1))];
}

/** Straight segments between neighbouring points; a point that cannot be shown breaks the line. */
function traceSeries(
  points: readonly GridPoint[],
  xScale: AxisScale,
  yScale: AxisScale,
  width: number,
  height: number,
  plot: (x: number, y: number) => void,
): void {
  let previous: [number, number] | undefined;
  for (const point of points) {
    const cell = gridCell(point, xScale, yScale, width, height);
    if (cell && previous) {
      const steps = Math.max(Math.abs(cell[0] - previous[0]), Math.abs(cell[1] - previous[1]), 1);
      for (let step = 0; step <= steps; step++) {
        const share = step / steps;
        plot(
          Math.round(previous[0] + share * (cell[0] - previous[0])),
          Math.round(previous[1] + share * (cell[1] - previous[1])),
        );
      }
    }
    previous = cell;
  }
}

function drawRules(
  block: PlotBlock,
  xScale: AxisScale,
  yScale: AxisScale,
  width: number,
  height: number,
  plot: (x: number, y: number) => void,
): void {
  for (const rule of block.rules ?? []) {
    const position = (rule.axis === 'x' ? xScale : yScale).position(rule.value);
    if (!(position >= 0 && position <= 1)) continue;
    if (rule.axis === 'x') for (let y = 0; y < height; y++) plot(Math.round(position * (width - 1)), y);
    else for (let x = 0; x < width; x++) plot(x, Math.round((1 - position) * (height - 1)));
  }
}

function ordinalEnds(scale: AxisScale): [string, string] {
  return scale.names.length < 2 ? [scale.names[0] ?? '', ''] : [scale.names[0]!, scale.names[scale.names.length - 1]!];
}

function centred(text: string, width: number): string {
  const shown = truncateText(text, Math.max(0, width - 2));
  const left = Math.floor((width - textWidth(shown)) / 2);
  return padText(' '.repeat(Math.max(0, left)) + shown, width);
}

function axisLabel(axis: Axis): string {
  const unit = axis.unit === undefined ? '' : ` (${axis.unit})`;
  return `${axis.label}${unit}${axis.scale === 'log' ? ', log scale' : ''}`;
}
