/** The forward SIMD kernel: a chunk of Gaussians, near to far, onto the planes of a tile. */
import {
  block,
  code,
  f32x4,
  i32,
  i32x4,
  leaveIf,
  repeat,
  set,
  v128,
  when,
  type Bytes,
  type Kernel,
} from './wasm-code.ts';
import { MIN_TRANSMITTANCE } from './limits.ts';
import { MIN_ALPHA } from './project.ts';
import { channelPlane, FIELDS, type TileLayout } from './simd-layout.ts';
import { createWalk, fallOf, pixelsOf, rowsOf, storePixels } from './simd-walk.ts';

/** forward(records, list position of the first, open pixels, pixels a row): open pixels afterwards. */
export function forwardKernel(layout: TileLayout): Kernel {
  const walk = createWalk(4);
  const { locals, record, pixel, fall, all } = walk;
  const [count, position, numOpen, width] = locals.params as [Bytes, Bytes, Bytes, Bytes];
  const vector = () => locals.add('v128');
  const [maxAlpha, before, mask, after, stopped, last] = Array.from({ length: 6 }, vector) as [
    Bytes,
    Bytes,
    Bytes,
    Bytes,
    Bytes,
    Bytes,
  ];
  const colors = Array.from({ length: 3 + layout.numExtra }, vector);
  const end = locals.add('i32');
  const isSeen = v128.and(f32x4.isAtLeast(fall, all(MIN_ALPHA)), f32x4.isAtMost(walk.exponent, all(0)));
  const group = code(
    set(before, pixelsOf(walk, 'transmittance')),
    set(mask, f32x4.isGreater(before, all(0))),
    when(
      v128.hasAny(mask),
      fallOf(walk),
      set(fall, f32x4.smaller(f32x4.mul(walk.opacity, fall), maxAlpha)),
      set(mask, v128.and(mask, isSeen)),
      set(after, f32x4.mul(before, f32x4.sub(all(1), fall))),
      set(stopped, v128.and(mask, f32x4.isLess(after, all(MIN_TRANSMITTANCE)))),
      when(
        v128.hasAny(stopped),
        set(numOpen, i32.sub(numOpen, i32.countBits(i32x4.signs(stopped)))),
        set(mask, v128.andNot(mask, stopped)),
        set(before, v128.xor(before, v128.and(stopped, f32x4.all(-0)))),
      ),
      set(fall, v128.and(mask, f32x4.mul(fall, before))),
      ...colors.map((color, c) =>
        v128.store(pixel, channelPlane(c), f32x4.add(v128.load(pixel, channelPlane(c)), f32x4.mul(color, fall))),
      ),
      storePixels(walk, 'transmittance', v128.select(after, before, mask)),
      storePixels(walk, 'lasts', v128.select(last, pixelsOf(walk, 'lasts'), mask)),
    ),
  );
  const rows = rowsOf(walk, width, { begin: [], group, end: [] });
  const body = code(
    walk.constants(),
    set(maxAlpha, v128.loadSplat(i32.of(0), layout.maxAlpha)),
    set(record, i32.of(layout.records)),
    set(end, i32.add(record, i32.mul(count, i32.of(layout.recordBytes)))),
    block(
      repeat(
        i32.isLess(record, end),
        set(position, i32.add(position, i32.of(1))),
        set(last, i32x4.splat(position)),
        ...colors.map((color, c) => set(color, v128.loadSplat(record, FIELDS.rgb + 4 * c))),
        rows,
        leaveIf(i32.isZero(numOpen), 1),
        set(record, i32.add(record, i32.of(layout.recordBytes))),
      ),
    ),
    numOpen,
  );
  return { name: 'forward', locals, body };
}
