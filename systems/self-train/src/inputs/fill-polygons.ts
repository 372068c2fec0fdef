/** Filled outlines as grey images, by the non-zero rule. */

/** x and y in turn, closed. */
export type Polygon = readonly number[];

/** Sample rows per pixel row; coverage along a row is exact. */
const ROWS_PER_PIXEL = 4;

/** Share of each pixel that the outlines cover.  Mutates: target [side, side]. */
export function fillPolygons(polygons: readonly Polygon[], sidePx: number, target: Float32Array): void {
  target.fill(0);
  const crossings: { x: number; turn: number }[] = [];
  for (let row = 0; row < sidePx * ROWS_PER_PIXEL; row++) {
    const y = (row + 0.5) / ROWS_PER_PIXEL;
    crossings.length = 0;
    for (const polygon of polygons) addCrossings(polygon, y, crossings);
    crossings.sort((a, b) => a.x - b.x);
    const start = Math.floor(row / ROWS_PER_PIXEL) * sidePx;
    let winding = 0;
    for (let i = 0; i < crossings.length - 1; i++) {
      winding += crossings[i].turn;
      if (winding !== 0) cover(target, start, sidePx, crossings[i].x, crossings[i + 1].x);
    }
  }
}

function addCrossings(polygon: Polygon, y: number, crossings: { x: number; turn: number }[]): void {
  const length = polygon.length;
  for (let i = 0; i < length; i += 2) {
    const j = (i + 2) % length;
    const [y0, y1] = [polygon[i + 1], polygon[j + 1]];
    if (y0 <= y === y1 <= y) continue;
    const x = polygon[i] + ((y - y0) / (y1 - y0)) * (polygon[j] - polygon[i]);
    crossings.push({ x, turn: y1 > y0 ? 1 : -1 });
  }
}

function cover(target: Float32Array, start: number, sidePx: number, from: number, to: number): void {
  const [left, right] = [Math.max(0, from), Math.min(sidePx, to)];
  for (let x = Math.floor(left); x < right; x++) {
    target[start + x] += (Math.min(right, x + 1) - Math.max(left, x)) / ROWS_PER_PIXEL;
  }
}
