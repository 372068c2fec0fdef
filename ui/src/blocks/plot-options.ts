/** A plot block as options of Observable Plot. Colours are CSS variables, so themes change without redrawing. */
import * as Plot from '@observablehq/plot';
import { wholeTicksOf, type Axis, type PlotBlock } from '@tenfold/core/report';

export interface PlotSize {
  readonly width: number;
  readonly height: number;
}

interface Datum {
  readonly series: string;
  readonly x: number | string;
  readonly y: number | string;
  readonly value: number | undefined;
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly label: string | undefined;
}

const NUM_SERIES_COLOURS = 10;
const NARROW_PX = 420;

export function seriesColour(index: number): string {
  return `var(--series-${(index % NUM_SERIES_COLOURS) + 1})`;
}

export function plotOptionsFromBlock(block: PlotBlock, { width, height }: PlotSize): Plot.PlotOptions {
  const names = block.series.map((series) => series.name);
  const data: Datum[] = block.series.flatMap((series) =>
    series.points.map((point) => ({
      series: series.name,
      x: point.x,
      y: point.y,
      value: point.value,
      low: point.low,
      high: point.high,
      label: point.label,
    })),
  );
  const isCategory = (axis: Axis, values: readonly (number | string)[]) =>
    axis.scale === 'band' || axis.scale === 'point' || (axis.scale === undefined && typeof values[0] === 'string');
  const xBand =
    block.mark === 'cell' ||
    isCategory(
      block.x,
      data.slice(0, 1).map((datum) => datum.x),
    );
  const yBand =
    block.mark === 'cell' ||
    isCategory(
      block.y,
      data.slice(0, 1).map((datum) => datum.y),
    );
  const longestY = yBand ? Math.max(0, ...data.slice(0, 500).map((datum) => String(datum.y).length)) : 6;
  const numXTicks = width < NARROW_PX ? 5 : 9;
  const marginLeft = Math.min(width / 3, Math.max(48, 16 + longestY * 7));
  const xLabels = xBand ? bandLabels(data, 'x', width - marginLeft - MARGIN_RIGHT) : undefined;
  const yLabels = yBand ? bandLabels(data, 'y', height - 70) : undefined;
  const whole = wholeTicksOf(block, numXTicks);
  const rules = (block.rules ?? []).flatMap((rule) => ruleMarks(rule));
  const marks = marksOf(block, data, names, xBand, yBand);
  const options: Plot.PlotOptions = {
    width,
    height,
    marginLeft,
    marginBottom: xLabels?.slantPx ? 36 + xLabels.slantPx : 44,
    marginTop: 26,
    marginRight: MARGIN_RIGHT,
    style: { background: 'transparent', fontFamily: 'var(--font-sans)', fontSize: '12px', color: 'var(--ink-2)' },
    x: {
      ...scaleOptions(
        block.x,
        xBand,
        numXTicks,
        data.map((datum) => datum.x),
      ),
      ...(whole && { ticks: whole, tickFormat: String }),
      ...(xLabels && { ticks: xLabels.ticks, tickRotate: xLabels.slantPx > 0 ? -SLANT_DEGREES : 0 }),
      ...(xLabels?.slantPx ? { labelOffset: 32 + xLabels.slantPx } : {}),
      ...widenedDomain(block, data, 'x', xBand),
    },
    y: {
      ...scaleOptions(
        block.y,
        yBand,
        6,
        data.map((datum) => datum.y),
      ),
      grid: !yBand,
      ...(yLabels && { ticks: yLabels.ticks }),
      ...widenedDomain(block, data, 'y', yBand),
    },
    // Over bars, which would hide it; under lines and dots.
    marks: FILLED_MARKS.has(block.mark) ? [...marks, ...rules] : [...rules, ...marks],
  };
  if (block.mark === 'cell') options.color = { scheme: CELL_SCHEME, legend: false };
  return options;
}

const MARGIN_RIGHT = 28;
const CHAR_PX = 6.8;
const LINE_PX = 15;
const SLANT_DEGREES = 35;
const MOST_SLANT_PX = 90;

/** Labels of a band axis that do not run into each other: as they are, slanted where words need it, else every k-th. */
function bandLabels(
  data: readonly Datum[],
  axis: 'x' | 'y',
  lengthPx: number,
): { readonly ticks: readonly (number | string)[]; readonly slantPx: number } {
  const values = [...new Set(data.map((datum) => datum[axis]))];
  const bandPx = lengthPx / Math.max(1, values.length);
  const every = (px: number) => values.filter((_, index) => index % Math.max(1, Math.ceil(px / bandPx)) === 0);
  if (axis === 'y') return { ticks: every(LINE_PX), slantPx: 0 };
  const longestPx = CHAR_PX * Math.max(0, ...values.map((value) => String(value).length)) + 8;
  if (longestPx <= bandPx) return { ticks: values, slantPx: 0 };
  const areWords = values.some((value) => typeof value === 'string' && !/^[\d.,\s-]+$/.test(value));
  if (!areWords) return { ticks: every(longestPx), slantPx: 0 };
  const slantPx = Math.min(MOST_SLANT_PX, Math.round(longestPx * Math.sin((SLANT_DEGREES * Math.PI) / 180)));
  return { ticks: every(LINE_PX), slantPx };
}

