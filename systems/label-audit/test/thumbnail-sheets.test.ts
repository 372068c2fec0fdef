import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '@tenfold/core/data';
import { thumbnailSheets } from '../src/outputs/thumbnail-sheets.ts';
import { pictureOn } from '../web/pictures.ts';

/** Picture i is filled with level i, its upper left pixel is white. */
function numbered(count: number, channels: 1 | 3, height: number, width: number) {
  const size = channels * height * width;
  const data = Float32Array.from({ length: count * size }, (_, at) =>
    at % (height * width) === 0 ? 1 : Math.floor(at / size) / 255,
  );
  return { dtype: 'float32' as const, shape: [count, channels, height, width], data };
}

test('each picture stands where the page looks for it, on sheets of at most 512 pixels', async () => {
  for (const [count, channels, height, width] of [
    [200, 1, 28, 28],
    [250, 3, 64, 40],
    [3, 3, 256, 256],
    [2, 1, 700, 20],
  ] as const) {
    const rows = Array.from({ length: count }, (_, i) => count - 1 - i);
    const { index, files } = await thumbnailSheets(numbered(count, channels, height, width), rows);
    const sheets = new Map(
      await Promise.all(files.map(async ({ name, bytes }) => [name, await readImage(bytes)] as const)),
    );
    for (let place = 0; place < count; place++) {
      const { url, columns, slot } = pictureOn(index, place, (name) => name)!;
      const sheet = sheets.get(url)!;
      assert.ok(columns === 1 || (sheet.widthPx <= 512 && sheet.heightPx <= 512));
      assert.deepEqual([sheet.widthPx, sheet.heightPx], [columns * width, columns * height]);
      const left = (slot % columns) * width;
      const top = Math.floor(slot / columns) * height;
      const at = (x: number, y: number) => sheet.data[((top + y) * sheet.widthPx + left + x) * sheet.channels];
      assert.equal(at(0, 0), 255);
      assert.equal(at(width - 1, height - 1), rows[place]);
      assert.equal(at(1, 0), rows[place]);
    }
    assert.equal(pictureOn(index, files.length * index.columns ** 2, String), undefined);
  }
});
