/** A plot block as options of Observable Plot; server-side SVG and studio draw from the same options.
 *  Plot itself is an argument, so that pages that never draw do not load it. */
import type * as PlotModule from '@observablehq/plot';
import { formatSignificant } from '../base/index.ts';
import { binsOf } from './histogram.ts';
import type { Axis, PlotBlock, PlotPoint } from './types.ts';
import { wholeTicksOf } from './whole-ticks.ts';

type Plot = typeof PlotModule;
type Row = PlotPoint & { readonly series: string };

const DEFAULT_WIDTH_PX = 640;
const MIN_CELL_HEIGHT_PX = 18;
/** Axes that span more get round ticks. */
const MAX_WHOLE_TICKS = 12;
/** Past this many points a line carries no dots. */
const MAX_DOTTED_POINTS = 60;

/** Options for `Plot.plot`.
 *  @param options.width  pixels, default 640
 *  @param options.hasCanvas  false where no canvas exists (server): the colour ramp of cells then has no legend */
export function plotOptionsOf(
  plot: Plot,
  block: PlotBlock,
  { width = DEFAULT_WIDTH_PX, hasCanvas = true }: { readonly width?: number; readonly hasCanvas?: boolean } = {},
): PlotModule.PlotOptions {
  const rows: Row[] = block.series.flatMap((series) =>
    series.points.map((point) => ({ ...point, series: series.name })),
  );
  const isMany = block.series.length > 1;
  const isCell = block.mark === 'cell';
  const longestYName = Math.max(0, ...rows.map((row) => (typeof row.y === 'string' ? row.y.length : 0)));
  const whole = wholeTicksOf(block, MAX_WHOLE_TICKS);
  return {
    width,
    marginLeft: Math.min(180, 52 + longestYName * 5),
    marginBottom: 40,
    x: { ...axisOptions(block.x, !isCell && block.mark === 'dot'), ...(whole && { ticks: whole, tickFormat: String }) },
    y: axisOptions(block.y, !isCell),
    color: isCell
      ? { legend: hasCanvas, scheme: 'viridis' }
      : { legend: isMany, domain: block.series.map((series) => series.name) },
    symbol: isMany && !isCell ? { legend: false } : {},
    ...(isCell ? { height: Math.max(120, new Set(rows.map((row) => row.y)).size * MIN_CELL_HEIGHT_PX + 90) } : {}),
    marks: [...marksOf(plot, block, rows), ...rulesOf(plot, block)],
  };
}

function axisOptions(axis: Axis, grid: boolean): PlotModule.ScaleOptions {
  return {
    label: axis.unit === undefined ? axis.label : `${axis.label} (${axis.unit})`,
    grid,
    ...(axis.scale === undefined ? {} : { type: axis.scale }),
    // Plot would write 0.5 as 500m on a log axis.
    ...(axis.scale === 'log' ? { tickFormat: (value: number) => formatSignificant(value, 3) } : {}),
  };
}

function marksOf(plot: Plot, block: PlotBlock, rows: readonly Row[]): PlotModule.Markish[] {
  const isMany = block.series.length > 1;
  const stroke = isMany ? 'series' : 'var(--plot-1, #4269d0)';
  const title = (row: Row): string => `${isMany ? `${row.series}\n` : ''}${row.label ?? `${row.x}, ${row.y}`}`;
  const band = rows.some((row) => row.low !== undefined && row.high !== undefined)
    ? [plot.areaY(rows, { x: 'x', y1: 'low', y2: 'high', fill: stroke, z: 'series', fillOpacity: 0.18 })]
    : [];
  const dots = (size: number): PlotModule.Markish =>
    plot.dot(rows, { x: 'x', y: 'y', stroke, symbol: isMany ? 'series' : 'circle', r: size, title });
  switch (block.mark) {
    case 'line':
      return [
        ...band,
        plot.lineY(rows, { x: 'x', y: 'y', stroke, z: 'series' }),
        ...(rows.length <= MAX_DOTTED_POINTS ? [dots(2.5)] : []),
      ];
    case 'area':
      return [
        plot.areaY(rows, { x: 'x', y: 'y', fill: stroke, z: 'series', fillOpacity: 0.25 }),
        plot.lineY(rows, { x: 'x', y: 'y', stroke, z: 'series' }),
      ];
    case 'dot':
      return [
        ...band,
        dots(3),
        plot.text(rows, {
          x: 'x',
          y: 'y',
          text: 'label',
          dy: -9,
          fontSize: 10,
          filter: (row: Row) => row.label !== undefined,
        }),
      ];
    case 'bar':
      return barMarks(plot, block, rows, stroke, title);
    case 'cell':
      return [
        plot.cell(rows, {
          x: 'x',
          y: 'y',
          fill: 'value',
          inset: 0.5,
          title: (row: Row) => `${title(row)}\n${row.value ?? ''}`,
        }),
      ];
    case 'histogram': {
      const bins = binsOf(block).flatMap(({ series, bins: own }) =>
        own.map((bin) => ({ ...bin, series: series.name })),
      );
      return [
        plot.rectY(bins, {
          x1: 'start',
          x2: 'end',
          y: 'weight',
          fill: stroke,
          fillOpacity: isMany ? 0.5 : 1,
          insetLeft: 1,
        }),
        plot.ruleY([0]),
      ];
    }
  }
}

/** Bars stand on zero; several series stand beside each other as facets of one band. */
function barMarks(
  plot: Plot,
  block: PlotBlock,
  rows: readonly Row[],
  fill: string,
  title: (row: Row) => string,
): PlotModule.Markish[] {
  const isLogY = block.y.scale === 'log';
  const base = isLogY ? [] : [plot.ruleY([0])];
  const isBand = rows.some((row) => typeof row.x === 'string') || block.x.scale === 'band' || block.x.scale === 'point';
  if (!isBand) return [plot.ruleX(rows, { x: 'x', y: 'y', stroke: fill, strokeWidth: 4, title }), ...base];
  if (block.series.length === 1) return [plot.barY(rows, { x: 'x', y: 'y', fill, title }), ...base];
  return [
    plot.barY(rows, { fx: 'x', x: 'series', y: 'y', fill: 'series', title }),
    plot.axisX({ ticks: [], label: null }),
    ...base,
  ];
}

function rulesOf(plot: Plot, block: PlotBlock): PlotModule.Markish[] {
  return (block.rules ?? []).flatMap((rule) => {
    const options = { stroke: 'currentColor', strokeDasharray: '4 3', strokeOpacity: 0.7 };
    const label = rule.label ?? '';
    return rule.axis === 'x'
      ? [
          plot.ruleX([rule.value], options),
          plot.text([rule.value], {
            x: (v: number) => v,
            frameAnchor: 'top',
            text: () => label,
            dx: 4,
            textAnchor: 'start',
          }),
        ]
      : [
          plot.ruleY([rule.value], options),
          plot.text([rule.value], {
            y: (v: number) => v,
            frameAnchor: 'right',
            text: () => label,
            dy: -6,
            textAnchor: 'end',
          }),
        ];
  });
}