/** One value alone has no range to tick: it stands in the middle of a tenth of itself. */
function widenedDomain(
  { mark, rules = [] }: PlotBlock,
  data: readonly Datum[],
  axis: 'x' | 'y',
  band: boolean,
): { readonly domain?: readonly [number, number] } {
  if (band || (mark !== 'line' && mark !== 'dot') || rules.some((rule) => rule.axis === axis)) return {};
  const [first] = data;
  const value = Number(first?.[axis]);
  if (first === undefined || !Number.isFinite(value) || data.some((datum) => Number(datum[axis]) !== value)) return {};
  if (axis === 'y' && data.some(({ low, high }) => low !== undefined || high !== undefined)) return {};
  const half = Math.abs(value) / 20 || 1;
  return { domain: [value - half, value + half] };
}

const FILLED_MARKS: ReadonlySet<PlotBlock['mark']> = new Set(['bar', 'histogram', 'cell']);
const CELL_SCHEME = 'YlGnBu';
const NUM_GRADIENT_STOPS = 9;

/** Smallest and largest value of coloured cells; undefined for other plots. */
export function cellRange({ mark, series }: PlotBlock): readonly [number, number] | undefined {
  if (mark !== 'cell') return undefined;
  let [low, high] = [Infinity, -Infinity];
  for (const { points } of series)
    for (const { value } of points)
      if (value !== undefined && Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low < high ? [low, high] : undefined;
}

/** The colours of cells from smallest to largest, as CSS. */
export function cellGradient(): string {
  const scale = Plot.scale({ color: { scheme: CELL_SCHEME, domain: [0, 1] } });
  const stops = Array.from({ length: NUM_GRADIENT_STOPS }, (_, stop) =>
    String(scale.apply(stop / (NUM_GRADIENT_STOPS - 1))),
  );
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}

function scaleOptions(
  axis: Axis,
  band: boolean,
  ticks: number,
  values: readonly (number | string)[],
): Plot.ScaleOptions {
  const label = axis.unit ? `${axis.label} (${axis.unit})` : axis.label;
  if (band) return { label, type: axis.scale === 'point' ? 'point' : 'band' };
  if (axis.scale === 'log') return { label, type: 'log', tickFormat: '~g', ticks: logTicks(values, ticks) };
  return { label, type: 'linear', ticks };
}

/** Powers of ten in the range of the data; Plot's own choice draws a line for every digit. */
function logTicks(values: readonly (number | string)[], maxTicks: number): number[] | number {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    const power = Math.log10(Number(value));
    if (Number.isFinite(power)) [low, high] = [Math.min(low, power), Math.max(high, power)];
  }
  const [first, last] = [Math.ceil(low - 1e-9), Math.floor(high + 1e-9)];
  if (!(last - first >= 1)) return maxTicks; // within a decade Plot's choice is right
  const step = Math.max(1, Math.ceil((last - first) / maxTicks));
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => 10 ** (first + index * step));
}

function ruleMarks(rule: NonNullable<PlotBlock['rules']>[number]): Plot.Markish[] {
  const stroke = { stroke: 'var(--ink-2)', strokeDasharray: '4 3' };
  const text = { text: (label: string) => label, fill: 'var(--ink)', stroke: 'var(--surface)', strokeWidth: 4 };
  if (rule.axis === 'y')
    return [
      Plot.ruleY([rule.value], stroke),
      ...(rule.label
        ? [Plot.text([rule.label], { ...text, y: () => rule.value, frameAnchor: 'right', dy: -7, textAnchor: 'end' })]
        : []),
    ];
  return [
    Plot.ruleX([rule.value], stroke),
    ...(rule.label
      ? [Plot.text([rule.label], { ...text, x: () => rule.value, frameAnchor: 'top', dx: 5, textAnchor: 'start' })]
      : []),
  ];
}

