/** The forward SIMD kernel: a chunk of Gaussians, near to far, onto the planes of a tile. */
import {
  advance,
  block,
  branchIf,
  f32x4,
  i32,
  i32x4,
  local,
  repeatWhile,
  sequence,
  set,
  v128,
  when,
  type WasmFunction,
} from '@tenfold/core/wasm';
import { MIN_TRANSMITTANCE } from './limits.ts';
import { MIN_ALPHA } from './project.ts';
import { channelPlane, FIELDS, type TileLayout } from './simd-layout.ts';
import { createWalk, lanes, loadPixels, setFall, storePixels, walkRows } from './simd-walk.ts';

/** forward(records, list position of the first, open pixels, pixels a row): open pixels afterwards. */
export function forwardKernel(layout: TileLayout): WasmFunction {
  const walk = createWalk();
  const { locals, add, record, pixel, fall, all } = walk;
  const [count, position, numOpen, width] = [local('i32'), local('i32'), local('i32'), local('i32')];
  const [maxAlpha, before, after, mask, stopped, last] = [
    add('v128'),
    add('v128'),
    add('v128'),
    add('v128'),
    add('v128'),
    add('v128'),
  ];
  const colors = walk.vectors(3 + layout.numExtra);
  const end = add('i32');
  const isSeen = v128.and(f32x4.ge(fall, all(MIN_ALPHA)), f32x4.le(walk.exponent, all(0)));
  const finish = sequence(
    set(numOpen, i32.sub(numOpen, i32.popcnt(i32x4.bitmask(stopped)))),
    set(mask, v128.andnot(mask, stopped)),
    set(before, v128.xor(before, v128.and(stopped, lanes(-0, -0, -0, -0)))),
  );
  const group = sequence(
    set(before, loadPixels(walk, 'transmittance')),
    set(mask, f32x4.gt(before, all(0))),
    when(
      v128.anyTrue(mask),
      setFall(walk),
      set(fall, f32x4.pmin(f32x4.mul(walk.opacity, fall), maxAlpha)),
      set(mask, v128.and(mask, isSeen)),
      set(after, f32x4.mul(before, f32x4.sub(all(1), fall))),
      set(stopped, v128.and(mask, f32x4.lt(after, all(MIN_TRANSMITTANCE)))),
      when(v128.anyTrue(stopped), finish),
      set(fall, v128.and(mask, f32x4.mul(fall, before))),
      ...colors.map((color, c) => {
        const sum = v128.load(pixel, channelPlane(c));
        return v128.store(pixel, f32x4.add(sum, f32x4.mul(color, fall)), channelPlane(c));
      }),
      storePixels(walk, 'transmittance', v128.bitselect(after, before, mask)),
      storePixels(walk, 'lasts', v128.bitselect(last, loadPixels(walk, 'lasts'), mask)),
    ),
  );
  const rows = walkRows(walk, width, { group });
  const body = [
    walk.setConstants(),
    set(maxAlpha, v128.load32Splat(i32.const(layout.maxAlpha))),
    set(record, i32.const(layout.records)),
    set(end, i32.add(record, i32.mul(count, i32.const(layout.recordBytes)))),
    block(
      repeatWhile(
        i32.ltS(record, end),
        advance(position, 1),
        set(last, i32x4.splat(position)),
        ...colors.map((color, c) => set(color, v128.load32Splat(record, FIELDS.rgb + 4 * c))),
        rows,
        branchIf(i32.eqz(numOpen), 1),
        advance(record, layout.recordBytes),
      ),
    ),
  ];
  return { name: 'forward', params: [count, position, numOpen, width], locals, body, result: numOpen };
}
