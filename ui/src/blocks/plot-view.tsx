/** A plot block as SVG that follows the width of its place, with its data as a table on demand. */
import * as Plot from '@observablehq/plot';
import type { Cell, PlotBlock } from '@tenfold/core/report';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button } from '../widgets/button.tsx';
import { useWidth } from '../widgets/use-width.ts';
import { DataTable } from './data-table.tsx';
import { cellGradient, cellRange, plotOptionsFromBlock, seriesColour } from './plot-options.ts';

export function PlotView({ block, height }: { readonly block: PlotBlock; readonly height?: number }) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [asTable, setAsTable] = useState(false);
  const numPoints = block.series.reduce((sum, series) => sum + series.points.length, 0);
  const range = useMemo(() => cellRange(block), [block]);
  useEffect(() => {
    const place = frame.current;
    if (!place || width === 0 || asTable || numPoints === 0) return;
    const svg = Plot.plot(
      plotOptionsFromBlock(block, { width: plotWidth(block, width), height: height ?? defaultHeight(block, width) }),
    );
    // The picture is one image to screen readers; labels on its groups would be invalid ARIA, so they become data.
    for (const part of svg.querySelectorAll('[aria-label]')) {
      part.setAttribute('data-part', part.getAttribute('aria-label')!);
      part.removeAttribute('aria-label');
    }
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', `${block.mark} plot: ${block.caption ?? block.y.label} over ${block.x.label}`);
    place.replaceChildren(svg);
    return () => svg.remove();
  }, [block, width, height, asTable, numPoints]);
  return (
    <figure className="tf-plot">
      <figcaption>
        <span className="tf-caption">{block.caption}</span>
        <Button size="s" variant="quiet" onClick={() => setAsTable(!asTable)}>
          {asTable ? 'Show plot' : 'Show data'}
        </Button>
        {block.series.length > 1 && (
          <ul className="tf-legend">
            {block.series.map((series, index) => (
              <li key={series.name}>
                <span style={{ background: seriesColour(index) }} aria-hidden="true" />
                {series.name}
              </li>
            ))}
          </ul>
        )}
        {range && (
          <span className="tf-heat-scale tf-legend">
            {Number(range[0].toPrecision(3))} <i style={{ background: cellGradient() }} aria-hidden="true" />{' '}
            {Number(range[1].toPrecision(3))}
          </span>
        )}
      </figcaption>
      {asTable && <PlotTable block={block} />}
      {numPoints === 0 && <p className="tf-field-note">No points to draw.</p>}
      <div ref={frame} hidden={asTable || numPoints === 0} />
    </figure>
  );
}

function PlotTable({ block }: { readonly block: PlotBlock }) {
  const rows = useMemo(
    () =>
      block.series.flatMap((series) =>
        series.points.map((point): Record<string, Cell> => ({
          series: series.name,
          x: point.x,
          y: point.y,
          value: point.value ?? null,
          label: point.label ?? null,
        })),
      ),
    [block],
  );
  const columns = [
    ...(block.series.length > 1 ? [{ key: 'series', label: 'Series' }] : []),
    { key: 'x', label: block.x.label, ...(block.x.unit ? { unit: block.x.unit } : {}) },
    { key: 'y', label: block.y.label, ...(block.y.unit ? { unit: block.y.unit } : {}) },
    ...(rows.some((row) => row.value !== null) ? [{ key: 'value', label: 'Value' }] : []),
    ...(rows.some((row) => row.label !== null) ? [{ key: 'label', label: 'Label' }] : []),
  ];
  return <DataTable columns={columns} rows={rows} />;
}

const WIDEST_BAR_PX = 110;

/** Few bars do not fill a wide page. */
function plotWidth(block: PlotBlock, width: number): number {
  if (block.mark !== 'bar' || typeof block.series[0]?.points[0]?.x !== 'string') return width;
  const bars = new Set(block.series.flatMap((series) => series.points.map((point) => point.x)));
  return Math.min(width, 100 + bars.size * WIDEST_BAR_PX);
}

function defaultHeight(block: PlotBlock, width: number): number {
  const bands = new Set(block.series.flatMap((series) => series.points.map((point) => point.y)));
  const categories =
    block.mark === 'cell' || block.y.scale === 'band' || typeof bands.values().next().value === 'string';
  if (categories) return Math.min(900, Math.max(140, 80 + bands.size * 24));
  if (block.mark === 'bar') return 240;
  return Math.round(Math.min(360, Math.max(220, width * 0.42)));
}
