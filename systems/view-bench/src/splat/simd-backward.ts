/** The backward SIMD kernel: a chunk of Gaussians, far to near; its sums stay in the Gaussians' records.
 *  Equations as in composite-gradient.ts, with ∂L/∂u = a Σ n t and ∂L/∂v = Σ n (b t − k dy), n = −∂L/∂σ. */
import {
  advance,
  f32x4,
  f64,
  i32,
  i32x4,
  local,
  repeatWhile,
  sequence,
  set,
  tee,
  v128,
  when,
  type Code,
  type Value,
  type WasmFunction,
} from '@tenfold/core/wasm';
import { MIN_ALPHA } from './project.ts';
import { channelPlane, FIELDS, SUMS, type TileLayout } from './simd-layout.ts';
import { createWalk, loadPixels, setFall, splat, storePixels, walkRows, ZERO, type Vector } from './simd-walk.ts';

/** backward(records, list position of the first, pixels a row). */
export function backwardKernel(layout: TileLayout): WasmFunction {
  const walk = createWalk();
  const { locals, add: vectorOf, record, pixel, dy, t, fall, all } = walk;
  const [count, position, width] = [local('i32'), local('i32'), local('i32')];
  const vector = () => vectorOf('v128');
  const [maxAlpha, here, shear, shift, stiff, mask] = [vector(), vector(), vector(), vector(), vector(), vector()];
  const [unclamped, alpha, open, before, behind] = [vector(), vector(), vector(), vector(), vector()];
  const [shade, weight, nt, nv, q, rowN, rowQ] = [vector(), vector(), vector(), vector(), vector(), vector(), vector()];
  const sums = walk.vectors(SUMS.extra + layout.numExtra);
  const channels = Array.from({ length: 3 + layout.numExtra }, (_, c) => c);
  const gradient = (c: number) => v128.load(pixel, channelPlane(c));
  const color = (c: number) => v128.load32Splat(record, FIELDS.rgb + 4 * c);
  const add = (sum: Vector, more: Value<'v128'>) => set(sum, f32x4.add(sum, more));
  const addTo = (sum: number, more: Value<'v128'>) => add(sums[sum]!, more);
  const isSeen = v128.and(f32x4.ge(alpha, all(MIN_ALPHA)), f32x4.le(walk.exponent, all(0)));
  const group = when(
    v128.anyTrue(tee(mask, i32x4.gtS(loadPixels(walk, 'lasts'), here))),
    setFall(walk),
    set(unclamped, f32x4.mul(walk.opacity, fall)),
    set(alpha, f32x4.pmin(unclamped, maxAlpha)),
    set(mask, v128.and(mask, isSeen)),
    // The other lanes have α = 0, which changes nothing.
    set(alpha, v128.and(alpha, mask)),
    set(open, f32x4.div(all(1), f32x4.sub(all(1), alpha))),
    set(before, f32x4.mul(loadPixels(walk, 'transmittance'), open)),
    storePixels(walk, 'transmittance', before),
    set(weight, f32x4.mul(alpha, before)),
    ...channels.map((c) => addTo(SUMS.rgb + c, f32x4.mul(weight, gradient(c)))),
    set(shade, channels.map((c) => f32x4.mul(color(c), gradient(c))).reduce(f32x4.add)),
    set(behind, loadPixels(walk, 'behind')),
    storePixels(walk, 'behind', f32x4.add(behind, f32x4.mul(shade, weight))),
    set(shade, f32x4.add(f32x4.mul(shade, before), f32x4.mul(f32x4.sub(loadPixels(walk, 'tail'), behind), open))),
    set(shade, v128.and(shade, v128.and(mask, f32x4.le(unclamped, maxAlpha)))),
    addTo(SUMS.opacity, f32x4.mul(fall, shade)),
    set(shade, f32x4.mul(shade, unclamped)),
    add(rowN, shade),
    set(nt, f32x4.mul(shade, t)),
    addTo(SUMS.along, nt),
    addTo(SUMS.absoluteAlong, f32x4.abs(nt)),
    set(nv, f32x4.sub(f32x4.mul(nt, shear), f32x4.mul(shade, stiff))),
    addTo(SUMS.v, nv),
    addTo(SUMS.absoluteV, f32x4.abs(nv)),
    set(q, f32x4.add(t, shift)),
    set(shade, f32x4.mul(shade, q)),
    add(rowQ, shade),
    addTo(SUMS.squareX, f32x4.mul(shade, q)),
  );
  const begin = sequence(
    set(rowN, ZERO),
    set(rowQ, ZERO),
    set(stiff, splat(f64.mul(f64.load(record, FIELDS.stiffness), dy))),
    set(shift, splat(f64.mul(f64.load(record, FIELDS.slope), dy))),
  );
  const end = sequence(
    set(q, splat(dy)),
    addTo(SUMS.mixed, f32x4.mul(rowQ, q)),
    addTo(SUMS.squareY, f32x4.mul(f32x4.mul(rowN, q), q)),
  );
  const rows = walkRows(walk, width, { begin, group, end });
  const body = [
    walk.setConstants(),
    set(maxAlpha, v128.load32Splat(i32.const(layout.maxAlpha))),
    set(record, i32.add(i32.const(layout.records), i32.mul(count, i32.const(layout.recordBytes)))),
    advance(position, count),
    repeatWhile(
      i32.gtS(record, i32.const(layout.records)),
      advance(record, -layout.recordBytes),
      advance(position, -1),
      set(here, i32x4.splat(position)),
      set(shear, v128.load32Splat(record, FIELDS.shear)),
      ...sums.map((sum) => set(sum, ZERO)),
      rows,
      ...Array.from({ length: Math.ceil(sums.length / 4) }, (_, k) =>
        v128.store(record, laneSums(sums.slice(4 * k, 4 * k + 4)), layout.sums + 16 * k),
      ),
    ),
  ];
  return { name: 'backward', params: [count, position, width], locals, body };
}

/** The sums over the lanes of up to four vectors, in one vector. */
function laneSums(vectors: readonly Vector[]): Code<'v128'> {
  const pair = (x: Value<'v128'>, y: Value<'v128'>) =>
    f32x4.add(f32x4.shuffle(x, y, [0, 1, 4, 5]), f32x4.shuffle(x, y, [2, 3, 6, 7]));
  const left = pair(vectors[0] ?? ZERO, vectors[1] ?? ZERO);
  const right = pair(vectors[2] ?? ZERO, vectors[3] ?? ZERO);
  return f32x4.add(f32x4.shuffle(left, right, [0, 2, 4, 6]), f32x4.shuffle(left, right, [1, 3, 5, 7]));
}
