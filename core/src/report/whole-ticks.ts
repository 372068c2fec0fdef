/** Ticks of counted axes: rounds and epochs have no half. */
import type { PlotBlock } from './types.ts';

/** Every whole number of the x axis of a line, area or dot plot whose x are few whole numbers.
 *  @param maxTicks  more are left to the drawing library
 *  @returns undefined where the axis is not of that kind */
export function wholeTicksOf({ mark, x, series }: PlotBlock, maxTicks: number): number[] | undefined {
  if (mark !== 'line' && mark !== 'area' && mark !== 'dot') return undefined;
  if (x.scale !== undefined && x.scale !== 'linear') return undefined;
  let [low, high] = [Infinity, -Infinity];
  for (const { points } of series) {
    for (const point of points) {
      if (typeof point.x !== 'number' || !Number.isInteger(point.x)) return undefined;
      [low, high] = [Math.min(low, point.x), Math.max(high, point.x)];
    }
  }
  return high >= low && high - low < maxTicks ? Array.from({ length: high - low + 1 }, (_, i) => low + i) : undefined;
}
