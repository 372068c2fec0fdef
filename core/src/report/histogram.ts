/** Bins of histogram plots; the same bins in characters and in SVG. */
import type { PlotBlock, Series } from './types.ts';

/** Sturges' rule, held within these limits. */
const MIN_BINS = 5;
const MAX_BINS = 40;

export interface Bin {
  readonly start: number;
  readonly end: number;
  readonly weight: number;
}

/** Bins the x of all points, each weighing its y, over one common range.
 *  @returns one list of bins a series, all with the same borders */
export function binsOf(block: PlotBlock): { readonly series: Series; readonly bins: readonly Bin[] }[] {
  const values = block.series
    .flatMap((series) => series.points.map((point) => Number(point.x)))
    .filter(Number.isFinite);
  if (values.length === 0) return block.series.map((series) => ({ series, bins: [] }));
  const numBins = Math.min(MAX_BINS, Math.max(MIN_BINS, Math.ceil(Math.log2(values.length)) + 1));
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const width = (high - low || 1) / numBins;
  return block.series.map((series) => {
    const weights = new Float64Array(numBins);
    for (const point of series.points) {
      const bin = Math.min(numBins - 1, Math.floor((Number(point.x) - low) / width));
      if (bin >= 0) weights[bin]! += Number(point.y);
    }
    const bins = Array.from(weights, (weight, b) => ({ start: low + b * width, end: low + (b + 1) * width, weight }));
    return { series, bins };
  });
}
