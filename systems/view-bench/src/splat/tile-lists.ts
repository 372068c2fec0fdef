/** Which Gaussians touch which 16×16 tile, near to far.
 *  Equal to a radix sort of the keys (tile, depth bits, Gaussian id): depths are sorted once by 11-bit digits (LSD, stable),
 *  then pairs are emitted in that order and counted into tiles, which is the last, stable digit. */
import type { Projection } from './project.ts';

export const TILE_PX = 16;

/** Tile j lists ids[starts[j] .. starts[j + 1]). */
export interface TileLists {
  readonly columns: number;
  readonly rows: number;
  readonly starts: Uint32Array;
  readonly ids: Uint32Array;
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** @param isShared  ids and starts in shared memory */
export function createTileLists(
  projection: Projection,
  widthPx: number,
  heightPx: number,
  isShared = false,
): TileLists {
  const columns = Math.ceil(widthPx / TILE_PX);
  const rows = Math.ceil(heightPx / TILE_PX);
  const order = depthOrder(projection);
  const numTiles = columns * rows;
  const counts = new Uint32Array(
    isShared ? new SharedArrayBuffer(4 * numTiles + 4) : new ArrayBuffer(4 * numTiles + 4),
  );
  let capacity = Math.max(1024, 4 * order.length);
  let tiles = new Uint32Array(capacity);
  let owners = new Uint32Array(capacity);
  let numPairs = 0;
  const { uv, extents, conics, reaches } = projection;
  for (const i of order) {
    const u = uv[2 * i];
    const v = uv[2 * i + 1];
    const startX = Math.max(0, Math.floor((u - extents[2 * i]) / TILE_PX));
    const endX = Math.min(columns, Math.floor((u + extents[2 * i]) / TILE_PX) + 1);
    const startY = Math.max(0, Math.floor((v - extents[2 * i + 1]) / TILE_PX));
    const endY = Math.min(rows, Math.floor((v + extents[2 * i + 1]) / TILE_PX) + 1);
    const isSingle = endX - startX <= 1 || endY - startY <= 1;
    const reach = reaches[i] * REACH_SLACK + REACH_SLACK - 1;
    for (let tileY = startY; tileY < endY; tileY++) {
      for (let tileX = startX; tileX < endX; tileX++) {
        if (
          !isSingle &&
          smallestOverTile(
            conics[3 * i],
            conics[3 * i + 1],
            conics[3 * i + 2],
            tileX * TILE_PX - u,
            tileY * TILE_PX - v,
          ) > reach
        ) {
          continue;
        }
        if (numPairs === capacity) {
          capacity *= 2;
          tiles = grown(tiles, capacity);
          owners = grown(owners, capacity);
        }
        const tile = tileY * columns + tileX;
        tiles[numPairs] = tile;
        owners[numPairs++] = i;
        counts[tile + 1]++;
      }
    }
  }
  for (let j = 0; j < columns * rows; j++) counts[j + 1] += counts[j];
  const cursors = counts.slice();
  const ids = new Uint32Array(isShared ? new SharedArrayBuffer(4 * numPairs) : new ArrayBuffer(4 * numPairs));
  for (let pair = 0; pair < numPairs; pair++) ids[cursors[tiles[pair]]++] = owners[pair];
  return { columns, rows, starts: counts, ids };
}

const REACH_SLACK = 1.0001;

/** Least value of a x² + 2 b x y + c y² over the square [x, x + 16] × [y, y + 16]. */
function smallestOverTile(a: number, b: number, c: number, x: number, y: number): number {
  const endX = x + TILE_PX;
  const endY = y + TILE_PX;
  if (x <= 0 && endX >= 0 && y <= 0 && endY >= 0) return 0;
  return Math.min(
    smallestOnLine(a, b, c, x, y, endY),
    smallestOnLine(a, b, c, endX, y, endY),
    smallestOnLine(c, b, a, y, x, endX),
    smallestOnLine(c, b, a, endY, x, endX),
  );
}

function smallestOnLine(a: number, b: number, c: number, x: number, start: number, end: number): number {
  const y = Math.min(Math.max((-b * x) / c, start), end);
  return a * x * x + 2 * b * x * y + c * y * y;
}

/** Ids of the drawn Gaussians, near to far, equal depths by id. */
function depthOrder({ count, depths, extents }: Projection): Uint32Array {
  let ids = new Uint32Array(count);
  let numVisible = 0;
  for (let i = 0; i < count; i++) if (extents[2 * i] > 0) ids[numVisible++] = i;
  ids = ids.slice(0, numVisible);
  const values = new Float32Array(numVisible);
  for (let j = 0; j < numVisible; j++) values[j] = depths[ids[j]];
  // Positive floats sort like their bits.
  let keys: Uint32Array = new Uint32Array(values.buffer);
  let otherIds = new Uint32Array(numVisible);
  let otherKeys = new Uint32Array(numVisible);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    const offsets = new Uint32Array(DIGITS + 1);
    for (let j = 0; j < numVisible; j++) offsets[((keys[j] >>> shift) & (DIGITS - 1)) + 1]++;
    for (let d = 0; d < DIGITS; d++) offsets[d + 1] += offsets[d];
    for (let j = 0; j < numVisible; j++) {
      const position = offsets[(keys[j] >>> shift) & (DIGITS - 1)]++;
      otherIds[position] = ids[j];
      otherKeys[position] = keys[j];
    }
    [ids, otherIds] = [otherIds, ids];
    [keys, otherKeys] = [otherKeys, keys as Uint32Array<ArrayBuffer>];
  }
  return ids;
}

function grown(array: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(capacity);
  larger.set(array);
  return larger;
}
