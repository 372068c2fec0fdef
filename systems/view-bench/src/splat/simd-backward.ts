/** The backward SIMD kernel: a chunk of Gaussians, far to near; its sums stay in the Gaussians' records.
 *  Equations as in composite-gradient.ts, with ∂L/∂u = a Σ n t and ∂L/∂v = Σ n (b t − k dy), n = −∂L/∂σ. */
import { code, f32x4, f64, i32, i32x4, repeat, set, tee, v128, when, type Bytes, type Kernel } from './wasm-code.ts';
import { MIN_ALPHA } from './project.ts';
import { channelPlane, FIELDS, SUMS, type TileLayout } from './simd-layout.ts';
import { createWalk, fallOf, pixelsOf, rowsOf, storePixels } from './simd-walk.ts';

/** backward(records, list position of the first, pixels a row): 0. */
export function backwardKernel(layout: TileLayout): Kernel {
  const walk = createWalk(3);
  const { locals, record, pixel, dy, t, fall, all } = walk;
  const [count, position, width] = locals.params as [Bytes, Bytes, Bytes];
  const vector = () => locals.add('v128');
  const [maxAlpha, here, shear, shift, stiff, mask] = [vector(), vector(), vector(), vector(), vector(), vector()];
  const [unclamped, alpha, open, before, behind] = [vector(), vector(), vector(), vector(), vector()];
  const [shade, weight, nt, nv, q, rowN, rowQ] = [vector(), vector(), vector(), vector(), vector(), vector(), vector()];
  const sums = Array.from({ length: SUMS.extra + layout.numExtra }, vector);
  const channels = Array.from({ length: 3 + layout.numExtra }, (_, c) => c);
  const gradient = (c: number) => v128.load(pixel, channelPlane(c));
  const color = (c: number) => v128.loadSplat(record, FIELDS.rgb + 4 * c);
  const add = (sum: Bytes, more: Bytes) => set(sum, f32x4.add(sum, more));
  const addTo = (sum: number, more: Bytes) => add(sums[sum]!, more);
  const isSeen = v128.and(f32x4.isAtLeast(alpha, all(MIN_ALPHA)), f32x4.isAtMost(walk.exponent, all(0)));
  const group = when(
    v128.hasAny(tee(mask, i32x4.isGreater(pixelsOf(walk, 'lasts'), here))),
    fallOf(walk),
    set(unclamped, f32x4.mul(walk.opacity, fall)),
    set(alpha, f32x4.smaller(unclamped, maxAlpha)),
    set(mask, v128.and(mask, isSeen)),
    // The other lanes have α = 0, which changes nothing.
    set(alpha, v128.and(alpha, mask)),
    set(open, f32x4.div(all(1), f32x4.sub(all(1), alpha))),
    set(before, f32x4.mul(pixelsOf(walk, 'transmittance'), open)),
    storePixels(walk, 'transmittance', before),
    set(weight, f32x4.mul(alpha, before)),
    ...channels.map((c) => addTo(SUMS.rgb + c, f32x4.mul(weight, gradient(c)))),
    set(shade, channels.map((c) => f32x4.mul(color(c), gradient(c))).reduce(f32x4.add)),
    set(behind, pixelsOf(walk, 'behind')),
    storePixels(walk, 'behind', f32x4.add(behind, f32x4.mul(shade, weight))),
    set(shade, f32x4.add(f32x4.mul(shade, before), f32x4.mul(f32x4.sub(pixelsOf(walk, 'tail'), behind), open))),
    set(shade, v128.and(shade, v128.and(mask, f32x4.isAtMost(unclamped, maxAlpha)))),
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
  const begin = code(
    set(rowN, f32x4.all(0)),
    set(rowQ, f32x4.all(0)),
    set(stiff, f32x4.splatF64(f64.mul(f64.load(record, FIELDS.stiffness), dy))),
    set(shift, f32x4.splatF64(f64.mul(f64.load(record, FIELDS.slope), dy))),
  );
  const end = code(
    set(q, f32x4.splatF64(dy)),
    addTo(SUMS.mixed, f32x4.mul(rowQ, q)),
    addTo(SUMS.squareY, f32x4.mul(f32x4.mul(rowN, q), q)),
  );
  const rows = rowsOf(walk, width, { begin, group, end });
  const body = code(
    walk.constants(),
    set(maxAlpha, v128.loadSplat(i32.of(0), layout.maxAlpha)),
    set(record, i32.add(i32.of(layout.records), i32.mul(count, i32.of(layout.recordBytes)))),
    set(position, i32.add(position, count)),
    repeat(
      i32.isGreater(record, i32.of(layout.records)),
      set(record, i32.sub(record, i32.of(layout.recordBytes))),
      set(position, i32.sub(position, i32.of(1))),
      set(here, i32x4.splat(position)),
      set(shear, v128.loadSplat(record, FIELDS.shear)),
      ...sums.map((sum) => set(sum, f32x4.all(0))),
      rows,
      ...Array.from({ length: Math.ceil(sums.length / 4) }, (_, k) =>
        v128.store(record, layout.sums + 16 * k, lanesOf(sums.slice(4 * k, 4 * k + 4))),
      ),
    ),
    i32.of(0),
  );
  return { name: 'backward', locals, body };
}

/** The sums over the lanes of up to four vectors, in one vector. */
function lanesOf(vectors: readonly Bytes[]): Bytes {
  const pair = (x: Bytes, y: Bytes) => f32x4.add(v128.pick(x, y, [0, 1, 4, 5]), v128.pick(x, y, [2, 3, 6, 7]));
  const [p, q, r, s] = [0, 1, 2, 3].map((k) => vectors[k] ?? f32x4.all(0)) as [Bytes, Bytes, Bytes, Bytes];
  const [left, right] = [pair(p, q), pair(r, s)];
  return f32x4.add(v128.pick(left, right, [0, 2, 4, 6]), v128.pick(left, right, [1, 3, 5, 7]));
}
