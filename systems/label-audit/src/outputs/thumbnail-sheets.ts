/** Many small pictures as a few large ones: a page decodes only the sheets that are in view. */
import { createMemorySink, writeImage } from '@tenfold/core/data';
import type { PixelImage } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';

/** Picture i stands on sheet ⌊i / columns²⌋, from left to right and from the top. */
export interface SheetIndex {
  /** Of each sheet, and rows too. */
  readonly columns: number;
  /** Artifacts in order; pictures beyond the last sheet have none. */
  readonly names: readonly string[];
}

export interface SheetFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const LARGEST_SHEET_PX = 512;
const MOST_COLUMNS = 16;
/** Of all sheets of a run. */
const MAX_BYTES = 64 * 2 ** 20;

/** @param x  [N, C, H, W] f32 in 0..1, C 1 or 3 @param rows  along axis 0, in the order of the pictures */
export async function thumbnailSheets(
  x: Tensor<'float32'>,
  rows: ArrayLike<number>,
): Promise<{ index: SheetIndex; files: readonly SheetFile[] }> {
  const [, channels, height, width] = x.shape;
  const columns = Math.max(1, Math.min(MOST_COLUMNS, Math.floor(LARGEST_SHEET_PX / Math.max(height, width))));
  const perSheet = columns * columns;
  const files: SheetFile[] = [];
  let numBytes = 0;
  for (let first = 0; first < rows.length && numBytes < MAX_BYTES; first += perSheet) {
    const sheet: PixelImage = {
      widthPx: columns * width,
      heightPx: columns * height,
      channels: channels as 1 | 3,
      data: new Uint8Array(columns * width * columns * height * channels),
    };
    for (let i = first; i < Math.min(first + perSheet, rows.length); i++) {
      const slot = i - first;
      const corner = (Math.floor(slot / columns) * height * columns + (slot % columns)) * width;
      for (let c = 0; c < channels; c++) {
        const from = (rows[i] * channels + c) * height * width;
        for (let y = 0; y < height; y++) {
          const to = corner + y * columns * width;
          for (let u = 0; u < width; u++) {
            const level = Math.round(255 * x.data[from + y * width + u]);
            sheet.data[(to + u) * channels + c] = Math.max(0, Math.min(255, level));
          }
        }
      }
    }
    const sink = createMemorySink();
    await writeImage(sink, sheet);
    const bytes = sink.bytes();
    numBytes += bytes.length;
    files.push({ name: `thumbnails-${String(files.length).padStart(3, '0')}.png`, bytes });
  }
  return { index: { columns, names: files.map(({ name }) => name) }, files };
}
