/** Plots drawn on the server: Observable Plot on a linkedom document, no browser. */
import { formatCell } from '../format-cell.ts';
import { plotOptionsOf } from '../plot-options.ts';
import type { PlotBlock } from '../types.ts';
import { escapeHtml } from './escape.ts';

/** HTML of a plot: legend, if any, and SVG with a name for screen readers. Loads Plot on first use. */
export async function plotHtml(block: PlotBlock): Promise<string> {
  const [plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const drawn = plot.plot({
    ...plotOptionsOf(plot, block, { hasCanvas: false }),
    document: document as unknown as Document,
  });
  const label = block.caption ?? `${block.y.label} by ${block.x.label}`;
  const svg =
    drawn.tagName.toLowerCase() === 'svg'
      ? drawn
      : [...drawn.children].findLast((child) => child.tagName.toLowerCase() === 'svg');
  svg?.setAttribute('role', 'img');
  svg?.setAttribute('aria-label', label);
  svg?.removeAttribute('width');
  return `<div class="plot" data-label="${escapeHtml(label)}">${drawn.outerHTML}</div>${rampHtml(block)}`;
}

/** The colour scale of cells in words and a gradient: dark is low, bright is high. */
function rampHtml(block: PlotBlock): string {
  if (block.mark !== 'cell') return '';
  const values = block.series
    .flatMap((series) => series.points.map((point) => point.value ?? NaN))
    .filter(Number.isFinite);
  if (values.length === 0) return '';
  const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => formatCell(value));
  return `<div class="legend"><span>${low} <i class="ramp"></i> ${high}</span></div>`;
}