function marksOf(
  block: PlotBlock,
  data: readonly Datum[],
  names: readonly string[],
  xBand: boolean,
  yBand: boolean,
): Plot.Markish[] {
  const colour = (datum: Datum) => seriesColour(names.indexOf(datum.series));
  const tip = (datum: Datum) => tipText(block, datum);
  const withTip = { tip: true, title: tip };
  const bands = data.some((datum) => datum.low !== undefined && datum.high !== undefined)
    ? [Plot.areaY(data, { x: 'x', y1: 'low', y2: 'high', z: 'series', fill: colour, fillOpacity: 0.16 })]
    : [];
  const whiskers =
    data.some((datum) => datum.low !== undefined && datum.high !== undefined) && !yBand
      ? [
          Plot.ruleX(
            data.filter((datum) => datum.low !== undefined),
            { x: 'x', y1: 'low', y2: 'high', stroke: colour },
          ),
        ]
      : [];
  switch (block.mark) {
    case 'line':
      return [
        ...bands,
        Plot.lineY(data, { x: 'x', y: 'y', z: 'series', stroke: colour, strokeWidth: 1.8 }),
        ...(data.length <= 60 ? [Plot.dot(data, { x: 'x', y: 'y', r: 2.6, fill: colour })] : []),
        Plot.tip(data, Plot.pointer({ x: 'x', y: 'y', title: tip, ...TIP_LOOK })),
      ];
    case 'area':
      return [
        Plot.areaY(data, { x: 'x', y: 'y', z: 'series', fill: colour, fillOpacity: 0.2 }),
        Plot.lineY(data, { x: 'x', y: 'y', z: 'series', stroke: colour, strokeWidth: 1.6 }),
        Plot.tip(data, Plot.pointerX({ x: 'x', y: 'y', title: tip, ...TIP_LOOK })),
      ];
    case 'dot':
      return [
        ...whiskers,
        Plot.dot(data, { x: 'x', y: 'y', r: data.length > 500 ? 1.8 : 3.4, fill: colour, fillOpacity: 0.75 }),
        Plot.tip(data, Plot.pointer({ x: 'x', y: 'y', title: tip, ...TIP_LOOK })),
      ];
    case 'bar':
      return barMarks(data, names, xBand, yBand, colour, withTip);
    case 'histogram': {
      const look = { fill: colour, fillOpacity: names.length > 1 ? 0.6 : 0.9 };
      return [
        Plot.rectY(data, Plot.binX<Plot.RectYOptions>({ y: 'count' }, { x: 'x', tip: true, ...look })),
        Plot.ruleY([0], { stroke: 'var(--line-strong)' }),
      ];
    }
    case 'cell':
      return [Plot.cell(data, { x: 'x', y: 'y', fill: 'value', inset: 0.5, ...withTip })];
  }
}

/** One series: plain bars. Several: bars side by side by insets, since stacking would claim that they add up. */
function barMarks(
  data: readonly Datum[],
  names: readonly string[],
  xBand: boolean,
  yBand: boolean,
  colour: (datum: Datum) => string,
  withTip: { readonly tip: boolean; readonly title: (datum: Datum) => string },
): Plot.Markish[] {
  const common = { x: 'x', y: 'y', fill: colour, ...withTip } as const;
  const zero = { stroke: 'var(--line-strong)' };
  const groups = names.map((name) => data.filter((datum) => datum.series === name));
  const share = 1 / Math.max(1, names.length);
  if (yBand && !xBand)
    return [
      ...groups.map((group, index) =>
        Plot.barX(group, {
          ...common,
          insetTop: 1 + index * share * 14,
          insetBottom: 1 + (names.length - 1 - index) * share * 14,
        }),
      ),
      Plot.ruleX([0], zero),
    ];
  if (xBand)
    return [
      ...groups.map((group, index) =>
        Plot.barY(group, {
          ...common,
          insetLeft: 1 + index * share * 22,
          insetRight: 1 + (names.length - 1 - index) * share * 22,
        }),
      ),
      Plot.ruleY([0], zero),
    ];
  return [Plot.rectY(data, { ...common, interval: medianStep(data) }), Plot.ruleY([0], zero)];
}

/** Width of a bar on a continuous axis: the smallest gap between neighbours. */
function medianStep(data: readonly Datum[]): number {
  const values = [...new Set(data.map((datum) => Number(datum.x)))].sort((a, b) => a - b);
  const gaps = values.slice(1).map((value, index) => value - values[index]!);
  return gaps.length === 0 ? 1 : Math.min(...gaps);
}

const TIP_LOOK = { fill: 'var(--surface)', stroke: 'var(--line-strong)' } as const;

function tipText(block: PlotBlock, datum: Datum): string {
  const lines = [
    ...(block.series.length > 1 || datum.label ? [datum.label ?? datum.series] : []),
    `${block.x.label}: ${shortNumber(datum.x)}${block.x.unit ? ` ${block.x.unit}` : ''}`,
    `${block.y.label}: ${shortNumber(datum.y)}${block.y.unit ? ` ${block.y.unit}` : ''}`,
    ...(datum.value === undefined ? [] : [`value: ${shortNumber(datum.value)}`]),
    ...(datum.low === undefined || datum.high === undefined
      ? []
      : [`band: ${shortNumber(datum.low)} to ${shortNumber(datum.high)}`]),
  ];
  return lines.join('\n');
}

function shortNumber(value: number | string): string {
  return typeof value === 'string' ? value : String(Number(value.toPrecision(5)));
}
